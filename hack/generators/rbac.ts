/**
 * Makes `docs/reference/rbac.md` from the handlers and from the list of rights that no test uses.
 *
 *     node build/hack/generators/rbac.js            writes it if it differs
 *     node build/hack/generators/rbac.js --check    writes nothing, exits 1 and shows the difference
 *
 * Owns: what the page adds to `virt-steward rbac --output=markdown`. Never: derives a right.
 */
import { join } from 'node:path';
import { MODULE_NAMES } from '../../src/cli/module-names';
import { managerRightsByPart, printedRights } from '../../src/cli/rights';
import type { UnusedEntry } from '../rights/rights-in-use';
import { UNUSED_LIST, unusedList } from '../rights/unused-list';
import { driftOf, GENERATED_MARK, type GeneratedFiles, writeGenerated } from './generated-files';

const PAGE = 'docs/reference/rbac.md';
/** Only the other formats show them. */
const NAMES = { name: '', namespace: '', serviceAccount: '' };

/** The generated files below `root`. */
export function rbacFiles(root: string): GeneratedFiles {
  const parts = managerRightsByPart(MODULE_NAMES, { leaderElection: true, secureMetrics: true });
  const mark = `<!-- ${GENERATED_MARK}the handlers and ${UNUSED_LIST}; DO NOT EDIT. -->`;
  return new Map([[PAGE, [mark, '', printedRights(parts, 'markdown', NAMES) + unusedSection(unusedList(root))].join('\n')]]);
}

function unusedSection(entries: readonly UnusedEntry[]): string {
  if (entries.length === 0) return '';
  const rows = entries.map(({ reason, rights }) => `| ${rights.map((right) => `\`${right}\``).join('<br>')} | ${reason.trim()} |`);
  const text = 'Every other right is used by the integration tests, which run as this account and fail on a refusal.';
  return ['', '## Granted, but used by no test', '', text, '', '| right | reason |', '|---|---|', ...rows, ''].join('\n');
}

/** Runs the command. @returns the exit code: 0 done, 1 drifted, 2 usage. */
export function rbacPage(root: string, args: readonly string[], print: (line: string) => void): number {
  const unknown = args.find((arg) => arg !== '--check');
  if (unknown !== undefined) {
    print(`unknown argument "${unknown}"; allowed: --check`);
    return 2;
  }
  if (!args.includes('--check')) {
    for (const line of writeGenerated(root, PAGE, rbacFiles(root))) print(line);
    return 0;
  }
  const drift = driftOf(root, PAGE, rbacFiles(root));
  if (drift.length === 0) return 0;
  for (const report of drift) print(report);
  print(`${PAGE} differs from the handlers: run npm run generate`);
  return 1;
}

if (require.main === module) {
  const repository = join(__dirname, '..', '..', '..');
  process.exitCode = rbacPage(repository, process.argv.slice(2), (line) => console.log(line));
}
