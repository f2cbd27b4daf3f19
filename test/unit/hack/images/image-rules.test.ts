import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { MAY_BIND_LOW_PORTS, USER_ID } from '../../../../hack/images/files';
import { imagesIn } from '../../../../hack/images/image-reader';
import { defectsOf, IMAGE_RULES } from '../../../../hack/images/image-rules';
import { layerOf } from '../../../../hack/images/oci-archive';
import { AMD64, ARM64, adding, archiveWith, CONFIG, EXPECTED, file, LAYERS, without } from './fixture';

type Arguments = Parameters<typeof archiveWith>;

/** Rules that an image breaks. */
function brokenBy(...[layers, config, architecture]: Arguments): string[] {
  const [image] = imagesIn(archiveWith(layers, config, architecture));
  return [...new Set(defectsOf(image!, EXPECTED).map((line) => line.split(' ')[0]!))];
}

const config = (change: Partial<typeof CONFIG>): Arguments => [LAYERS, { ...CONFIG, ...change }];
const node = (change: object): Arguments => [
  adding({ ...file('usr/local/bin/node', AMD64, { mode: 0o755, attributes: { 'security.capability': MAY_BIND_LOW_PORTS } }), ...change }),
];

const CASES: Readonly<Record<string, readonly [string, Arguments]>> = {
  'runs as root': ['I1', config({ User: '0' })],
  'starts something else': ['I1', config({ Entrypoint: ['/bin/other', 'agent'] })],
  'starts another command': ['I1', config({ Entrypoint: ['/usr/local/bin/node', 'main.js', 'manager'] })],
  'has no capability where agents need one': ['I2', node({ attributes: {} })],
  'has a capability on something else': [
    'I2',
    [adding(file('usr/bin/other', 'x', { attributes: { 'security.capability': MAY_BIND_LOW_PORTS } }))],
  ],
  'has a setuid file': ['I3', [adding(file('usr/bin/other', 'x', { mode: 0o4755 }))]],
  'has a shell': ['I3', [adding(file('bin/sh', 'x', { mode: 0o755 }))]],
  'has a shell by a link': ['I3', [adding({ path: 'bin/sh', mode: 0o777, linkTarget: '/usr/bin/other' })]],
  'has a file that everybody may write': ['I3', [adding(file('etc/hosts', 'x', { mode: 0o666 }))]],
  'lacks a label': ['I4', config({ Labels: { ...CONFIG.Labels, summary: '' } })],
  'has a package that it does not list': ['I5', [adding(file('opt/virt-steward/node_modules/@scope/other/index.js', 'x'))]],
  'has a Debian package that it does not list': ['I5', [adding(file('var/lib/dpkg/status.d/zlib1g', 'x'))]],
  'has no list of contents': ['I5', [without('usr/share/virt-steward/sbom.cdx.json')]],
  'is of another version': ['I6', config({ Labels: { ...CONFIG.Labels, version: '1.2.4' } })],
  'has another Node.js than it says': [
    'I6',
    node({ content: Buffer.from(AMD64.toString('latin1').replace('v24.0.0', 'v20.0.0'), 'latin1') }),
  ],
  'has a large layer of our own files': ['I7', [adding(file('opt/virt-steward/dist/large.js', randomBytes(4 * 2 ** 20)))]],
  'has none of our files': ['I7', [without('opt/virt-steward/dist/main.js')]],
  'has a program for another processor': ['I8', [adding(file('usr/lib/other.so', ARM64))]],
  'has no licence': ['I9', [without('licenses/LICENSE')]],
  'does not name a package among the licences': ['I9', [adding(file('licenses/THIRD-PARTY.txt', 'libc6 2.36 libgcc-s1 12'))]],
  'lacks the licence of a Debian package': ['I9', [without('usr/share/doc/libc6/copyright')]],
};

describe('rules about images', () => {
  it('pass for an image with all that it needs', () => {
    expect(brokenBy()).to.deep.equal([]);
  });

  for (const [title, [id, image]] of Object.entries(CASES)) {
    it(`${id} fails when an image ${title}`, () => {
      // Without its list, an image can name neither its Node.js.
      const also = title === 'has no list of contents' ? ['I6'] : [];
      expect(brokenBy(...image)).to.deep.equal([id, ...also]);
    });
  }

  it('have a case each', () => {
    expect(IMAGE_RULES.map(({ id }) => id).filter((id) => !Object.values(CASES).some(([own]) => own === id))).to.deep.equal([]);
  });

  it('name rule, image, processor and file in one line', () => {
    const [image] = imagesIn(archiveWith(adding(file('bin/sh', 'x', { mode: 0o755 }))));

    expect(defectsOf(image!, EXPECTED)).to.deep.equal(['I3 agent amd64: bin/sh is a shell or a package manager']);
  });

  it('let nothing be written by the user of the image, also when only its owner may', () => {
    const image = imagesIn(archiveWith())[0]!;
    const entry = image.files.get('opt/virt-steward/dist/main.js')!;
    const files = new Map([...image.files, [entry.path, { ...entry, uid: USER_ID }] as const]);

    expect(defectsOf({ ...image, files }, EXPECTED)).to.deep.equal([`I3 agent amd64: ${entry.path} can be written by ${USER_ID}`]);
  });
});

describe('an image that is read from its archive', () => {
  it('has the files of all layers, the last one of a path, and none that a later layer removes', () => {
    const [image] = imagesIn(
      archiveWith([
        ...LAYERS,
        [file('opt/virt-steward/dist/main.js', 'newer'), file('licenses/.wh.LICENSE', ''), file('var/lib/dpkg/status.d/.wh..wh..opq', '')],
      ]),
    );

    expect(image!.files.get('opt/virt-steward/dist/main.js')?.content.toString()).to.equal('newer');
    expect(image!.files.has('licenses/LICENSE')).to.equal(false);
    expect(image!.files.has('var/lib/dpkg/status.d/libc6')).to.equal(false);
  });

  it('has long paths, links and extended attributes as they were written', () => {
    const path = `opt/${'long/'.repeat(40)}name`;
    const [image] = imagesIn(archiveWith(adding(file(path, 'x'), { path: 'usr/link', mode: 0o777, linkTarget: `/${path}` })));

    expect(image!.files.get(path)?.content.toString()).to.equal('x');
    expect(image!.files.get('usr/link')).to.include({ type: 'link', linkTarget: `/${path}` });
    expect(image!.files.get('usr/local/bin/node')?.attributes['security.capability']).to.deep.equal(MAY_BIND_LOW_PORTS);
  });

  it('is refused when a blob is not what its name says', () => {
    const archive = archiveWith();
    const layer = layerOf('0', LAYERS[0]!, 0).compressed;
    const at = archive.indexOf(layer);
    archive[at + layer.length - 1]! ^= 1;

    expect(() => imagesIn(archive)).to.throw(/the blob sha256:\w+ is damaged/);
  });

  it('is refused when it is no OCI archive', () => {
    expect(() => imagesIn(Buffer.alloc(1_024))).to.throw('this is no OCI archive');
  });
});
