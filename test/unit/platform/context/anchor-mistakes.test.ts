import { expect } from 'chai';
import { anchorMistakesOf } from '../../../../src/platform/context/anchor-mistakes';

const mistakes = (annotations: Record<string, string>): readonly string[] =>
  anchorMistakesOf({
    metadata: {
      annotations: Object.fromEntries(Object.entries(annotations).map(([name, value]) => [`platform.kubevirt.io/${name}`, value])),
    },
  });

describe('mistakes in annotations of the anchor', () => {
  const TABLE: readonly (readonly [name: string, value: string, problem: string])[] = [
    ['on-removal', 'DELETE', 'is refused; allowed: keep, delete; keep is used'],
    ['golden-config', 'enforced', 'is refused; allowed: fill, enforce; fill is used'],
    ['enable-swap', 'no', 'is refused; allowed: true, false; the default is used'],
    ['enable-loadaware', 'True', 'is refused; allowed: true, false; the default is used'],
    [
      'pci-classes',
      '0108,zz',
      'is refused in part; allowed: classes such as 0108, or with a vendor 0200_15b3, joined by commas; the others count',
    ],
  ];
  for (const [name, value, problem] of TABLE) {
    it(`${name} is not ${JSON.stringify(value)}`, () => {
      expect(mistakes({ [name]: value })).to.deep.equal([`the annotation platform.kubevirt.io/${name} ${problem}`]);
    });
  }

  it('are none in values that are allowed, blank ones and spaces around them', () => {
    expect(
      mistakes({
        ...{ 'on-removal': ' delete ', 'golden-config': '', 'enable-swap': 'false\n', 'pci-classes': '0108, 0200_15B3,', 'max-pods': 'x' },
      }),
    ).to.deep.equal([]);
    expect(anchorMistakesOf({ metadata: { annotations: { 'example.org/on-removal': 'x', constructor: 'x' } } })).to.deep.equal([]);
    expect(anchorMistakesOf({})).to.deep.equal([]);
  });

  it('do not repeat the value', () => {
    expect(mistakes({ 'enable-swap': 'hunter2', 'on-removal': 'hunter2', 'pci-classes': 'hunter2' }).join()).not.to.contain('hunter2');
  });
});
