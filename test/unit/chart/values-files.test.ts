import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import { parse } from 'yaml';
import { type ValuesEntry, valuesEntries } from '../../../hack/generators/values-schema';
import { CHART, Helm } from '../../harness/helm';
import { objectsIn } from '../../harness/steward-cluster';

const CI = join(CHART, 'ci');
const good = readdirSync(CI).filter((name) => name.endsWith('-values.yaml'));
const bad = readdirSync(join(CI, 'bad'));

/** Without it V1 refuses the values, which bad/v01.yaml shows. */
const ONLY_MODULE = 'wol.enabled';

describe('values of the chart', () => {
  let helms: [Helm, Helm];

  before(async function () {
    this.timeout(0);
    helms = [await Helm.find(3), await Helm.find(4)];
  });

  after(() => {
    for (const helm of helms ?? []) helm.remove();
  });

  for (const name of good) {
    it(`${name} passes the strict linters and renders the same objects with Helm 3 and 4`, async () => {
      const file = `--values=${join(CI, name)}`;
      for (const helm of helms) await helm.must('lint', '--strict', CHART, file);
      const [three, four] = await Promise.all(helms.map((helm) => helm.objects(file)));

      expect(three).to.have.length.above(1);
      expect(four).to.deep.equal(three);
    });
  }

  for (const name of bad) {
    it(`bad/${name} is refused by Helm 3 and 4 with a message that says what to do`, async () => {
      const file = join(CI, 'bad', name);
      const expected = readFileSync(file, 'utf8').split('\n')[0]!.replace(/^# /, '');

      for (const helm of helms) {
        const { exitCode, stderr } = await helm.template(`--values=${file}`);
        expect(exitCode).to.be.above(0);
        expect(normalized(stderr)).to.contain(normalized(expected));
      }
    });
  }

  it('every value is used by a template', () => {
    const texts = ['templates', 'files']
      .flatMap((folder) => readdirSync(join(CHART, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(CHART, folder, name)))
      .filter((file) => /\.(yaml|tpl|txt)$/.test(file))
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n');

    // The last part of the path: templates reach values through `with` as well, and those of alerts by the names in files/alerts.
    const unused = leaves().filter(
      ({ path }) => path !== 'enabled' && !new RegExp(`(?:[."]|alert: )${path.split('.').at(-1)}\\b`).test(texts),
    );
    expect(unused.map(({ path }) => path)).to.deep.equal([]);
  });

  it('every value is set to something else than its default in a file of ci/', () => {
    const files = good.map((name) => parse(readFileSync(join(CI, name), 'utf8')) as unknown);
    const isChanged = ({ path, value }: Leaf): boolean =>
      files.some((values) => {
        const found = path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], values);
        return found !== undefined && !isDeepStrictEqual(found, value);
      });

    const untested = leaves().filter((leaf) => leaf.path !== ONLY_MODULE && !isChanged(leaf));
    expect(untested.map(({ path }) => path)).to.deep.equal([]);
  });

  it('an object that the chart renders has the labels of the release and those of the administrator', async () => {
    const { stdout } = await helms[1].template(`--values=${join(CI, 'full-wol-values.yaml')}`);

    for (const { kind, metadata } of objectsIn(stdout).filter(({ metadata: { name } }) => !/^further$|-text$/.test(name))) {
      expect(metadata['labels'], `${kind} ${metadata.name}`).to.include({
        team: 'virtualization',
        'app.kubernetes.io/instance': 'virt-steward',
        'app.kubernetes.io/part-of': 'virt-steward',
      });
      expect(metadata['annotations'], `${kind} ${metadata.name}`).to.include({ 'example.com/contact': 'virtualization' });
    }
  });
});

interface Leaf {
  readonly path: string;
  readonly value: unknown;
}

/** Values that people set as one. */
function leaves(entries: readonly ValuesEntry[] = valuesEntries(readFileSync(join(CHART, 'values.yaml'), 'utf8')), parent = ''): Leaf[] {
  return entries.flatMap(({ key, value, isOpen, children }) =>
    children.length > 0 && (!isOpen || key === 'global') ? leaves(children, `${parent}${key}.`) : [{ path: `${parent}${key}`, value }],
  );
}

/** The two Helms write the path of a value differently. */
function normalized(message: string): string {
  return message.toLowerCase().replaceAll('/', '.').replaceAll('"', '').replaceAll('\\', '');
}
