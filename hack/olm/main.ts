/**
 * Checks a bundle for the Operator Lifecycle Manager: `npm run bundle:validate [-- FOLDER]`, by default `olm-bundle/`.
 *
 * Needs neither a cluster nor a network. Exit codes: 0 it passes, 1 it does not, one line a finding, 2 usage.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readBundle } from './bundle';
import { findingText } from './rule';
import { findingsIn, RULES, scorecard } from './validate';
import { at, textOf } from './values';

const ROOT = resolve(__dirname, '..', '..', '..');

/** @returns the exit code. */
export function validate(args: readonly string[], print: (line: string) => void): number {
  const [folder = join(ROOT, 'olm-bundle'), ...others] = args;
  if (others.length > 0 || folder.startsWith('-') || !existsSync(join(folder, 'manifests'))) {
    print(`allowed: one argument, a folder with manifests/ (got "${args.join(' ')}")`);
    return 2;
  }
  const bundle = readBundle(folder, join(ROOT, 'crds'));
  const findings = findingsIn(bundle);
  for (const finding of findings) print(findingText(finding));
  for (const [name, result] of Object.entries(scorecard(findings))) print(`scorecard ${name}: ${result}`);
  if (findings.length > 0) return 1;
  print(`${textOf(at(bundle.csv.object, 'metadata', 'name'))}: ${RULES.length} rules passed`);
  return 0;
}

if (require.main === module) process.exitCode = validate(process.argv.slice(2), (line) => console.log(line));
