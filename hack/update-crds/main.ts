/**
 * Command line of the schemas in assets/crds.
 *
 *     update-crds [--adopt FILE]...    put back what differs from its source; replace what was written by hand by its original
 *     update-crds --record             take over the sums of files that were written by hand
 *     update-crds --verify [--online]  compare sums; with the source too
 *
 * STEWARD_CRD_SOURCE replaces the address that `<repository>/<ref>/<path>` is fetched below.
 */
import { join } from 'node:path';
import { CrdFiles } from './crd-files';

const SOURCE = 'https://raw.githubusercontent.com';
const FETCH_LIMIT_MS = 30_000;
const USAGE = 'allowed: --adopt FILE, --record, --verify, --verify --online';

async function fetchFile(repository: string, ref: string, path: string): Promise<string> {
  const address = `${process.env['STEWARD_CRD_SOURCE'] || SOURCE}/${repository}/${ref}/${path}`;
  const response = await fetch(address, { signal: AbortSignal.timeout(FETCH_LIMIT_MS), redirect: 'error' }).catch((cause: unknown) => {
    throw new Error(`cannot be fetched from ${address}`, { cause });
  });
  if (!response.ok) throw new Error(`cannot be fetched from ${address}: status ${response.status}`);
  return response.text();
}

/** @returns the exit code: 0 done, 1 something differs or cannot be had, 2 usage. */
export async function run(args: readonly string[], root: string, print: (line: string) => void): Promise<number> {
  const files = new CrdFiles({ root, fetch: fetchFile, print });
  const [first, second] = args;
  try {
    if (first === '--verify' && (args.length === 1 || (args.length === 2 && second === '--online'))) {
      const problems = await files.verify(second === '--online');
      for (const problem of problems) print(problem);
      return problems.length === 0 ? 0 : 1;
    }
    if (first === '--record' && args.length === 1) {
      files.recordHandwritten();
      return 0;
    }
    const adopt = args.filter((_, index) => index % 2 === 1);
    if (args.length % 2 === 1 || args.some((arg, index) => index % 2 === 0 && arg !== '--adopt')) {
      print(`unknown arguments "${args.join(' ')}"; ${USAGE}`);
      return 2;
    }
    return (await files.update(adopt)) ? 0 : 1;
  } catch (error) {
    print(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

if (require.main === module) {
  const repository = join(__dirname, '..', '..', '..');
  run(process.argv.slice(2), repository, (line) => console.log(line)).then((code) => {
    process.exitCode = code;
  });
}
