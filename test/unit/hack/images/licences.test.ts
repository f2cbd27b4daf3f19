import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { licenceProblems, licenceTexts, thirdPartyText } from '../../../../hack/images/licences';
import { type LockedPackage, type ShippedPackage, shippedPackages } from '../../../../hack/images/packages';
import { ROOT } from '../../../harness/steward-cluster';

const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as { packages: Record<string, LockedPackage> };
const shipped = shippedPackages(packages, []);
const one = (name: string, license?: string): ShippedPackage => ({
  name,
  version: '1.0.0',
  path: `node_modules/${name}`,
  ...(license === undefined ? {} : { license }),
});

describe('licences of what others have written', () => {
  it('are allowed ones, for every package that runs', () => {
    expect(shipped).to.have.length.above(20);
    expect(licenceProblems(shipped)).to.deep.equal([]);
  });

  it('are refused with the path to the package, when they are others or none', () => {
    expect(
      licenceProblems([one('a', 'GPL-3.0-only'), one('b'), one('c', '(MIT OR GPL-3.0-only)'), one('d', 'MIT AND GPL-3.0-only')]),
    ).to.satisfy(
      (lines: string[]) => lines.length === 3 && lines[0]!.startsWith('node_modules/a 1.0.0 is under GPL-3.0-only; allowed: Apache-2.0, '),
    );
  });

  it('are told in one text, each licence text once', () => {
    const text = thirdPartyText(
      { npm: [one('b', 'MIT'), one('a', 'MIT'), one('c', 'ISC')], node: { name: 'node', version: '24.0.0' }, debian: [] },
      ({ name }) => (name === 'c' ? ['Internet licence'] : ['The MIT licence\n']),
    );

    expect(text.match(/The MIT licence/g)).to.have.lengthOf(1);
    expect(text).to.contain('a 1.0.0, b 1.0.0\n');
    expect(text).to.contain('  c 1.0.0: ISC\n');
  });

  it('are found beside the packages themselves', () => {
    const found = shipped.filter((entry) => licenceTexts(ROOT, entry).length > 0);

    expect(licenceTexts(ROOT, shipped.find(({ name }) => name === 'commander')!).join()).to.contain('MIT');
    // Some packages name their licence and bring no text.
    expect(found.length).to.be.above(shipped.length * 0.8);
  });

  it('leave out what is for development, and packages of another processor', () => {
    const names = shipped.map(({ name }) => name);

    expect(names).not.to.include.members(['typescript', 'mocha']);
    expect(names.filter((name) => name.startsWith('@koromix/'))).to.deep.equal([]);
  });
});
