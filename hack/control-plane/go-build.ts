/**
 * Builds the control plane with the Go tool chain at hand.
 *
 * Owns: finding Go, judging its version, the build and its progress. Never: downloads anything but Go modules.
 * Invariant: the result appears at its place complete or not at all; what an interrupted build has left is removed with its process group.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { GO_ENVIRONMENT, type GoSources, goBuildArgs } from './go-sources';
import { tailOf } from './log-tail';
import { ProcessGroup } from './process-group';
import { Progress, type ProgressStream } from './progress';

const TITLE =
  'building etcd and the Kubernetes control plane with Go; the first time this takes 4 to 7 minutes on two cores and downloads 0.2 GB of modules';

/**
 * Version of the `go` on the path, for example `1.26.8`; `undefined` when there is none.
 *
 * Development versions (`devel go1.27-...`) count as the version they lead to.
 */
export async function goVersionOf(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  try {
    // Outside the module: inside, a Go that is too old for it refuses to answer.
    const { stdout } = await promisify(execFile)('go', ['version'], { env: goEnvironment(env), cwd: tmpdir() });
    return /\bgo(\d+\.\d+(?:\.\d+)?)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

/** Whether version `have` is at least `want`; both are dotted numbers, missing parts are zero. */
export function isAtLeast(have: string, want: string): boolean {
  const [haveParts, wantParts] = [have, want].map((version) => version.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (haveParts?.[i] ?? 0) - (wantParts?.[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

export interface BuildOptions {
  /** What is said at the start. @default that of the control plane */
  readonly title?: string;
  /** Package below the folder of the sources. @default `.` */
  readonly goPackage?: string;
  /** Where progress goes. @default standard error */
  readonly progress?: ProgressStream | undefined;
  /** Ends the build. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * @param target absolute path the binary gets.
 * @throws {Error} with the last lines of the compiler's output when the build fails; the reason of `signal` when that ended it.
 */
export async function buildWithGo(
  sources: GoSources,
  target: string,
  env: NodeJS.ProcessEnv,
  { title = TITLE, goPackage = '.', progress: stream, signal }: BuildOptions = {},
): Promise<void> {
  mkdirSync(dirname(target), { recursive: true });
  // Beside the target, so that the rename at the end stays within one file system.
  const group = await ProcessGroup.create(join(dirname(target), '.building-'));
  const log = join(group.directory, 'go.log');
  const progress = new Progress(title, () => summaryOf(log), stream);
  try {
    const output = join(group.directory, basename(target));
    const goTmp = join(group.directory, 'tmp');
    mkdirSync(goTmp);
    const build = await group.start({
      name: 'go build',
      command: ['go', ...goBuildArgs(sources.kubernetesVersion, output, goPackage)],
      env: { ...goEnvironment(env), GOTMPDIR: goTmp },
      workingDirectory: sources.directory,
      logFile: log,
    });
    const status = await group.untilAborted(signal, () => build.ended());
    if (status.code !== 0) throw new Error(`go build failed in ${sources.directory}; its last lines:\n${tailOf(log)}`);
    renameSync(output, target);
    progress.end(`built Kubernetes ${sources.kubernetesVersion}: ${target}`);
  } catch (error) {
    progress.end(signal?.aborted ? 'the build was interrupted' : 'the build has failed');
    throw error;
  } finally {
    await group.dispose();
  }
}

/** Go wants a home folder for its caches unless they are set; service accounts of CI systems often have no HOME. */
function goEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { HOME: homedir(), ...env, ...GO_ENVIRONMENT };
}

/** `go build -v` names every module it downloads and every package it compiles, one a line. */
function summaryOf(log: string): string {
  const lines = readFileSync(log, { encoding: 'utf8', flag: 'a+' }).split('\n').filter(Boolean);
  const modules = lines.filter((line) => line.startsWith('go: downloading ')).length;
  const packages = lines.length - modules;
  if (packages === 0) return `downloading modules, ${modules} so far`;
  return `${packages} packages compiled, now ${lines.at(-1)}`;
}
