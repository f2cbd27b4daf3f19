/**
 * The command line that all generators of files share: without arguments they write, with `--check` they tell drift.
 *
 * Owns: arguments, what is printed and the exit code. Never: decides what a file contains.
 */
import { join } from 'node:path';
import { type Domain, driftOf, type GeneratedFiles, writeGenerated } from './generated-files';

export interface Generator extends Domain {
  /** What the files are made from, for people. */
  readonly source: string;
  /** The files of the repository at `root`. */
  readonly files: (root: string) => GeneratedFiles;
}

/** Runs the command. @returns the exit code: 0 done, 1 drifted, 2 usage. */
export function runGenerator(
  { source, files, ...domain }: Generator,
  root: string,
  args: readonly string[],
  print: (line: string) => void,
): number {
  const unknown = args.find((arg) => arg !== '--check');
  if (unknown !== undefined) {
    print(`unknown argument "${unknown}"; allowed: --check`);
    return 2;
  }
  if (!args.includes('--check')) {
    for (const line of writeGenerated(root, domain, files(root))) print(line);
    return 0;
  }
  const drift = driftOf(root, domain, files(root));
  if (drift.length === 0) return 0;
  for (const report of drift) print(report);
  print(`${drift.length} generated file(s) differ from ${source} ("-" is what stands there, "+" what belongs there): run npm run generate`);
  return 1;
}

/** Runs it on this repository and sets the exit code of the process. */
export function main(generator: Generator): void {
  const repository = join(__dirname, '..', '..', '..');
  process.exitCode = runGenerator(generator, repository, process.argv.slice(2), (line) => console.log(line));
}
