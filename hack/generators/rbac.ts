/**
 * Makes `docs/reference/rbac.md` from the handlers and from the list of rights that no test uses, and
 * `examples/machines/remote-clusterrole.yaml`, which accounts on remote clusters are given.
 *
 *     node build/hack/generators/rbac.js            writes it if it differs
 *     node build/hack/generators/rbac.js --check    writes nothing, exits 1 and shows the difference
 *
 * Owns: what the page adds to `virt-steward rbac --output=markdown`. Never: derives a right.
 */
import { MODULE_NAMES } from '../../src/cli/module-names';
import { defaultSettings } from '../../src/cli/modules';
import { managerRightsByPart, printedRights, type RightsPart, remoteRightsParts } from '../../src/cli/rights';
import type { UnusedEntry } from '../rights/rights-in-use';
import { UNUSED_LIST, unusedList } from '../rights/unused-list';
import { GENERATED_MARK, type GeneratedFiles } from './generated-files';
import { type Generator, main } from './generator-command';

const PAGE = 'docs/reference/rbac.md';
const REMOTE_ROLE = 'examples/machines/remote-clusterrole.yaml';
const REMOTE_NAMES = { name: 'virt-steward-remote', namespace: 'virt-steward', serviceAccount: 'virt-steward' };
const REMOTE_TEXT = `What the account of a kubeconfig may do there, and what each cluster is asked for. \`virt-steward kubeconfig\` grants it,
\`virt-steward rbac --modules=machines --remote\` prints it.`;
/** Only the other formats show them. */
const NAMES = { name: '', namespace: '', serviceAccount: '' };

/** The generated files below `root`. */
export function rbacFiles(root: string): GeneratedFiles {
  const parts = managerRightsByPart(MODULE_NAMES, { leaderElection: true, secureMetrics: true });
  const mark = `<!-- ${GENERATED_MARK}${RBAC_PAGE.source}; DO NOT EDIT. -->`;
  const page = printedRights(parts, 'markdown', NAMES) + remoteSection() + unusedSection(unusedList(root));
  return new Map([
    [PAGE, [mark, '', page].join('\n')],
    [REMOTE_ROLE, `# ${GENERATED_MARK}the handlers; DO NOT EDIT.\n${printedRights(remoteParts(), 'yaml', REMOTE_NAMES)}`],
  ]);
}

function remoteParts(): RightsPart[] {
  return remoteRightsParts(defaultSettings());
}

/** The rows of a page of its own, under another title. */
function remoteSection(): string {
  const table = printedRights(remoteParts(), 'markdown', NAMES).split('## Module machines\n')[1] ?? '';
  return ['', '## Module machines, on a remote cluster', '', REMOTE_TEXT, table].join('\n');
}

function unusedSection(entries: readonly UnusedEntry[]): string {
  if (entries.length === 0) return '';
  const rows = entries.map(({ reason, rights }) => `| ${rights.map((right) => `\`${right}\``).join('<br>')} | ${reason.trim()} |`);
  const text = 'Every other right is used by the integration tests, which run as this account and fail on a refusal.';
  return ['', '## Granted, but used by no test', '', text, '', '| right | reason |', '|---|---|', ...rows, ''].join('\n');
}

export const RBAC_PAGE: Generator = {
  folder: 'docs/reference',
  isOwn: (path) => path === PAGE || path === REMOTE_ROLE,
  source: `the handlers and ${UNUSED_LIST}`,
  files: rbacFiles,
};

if (require.main === module) main(RBAC_PAGE);
