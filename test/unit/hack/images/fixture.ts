/** A small image that passes every rule, and archives with one. */
import { MAY_BIND_LOW_PORTS } from '../../../../hack/images/files';
import type { Expected } from '../../../../hack/images/image-rules';
import { archiveOf, imageOf, layerOf } from '../../../../hack/images/oci-archive';
import type { TarEntry } from '../../../../hack/images/tar';

export const EXPECTED: Expected = { name: 'agent', version: '1.2.3', nodeVersion: '24.0.0' };

const elf = (machine: number, text: string): Buffer => {
  const header = Buffer.alloc(64);
  header.writeUInt32BE(0x7f454c46, 0);
  header.writeUInt16LE(machine, 18);
  return Buffer.concat([header, Buffer.from(text)]);
};
export const AMD64 = elf(62, 'v24.0.0');
export const ARM64 = elf(183, 'v24.0.0');

const component = (name: string, version: string, purl: string): object => ({ name, version, purl });
const SBOM = {
  components: [
    component('koffi', '3.0.0', 'pkg:npm/koffi@3.0.0'),
    component('libc6', '2.36', 'pkg:deb/debian/libc6@2.36'),
    component('libgcc-s1', '12', 'pkg:deb/debian/libgcc-s1@12'),
    component('node', '24.0.0', 'pkg:npm/node@24.0.0'),
  ],
};

const file = (path: string, content: Buffer | string, more: Partial<TarEntry> = {}): TarEntry => ({
  path,
  mode: 0o644,
  content: Buffer.from(content),
  ...more,
});

/** Base, Node.js, app, licences. */
export const LAYERS: readonly (readonly TarEntry[])[] = [
  [
    { path: 'tmp', mode: 0o1777 },
    file('usr/share/doc/libc6/copyright', 'GPL'),
    { path: 'usr/share/doc/libgcc-s1', mode: 0o777, linkTarget: 'libc6' },
    file('var/lib/dpkg/status.d/libc6', 'Package: libc6'),
  ],
  [file('usr/local/bin/node', AMD64, { mode: 0o755, attributes: { 'security.capability': MAY_BIND_LOW_PORTS } })],
  [file('opt/virt-steward/dist/main.js', 'x'), file('opt/virt-steward/node_modules/koffi/index.js', 'x')],
  [
    file('licenses/LICENSE', 'Apache'),
    file('licenses/node/LICENSE', 'MIT'),
    file('licenses/THIRD-PARTY.txt', 'koffi 3.0.0: MIT\nlibc6 2.36\nlibgcc-s1 12\n'),
    file('usr/share/virt-steward/sbom.cdx.json', JSON.stringify(SBOM)),
  ],
];

const STANDARD = [
  'title',
  'description',
  'version',
  'revision',
  'created',
  'licenses',
  'source',
  'url',
  'documentation',
  'vendor',
  'base.name',
];
export const CONFIG = {
  User: '65532:65532',
  Env: ['PATH=/usr/local/bin'],
  Entrypoint: ['/usr/local/bin/node', '/opt/virt-steward/dist/main.js', 'agent'],
  Cmd: [] as string[],
  WorkingDir: '/',
  ExposedPorts: {},
  Labels: Object.fromEntries(
    [
      ...STANDARD.map((name) => `org.opencontainers.image.${name}`),
      'name',
      'vendor',
      'version',
      'release',
      'summary',
      'description',
      'maintainer',
    ].map((name) => [name, '1.2.3']),
  ),
};

export function archiveWith(layers = LAYERS, config = CONFIG, architecture = 'amd64'): Buffer {
  const image = imageOf({
    architecture,
    config,
    layers: layers.map((entries, index) => layerOf(`${index}`, entries, 0)),
    createdSeconds: 0,
  });
  return archiveOf('localhost/virt-steward/agent:1.2.3', [image]);
}

/** The layers with further entries in the app layer; an entry of the same path takes the place of the one before. */
export function adding(...entries: readonly TarEntry[]): typeof LAYERS {
  const paths = entries.map(({ path }) => path);
  const others = LAYERS.map((layer) => layer.filter(({ path }) => !paths.includes(path)));
  return others.map((layer, index) => (index === 2 ? [...layer, ...entries] : layer));
}

export const without = (path: string): typeof LAYERS => LAYERS.map((layer) => layer.filter((entry) => entry.path !== path));
export { file };
