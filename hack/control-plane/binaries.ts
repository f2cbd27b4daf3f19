/**
 * Decides which executables a control plane runs.
 *
 * Owns: the order of the choices and the words said when none is left. Never: starts a server.
 * Invariant: `KUBEBUILDER_ASSETS` wins when it is set, also when it is wrong: then it is an error, not a reason to build.
 *
 * Expected flow: KUBEBUILDER_ASSETS -> the cached binary -> a build with Go, cached for the next time.
 */
import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { withLock } from './build-lock';
import type { Component } from './components';
import { buildWithGo, goVersionOf, isAtLeast } from './go-build';
import { type GoSources, readGoSources } from './go-sources';
import type { ProgressStream } from './progress';

/** The beginning of a command line: the executable and, for the multi-call binary, the component's name. */
export type Command = readonly [string, ...string[]];

export interface ControlPlaneBinaries {
  readonly origin: 'KUBEBUILDER_ASSETS' | 'cache' | 'build';
  /** What there is; etcd and kube-apiserver always, the other two perhaps not with `KUBEBUILDER_ASSETS`. */
  readonly commands: Readonly<Partial<Record<Component, Command>> & Record<'etcd' | 'kube-apiserver', Command>>;
}

export interface ResolveOptions {
  /** Environment to look into. @default process.env */
  readonly env?: NodeJS.ProcessEnv;
  /** Go module to build. @default the one of this checkout */
  readonly sources?: GoSources;
  /** Where progress goes. @default standard error */
  readonly progress?: ProgressStream;
  /** Ends a build or the wait for one, and the start of a control plane; no effect afterwards. */
  readonly signal?: AbortSignal;
}

const CHOICES =
  'either install Go %s or later (https://go.dev/dl), or set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver, as `setup-envtest use -p path` prints it';

/** @throws {Error} one line that says what is missing and what may be done about it, the compiler's last words, or the reason of `signal`. */
export async function resolveBinaries(options: ResolveOptions = {}): Promise<ControlPlaneBinaries> {
  const { env = process.env, sources = readGoSources(), progress, signal } = options;
  if (env['KUBEBUILDER_ASSETS']) return binariesIn(resolve(env['KUBEBUILDER_ASSETS']));
  const binary = cachedBinary(sources, env);
  if (existsSync(binary)) return multiCall('cache', binary);
  await requireGo(sources, env);
  mkdirSync(cacheDirectory(env), { recursive: true });
  return withLock(
    `${join(cacheDirectory(env), sources.cacheKey)}.lock`,
    async () => {
      if (existsSync(binary)) return multiCall('cache', binary);
      await buildWithGo(sources, binary, env, { progress, signal });
      return multiCall('build', binary);
    },
    {
      signal,
      onWait: ({ pid }) => (progress ?? process.stderr).write(`waiting for process ${pid}, which is building the control plane\n`),
    },
  );
}

/** Absolute path the built binary has in the cache, whether it is there or not. */
export function cachedBinary(sources: GoSources, env: NodeJS.ProcessEnv = process.env): string {
  return join(cacheDirectory(env), sources.cacheKey, 'control-plane');
}

/** The XDG specification says to ignore a relative path. */
function cacheDirectory(env: NodeJS.ProcessEnv): string {
  const xdg = env['XDG_CACHE_HOME'];
  const base = xdg !== undefined && isAbsolute(xdg) ? xdg : join(env['HOME'] || homedir(), '.cache');
  return join(base, 'virt-steward', 'control-plane');
}

function multiCall(origin: 'cache' | 'build', binary: string): ControlPlaneBinaries {
  const command = (component: Component): Command => [binary, component];
  return {
    origin,
    commands: {
      etcd: command('etcd'),
      'kube-apiserver': command('kube-apiserver'),
      'kube-controller-manager': command('kube-controller-manager'),
      'kube-scheduler': command('kube-scheduler'),
    },
  };
}

function binariesIn(folder: string): ControlPlaneBinaries {
  const command = (component: Component): Command | undefined => {
    const file = join(folder, component);
    return isExecutableFile(file) ? [file] : undefined;
  };
  const [etcd, apiServer] = [command('etcd'), command('kube-apiserver')];
  if (etcd === undefined || apiServer === undefined) {
    const missing = [etcd ?? 'etcd', apiServer ?? 'kube-apiserver'].filter((entry) => typeof entry === 'string');
    throw new Error(
      `KUBEBUILDER_ASSETS is ${folder}, which has no executable ${missing.join(' and no ')}; needed: etcd and kube-apiserver, optional: kube-controller-manager and kube-scheduler; unset it to build them with Go`,
    );
  }
  const [controllerManager, scheduler] = [command('kube-controller-manager'), command('kube-scheduler')];
  return {
    origin: 'KUBEBUILDER_ASSETS',
    commands: {
      etcd,
      'kube-apiserver': apiServer,
      ...(controllerManager && { 'kube-controller-manager': controllerManager }),
      ...(scheduler && { 'kube-scheduler': scheduler }),
    },
  };
}

function isExecutableFile(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

async function requireGo({ goVersion }: GoSources, env: NodeJS.ProcessEnv): Promise<void> {
  const installed = await goVersionOf(env);
  const choices = CHOICES.replace('%s', goVersion);
  if (installed === undefined)
    throw new Error(`no Kubernetes control plane: KUBEBUILDER_ASSETS is not set and there is no Go to build one; ${choices}`);
  if (!isAtLeast(installed, goVersion)) throw new Error(`no Kubernetes control plane: Go ${installed} is too old to build one; ${choices}`);
}
