/**
 * The Go module the control plane is built from, and what follows from its text.
 *
 * Owns: reading versions out of go.mod, the name of the cache entry, the build command. Never: runs Go.
 * Invariant: two checkouts with the same Go sources share one cache entry; any change to them or to the command makes another.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface GoSources {
  /** Absolute path of the folder with go.mod. */
  readonly directory: string;
  /** Kubernetes version with its `v`, for example `v1.36.3`. */
  readonly kubernetesVersion: string;
  /** Lowest Go version that go.mod allows, for example `1.26.0`. */
  readonly goVersion: string;
  /** `<Kubernetes version>-<hash>`: a folder name. */
  readonly cacheKey: string;
}

/** Pure Go, so that the machine's C compiler plays no part; no tool chain and no workspace but the ones at hand. */
export const GO_ENVIRONMENT = { CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOWORK: 'off' } as const;
const VERSION_PACKAGE = 'k8s.io/component-base/version';
const HASH_CHARACTERS = 12;

/**
 * @param directory @default hack/control-plane/go of this checkout
 * @throws {Error} when go.mod lacks one of the versions.
 */
export function readGoSources(directory: string = join(checkoutDirectory(), 'hack', 'control-plane', 'go')): GoSources {
  const goMod = readFileSync(join(directory, 'go.mod'), 'utf8');
  const kubernetesVersion = /^\s*k8s\.io\/kubernetes (v\d+\.\d+\.\d+)\s*$/m.exec(goMod)?.[1];
  const goVersion = /^go (\d+\.\d+(?:\.\d+)?)$/m.exec(goMod)?.[1];
  if (kubernetesVersion === undefined) throw new Error(`${directory}/go.mod does not require k8s.io/kubernetes at a release`);
  if (goVersion === undefined) throw new Error(`${directory}/go.mod has no go line`);
  return { directory, kubernetesVersion, goVersion, cacheKey: `${kubernetesVersion}-${hashOf(directory, kubernetesVersion)}` };
}

/** Arguments for `go`. The version is stamped in because clients refuse a server that calls itself v0.0.0. */
export function goBuildArgs(kubernetesVersion: string, output: string, goPackage = '.'): string[] {
  const [major = '', minor = ''] = kubernetesVersion.slice(1).split('.');
  const stamps = Object.entries({ gitVersion: kubernetesVersion, gitMajor: major, gitMinor: minor });
  const ldflags = ['-s', '-w', ...stamps.flatMap(([name, value]) => ['-X', `${VERSION_PACKAGE}.${name}=${value}`])].join(' ');
  return ['build', '-v', '-trimpath', '-mod=readonly', '-buildvcs=false', `-ldflags=${ldflags}`, '-o', output, goPackage];
}

function hashOf(directory: string, kubernetesVersion: string): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([process.platform, process.arch, GO_ENVIRONMENT, goBuildArgs(kubernetesVersion, 'control-plane')]));
  const sources = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => /^go\.(mod|sum)$|\.go$/.test(name));
  for (const name of sources.sort()) {
    const text = readFileSync(join(directory, name));
    hash.update(`\n${name} ${text.length}\n`).update(text);
  }
  return hash.digest('hex').slice(0, HASH_CHARACTERS);
}

/** The compiled file sits at build/hack/control-plane, the sources at hack/control-plane of the same checkout. */
function checkoutDirectory(): string {
  let directory = __dirname;
  while (!existsSync(join(directory, 'package.json'))) {
    if (dirname(directory) === directory) throw new Error(`no package.json above ${__dirname}`);
    directory = dirname(directory);
  }
  return directory;
}
