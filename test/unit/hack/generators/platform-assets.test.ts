import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { driftOf, withSection, writeGenerated } from '../../../../hack/generators/generated-files';
import { catalogDocuments } from '../../../../hack/generators/platform-assets';
import { CATALOG } from '../../../harness/catalog-sample';
import { ROOT } from '../../../harness/steward-cluster';

const PAGE = 'docs/platform/assets.md';
const DOMAIN = { folder: 'docs', isOwn: (path: string) => path === PAGE };

describe('the documents of the catalog', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'platform-assets-'));
    cpSync(join(ROOT, 'assets'), join(root, 'assets'), { recursive: true });
    mkdirSync(join(root, 'hack', 'generators'), { recursive: true });
    cpSync(join(ROOT, 'hack', 'generators', 'condition-words.yaml'), join(root, 'hack', 'generators', 'condition-words.yaml'));
    writeFileSync(join(root, 'README.md'), '# A\n<!-- generated: features -->\n<!-- end of generated: features -->\nB\n');
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('name every asset, switch, option and feature', () => {
    const page = catalogDocuments(root).get(PAGE)!;
    for (const { name, switches, options } of CATALOG.assets) {
      const section = page.split('\n### ').find((text) => text.startsWith(`${name}\n`)) ?? '';
      for (const one of switches) expect(section, name).to.contain(`\`enable-${one}\``);
      for (const option of options) if (!option.name.startsWith('enable-')) expect(section, name).to.contain(`\`${option.name}\``);
    }
    for (const { name } of CATALOG.features) expect(page).to.contain(`| ${name} |`);
  });

  it('list features for programs with what has to be asked for', () => {
    const { features } = JSON.parse(catalogDocuments(root).get('docs/reference/feature-status.json')!) as {
      features: { name: string; maturity: string; optIn: string[] }[];
    };
    const found = (name: string) => features.find((feature) => feature.name === name);
    expect(found('MetalLB')).to.include({ maturity: 'ga' }).and.to.deep.include({ optIn: [] });
    expect(found('VFIO assignment')).to.deep.include({ maturity: 'dp', optIn: ['enable-vfio-assign: "true"', 'vfio-pci-ids'] });
    expect(found('CPU manager')?.optIn).to.include('feature gate CPUManager');
  });

  it('are refused while a condition has no words', () => {
    const file = join(root, 'assets', 'operators', 'metallb.yaml');
    writeFileSync(file, readFileSync(file, 'utf8').replace('  switch: metallb\n', '  switch: metallb\n  when: [topology.isBareMetal]\n'));
    expect(() => catalogDocuments(root)).to.throw('has no words for the condition topology.isBareMetal');
  });

  it('change nothing of the README but its section', () => {
    writeGenerated(root, DOMAIN, catalogDocuments(root));
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    expect(readme).to.match(/^# A\n<!-- generated: features -->\n\| feature .*<!-- end of generated: features -->\nB\n$/s);
    expect(driftOf(root, DOMAIN, catalogDocuments(root))).to.deep.equal([]);
    expect(() => writeGenerated(root, DOMAIN, new Map([['README.md', readme.replace('# A', '# C')]]))).to.throw('was not generated');
    expect(() => withSection('no marks', 'features', [])).to.throw('there is no section');
  });
});
