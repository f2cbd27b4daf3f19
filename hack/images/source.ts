/**
 * What images are made of, as they say it themselves: version, commit and its time.
 *
 * Owns: what stands in for a commit where there is none. Never: writes.
 * Invariant: a commit is named without a mark only when the files that go into images are those of the commit.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Source } from './recipe';

/** What ends up in images, or decides on it: sources, what compiles and bundles them, and what lays them out. */
export const INPUTS = [
  ...['src', 'crds', 'assets', 'LICENSE', 'package.json', 'package-lock.json', 'tsconfig.json'],
  ...['hack/bundle', 'hack/bundle.mjs', 'hack/run', 'hack/run.mjs'],
  ...['hack/images', 'hack/debian', 'hack/generators/project.ts', 'hack/generators/project.yaml', 'hack/temporary-folder.ts'],
];
const UNKNOWN = 'unknown';
const CHANGED = '-dirty';

/** @throws {RangeError} when SOURCE_DATE_EPOCH is set to something else than seconds. */
export function sourceOf(root: string, environment: Readonly<Record<string, string | undefined>> = process.env): Source {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const git = (...args: string[]): string =>
    execFileSync('git', ['--no-optional-locks', '-C', root, ...args], {
      ...{ encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
      env: { ...process.env, ...environment, LC_ALL: 'C' },
    }).trim();
  const epoch = epochOf(environment['SOURCE_DATE_EPOCH']);
  try {
    const isChanged = git('status', '--porcelain', '--', ...INPUTS) !== '';
    const revision = `${git('rev-parse', 'HEAD')}${isChanged ? CHANGED : ''}`;
    return { root, version, revision, createdSeconds: epoch ?? Number(git('log', '-1', '--format=%ct')) };
  } catch (error) {
    // An archive of the sources has no history; without a time of its own every file is of the beginning of time.
    return { root, version, revision: UNKNOWN, createdSeconds: epoch ?? 0, gitProblem: problemOf(error) };
  }
}

/** What keeps git from telling of the sources, on one line. */
function problemOf(error: unknown): string {
  const { code, stderr = '', message } = error as { code?: string; stderr?: string; message: string };
  if (code === 'ENOENT') return 'git is not installed';
  if (stderr.includes('not a git repository')) return 'there is no git history here';
  const [line = ''] = stderr.split('\n').filter((text) => text.trim() !== '');
  return `git does not tell: ${line.replace(/^fatal: /, '') || message.split('\n')[0]}`;
}

function epochOf(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (/^\d{1,11}$/.test(text)) return Number(text);
  throw new RangeError(`SOURCE_DATE_EPOCH is ${JSON.stringify(text)}; allowed: seconds since 1970, for example 1767225600`);
}

/** What to tell people of a source whose images others cannot build. @returns `undefined` when they can. */
export function warningOf({ revision, gitProblem }: Source): string | undefined {
  if (gitProblem !== undefined) return `${gitProblem}: images say that their commit is unknown`;
  return revision.endsWith(CHANGED) ? `files differ from the commit: images say that they are of ${revision}` : undefined;
}
