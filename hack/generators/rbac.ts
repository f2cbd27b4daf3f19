/**
 * Makes `docs/reference/rbac.md` from the handlers and from the list of rights that no test uses.
 *
 *     node build/hack/generators/rbac.js            writes it if it differs
 *     node build/hack/generators/rbac.js --check    writes nothing, exits 1 and shows the difference
 *
 * Owns: what the page adds to `virt-steward rbac --output=markdown`. Never: derives a right.
 */
import { MODULE_NAMES } from '../../src/cli/module-names';
import { managerRightsByPart, printedRights } from '../../src/cli/rights';
import type { UnusedEntry } from '../rights/rights-in-use';
import { UNUSED_LIST, unusedList } from '../rights/unused-list';
import { GENERATED_MARK, type GeneratedFiles } from './generated-files';
import { type Generator, main } from './generator-command';

const PAGE = 'docs/reference/rbac.md';
/** Only the other formats show them. */
const NAMES = { name: '', namespace: '', serviceAccount: '' };

/** The generated files below `root`. */
export function rbacFiles(root: string): GeneratedFiles {
  const parts = managerRightsByPart(MODULE_NAMES, { leaderElection: true, secureMetrics: true });
  const mark = `<!-- ${GENERATED_MARK}${RBAC_PAGE.source}; DO NOT EDIT. -->`;
  return new Map([[PAGE, [mark, '', printedRights(parts, 'markdown', NAMES) + unusedSection(unusedList(root))].join('\n')]]);
}

function unusedSection(entries: readonly UnusedEntry[]): string {
  if (entries.length === 0) return '';
  const rows = entries.map(({ reason, rights }) => `| ${rights.map((right) => `\`${right}\``).join('<br>')} | ${reason.trim()} |`);
  const text = 'Every other right is used by the integration tests, which run as this account and fail on a refusal.';
  return ['', '## Granted, but used by no test', '', text, '', '| right | reason |', '|---|---|', ...rows, ''].join('\n');
}

export const RBAC_PAGE: Generator = {
  folder: 'docs/reference',
  isOwn: (path) => path === PAGE,
  source: `the handlers and ${UNUSED_LIST}`,
  files: rbacFiles,
};

if (require.main === module) main(RBAC_PAGE);
