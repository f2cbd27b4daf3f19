/**
 * The programs of a node: kubelet, kube-proxy, CoreDNS and pause from Go modules; containerd, runc, nft and the CNI plugins from Debian.
 *
 * Owns: where they come from and the folder they are put together in. Never: installs anything on the machine.
 * Invariant: the folder appears complete or not at all; it may be deleted at any time.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildWithGo, readGoSources, withLock } from '../control-plane';
import { cacheFolder } from '../debian/cache-folder';
import { type Architecture, type DebianPackage, DebianPackages, unpack } from '../debian/packages';
import { digestOf } from '../images/oci-archive';

const DEBIAN_NAMES = [
  ...['containerd', 'runc', 'libseccomp2', 'containernetworking-plugins'],
  // kube-proxy writes its rules with nft
  ...[
    'nftables',
    'libnftables1',
    'libnftnl11',
    'libmnl0',
    'libjansson4',
    'libedit2',
    'libbsd0',
    'libmd0',
    'libgmp10',
    'libtinfo6',
    'libxtables12',
  ],
];
const GO_PACKAGES = { node: '.', pause: './pause' } as const;
const BUILD_TITLES = {
  node: 'building kubelet, kube-proxy and CoreDNS with Go; the first time this takes 3 to 5 minutes on two cores',
  pause: 'building pause with Go',
} as const;

export interface NodePrograms {
  /** Absolute path of the multi-call binary of hack/cluster/go. */
  readonly node: string;
  /** Absolute path of the first process of every pod. */
  readonly pause: string;
  /** Absolute path of the root folder the Debian packages are unpacked in. */
  readonly debian: string;
}

/** Builds and downloads what is missing. @param packagesFile hack/cluster/packages.json of the checkout. */
export async function resolvePrograms(root: string, env: NodeJS.ProcessEnv = process.env): Promise<NodePrograms> {
  const cache = cacheFolder('cluster', env);
  mkdirSync(cache, { recursive: true });
  const sources = readGoSources(join(root, 'hack', 'cluster', 'go'));
  const folder = join(cache, sources.cacheKey);
  const packages = JSON.parse(readFileSync(packagesFile(root), 'utf8')) as DebianPackage[];
  const debian = join(cache, `debian-${digestOf(Buffer.from(JSON.stringify(packages))).slice(-12)}`);
  await withLock(join(cache, 'lock'), async () => {
    for (const name of ['node', 'pause'] as const) {
      if (existsSync(join(folder, name))) continue;
      await buildWithGo(sources, join(folder, name), env, { title: BUILD_TITLES[name], goPackage: GO_PACKAGES[name] });
    }
    if (!existsSync(debian)) await unpackAll(packages, cache, debian);
  });
  return { node: join(folder, 'node'), pause: join(folder, 'pause'), debian };
}

/** The newest versions that the mirrors of this machine serve, for packages.json. */
export function newestPackages(): Promise<DebianPackage[]> {
  return new DebianPackages(cacheFolder('debian'), architecture()).newest(DEBIAN_NAMES);
}

export function packagesFile(root: string): string {
  return join(root, 'hack', 'cluster', 'packages.json');
}

async function unpackAll(packages: readonly DebianPackage[], cache: string, target: string): Promise<void> {
  const source = new DebianPackages(cacheFolder('debian'), architecture());
  const work = mkdtempSync(join(cache, '.unpacking-'));
  try {
    for (const one of packages) await unpack(await source.fetch(one), work);
    renameSync(work, target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function architecture(): Architecture {
  return process.arch === 'arm64' ? 'arm64' : 'amd64';
}
