/**
 * Tells which rights of the manager no test has used.
 *
 *     node build/hack/rights/main.js FOLDER     the folder that STEWARD_RIGHTS_JOURNAL named during the whole integration suite
 *
 * Owns: what is printed, and the exit code: 0 every right was used or is listed, 1 not so, 2 usage.
 */
import { join } from 'node:path';
import { MODULE_NAMES } from '../../src/cli/module-names';
import { allRules, managerRightsByPart } from '../../src/cli/rights';
import { journalsIn } from './journal-folder';
import { rightsInUse } from './rights-in-use';
import { UNUSED_LIST, unusedList } from './unused-list';

export function rightsCheck(root: string, args: readonly string[], print: (line: string) => void): number {
  const [folder, ...rest] = args;
  if (folder === undefined || rest.length > 0) {
    print('one argument is needed: the folder with the journals');
    return 2;
  }
  const journals = journalsIn(folder);
  if (journals.length === 0) {
    print(`no journal in ${folder}: no test has started a cluster, so nothing can be said about rights`);
    return 1;
  }
  const rules = allRules(managerRightsByPart(MODULE_NAMES, { leaderElection: true, secureMetrics: true }));
  const listed = unusedList(root);
  const { granted, unused, outdated } = rightsInUse(rules, journals, listed);
  for (const right of unused) print(`granted, but used by no test: ${right}; use it, drop it, or list it with a reason in ${UNUSED_LIST}`);
  for (const right of outdated) print(`listed in ${UNUSED_LIST}, but not granted: ${right}; take it off the list`);
  const excused = listed.flatMap(({ rights }) => rights).length;
  print(`${granted.length} rights of the manager, ${excused} listed as unused, seen in ${journals.length} clusters`);
  return unused.length + outdated.length === 0 ? 0 : 1;
}

if (require.main === module) {
  process.exitCode = rightsCheck(join(__dirname, '..', '..', '..'), process.argv.slice(2), (line) => console.log(line));
}
