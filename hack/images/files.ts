/**
 * The files of each layer.
 *
 * Owns: what goes into an image and with which mode. Never: decides who runs it (recipe.ts).
 * Invariant: no shell, no package manager, nothing setuid, nothing but /tmp can be written by anybody but root.
 */
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { controlOf, type DebianPackage, type DebianPackages, unpack } from '../debian/packages';
import { inTemporaryFolder } from '../temporary-folder';
import type { TarEntry } from './tar';

/** Shared libraries, the licence of each package, and the certificates; not what locales, debuggers and character sets need. */
const KEPT = [
  /^lib(64)?(\/|$)(?!systemd)/,
  /^usr\/lib\/[^/]+\/lib[^/]+\.so[^/]*$/,
  /^usr\/share\/doc\/[^/]+(\/copyright)?$/,
  /^usr\/share\/ca-certificates\/mozilla\/.+\.crt$/,
];
const CERTIFICATES = 'usr/share/ca-certificates/mozilla';
/** `cap_net_bind_service+ep` as struct vfs_cap_data of revision 2 (linux/capability.h). */
export const MAY_BIND_LOW_PORTS = Buffer.from('0100000200040000000000000000000000000000', 'hex');
/** The user in the images; a cluster may choose any other. */
export const USER_ID = 65_532;

const PASSWD = `root:x:0:0:root:/:/none\nnonroot:x:${USER_ID}:${USER_ID}:nonroot:/:/none\n`;
const GROUP = `root:x:0:\nnonroot:x:${USER_ID}:\n`;

export function debianFiles(packages: DebianPackages, wanted: readonly DebianPackage[]): Promise<TarEntry[]> {
  return inTemporaryFolder(join(tmpdir(), 'virt-steward-rootfs-'), async (root) => {
    const entries: TarEntry[] = [
      file('etc/passwd', Buffer.from(PASSWD)),
      file('etc/group', Buffer.from(GROUP)),
      { path: 'tmp', mode: 0o1777 },
    ];
    for (const one of wanted) {
      const deb = await packages.fetch(one);
      await unpack(deb, root);
      entries.push(file(`var/lib/dpkg/status.d/${one.name}`, Buffer.from(`${await controlOf(deb)}Status: install ok installed\n`)));
    }
    const unpacked = filesBelow(root).filter(({ path }) => KEPT.some((pattern) => pattern.test(path)));
    const certificates = unpacked
      .filter(({ path }) => path.startsWith(`${CERTIFICATES}/`))
      .map(({ content }) => content ?? Buffer.alloc(0));
    const libraries = unpacked.filter(({ path }) => !path.startsWith(CERTIFICATES));
    return withFolders([...entries, ...libraries, file('etc/ssl/certs/ca-certificates.crt', Buffer.concat(certificates))]);
  });
}

/** @param nodePackage folder of the unpacked package. @param mayBindLowPorts the executable then starts only where the container has that right. */
export function nodeFiles(nodePackage: string, mayBindLowPorts: boolean): TarEntry[] {
  const node = file('usr/local/bin/node', readFileSync(join(nodePackage, 'bin', 'node')), 0o755);
  return withFolders([
    mayBindLowPorts ? { ...node, attributes: { 'security.capability': MAY_BIND_LOW_PORTS } } : node,
    file('licenses/node/LICENSE', readFileSync(join(nodePackage, 'LICENSE'))),
  ]);
}

/** What `kubectl exec ... -- virt-steward` runs; there is no `env` for the first line of the bundle itself. */
export const ON_PATH: TarEntry = file(
  'usr/local/bin/virt-steward',
  Buffer.from("#!/usr/local/bin/node\nrequire('/opt/virt-steward/dist/main.js');\n"),
  0o755,
);

/** @param isWanted decides by the name in dist/. */
export function bundleFiles(dist: string, isWanted: (name: string) => boolean): TarEntry[] {
  const names = readdirSync(dist).filter((name) => /\.js(\.map)?$/.test(name) && isWanted(name));
  if (!names.includes('main.js')) throw new Error(`${dist} has no main.js; run the build first`);
  return names.map((name) => file(`opt/virt-steward/dist/${name}`, readFileSync(join(dist, name)), name === 'main.js' ? 0o755 : 0o644));
}

/** koffi as its own loader looks for it: the JavaScript part and the library for glibc on this processor. */
export function koffiFiles(name: string, folder: string): TarEntry[] {
  const isWanted = (path: string): boolean =>
    /^(package\.json|[^/]+\.c?js|LICENSE[^/]*|(lib|src\/koffi)\/.+\.c?js|linux_[^/]+\/.+\.node)$/.test(path);
  return filesBelow(folder)
    .filter(({ path, content }) => content !== undefined && isWanted(path))
    .map((entry) => ({ ...entry, mode: 0o644, path: `opt/virt-steward/node_modules/${name}/${entry.path}` }));
}

export function folderFiles(folder: string, target: string): TarEntry[] {
  return filesBelow(folder).map((entry) => ({ ...entry, path: `${target}/${entry.path}` }));
}

/** The catalog of the platform module, beside `dist/`, where the program looks for it. Schemas are for tests only. */
export function catalogFiles(assets: string): TarEntry[] {
  return folderFiles(assets, 'opt/virt-steward/assets').filter(({ path }) => !path.startsWith('opt/virt-steward/assets/crds/'));
}

export function file(path: string, content: Buffer, mode = 0o644): TarEntry {
  return { path, mode, content };
}

/** Adds the folders that entries lie in. */
export function withFolders(entries: readonly TarEntry[]): TarEntry[] {
  const paths = new Map(entries.map((entry) => [entry.path, entry]));
  for (const { path } of entries) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const folder = path.slice(0, end);
      if (!paths.has(folder)) paths.set(folder, { path: folder, mode: 0o755 });
    }
  }
  return [...paths.values()];
}

function filesBelow(root: string, folder = root): TarEntry[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => {
    const absolute = join(folder, name);
    const path = relative(root, absolute);
    const stats = lstatSync(absolute);
    if (stats.isDirectory()) return [{ path, mode: 0o755 }, ...filesBelow(root, absolute)];
    if (stats.isSymbolicLink()) return [{ path, mode: 0o777, linkTarget: readlinkSync(absolute) }];
    return [{ path, mode: (stats.mode & 0o111) === 0 ? 0o644 : 0o755, content: readFileSync(absolute) }];
  });
}
