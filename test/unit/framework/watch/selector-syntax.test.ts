import { expect } from 'chai';
import fc from 'fast-check';
import { fieldSelectorMistake, labelSelectorMistake } from '../../../../src/framework/watch/selector-syntax';

describe('the syntax of a label selector', () => {
  for (const text of [
    '',
    'a',
    '!a',
    'a,!b',
    'a=b',
    'a==b',
    'a!=b',
    'a=',
    'a = b , c',
    'in in (in)',
    'example.org/a in (b,c)',
    'a notin( b )',
    'a in (,b)',
    'a>5',
    'a<-5',
  ]) {
    it(`takes ${JSON.stringify(text)}`, () => {
      expect(labelSelectorMistake(text)).to.equal(undefined);
    });
  }

  for (const [text, mistake] of [
    ['a in (b', 'it ends where "," or ")" should be'],
    ['a in b', '"b" stands where "(" should be'],
    ['a in ()', 'its list of values is empty'],
    ['a,', 'it ends where a label key should be'],
    [',a', '"," stands where a label key should be'],
    ['a b', '"b" stands where an operator or "," should be'],
    ['!a=b', '"=" stands where "," should be'],
    ['a=b c', '"c" stands where "," should be'],
    ['a=b=c', '"=" stands where "," should be'],
    ['a>b', '"b" is not a whole number'],
    ['-a', '"-a" is not a label key'],
    ['a/b/c', '"a/b/c" is not a label key'],
    [`a=${'x'.repeat(64)}`, `"${'x'.repeat(64)}" is not a label value`],
    ['a={b}', '"{b}" is not a label value'],
  ] as const) {
    it(`refuses ${JSON.stringify(text.slice(0, 20))}: ${mistake.slice(0, 60)}`, () => {
      expect(labelSelectorMistake(text)).to.equal(mistake);
    });
  }

  it('is told for every text, without an exception and in one line', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('a', '=', '!', '(', ')', ',', ' ', 'in', '\n', '\\') })),
        (text) => {
          expect(labelSelectorMistake(text) ?? '').to.not.contain('\n');
          expect(fieldSelectorMistake(text) ?? '').to.not.contain('\n');
        },
      ),
    );
  });
});

describe('the syntax of a field selector', () => {
  for (const text of ['', 'metadata.name=a', 'metadata.name==a,spec.nodeName!=b', 'spec.x=', 'metadata.name=a\\,b\\=c\\\\', 'a=b,']) {
    it(`takes ${JSON.stringify(text)}`, () => {
      expect(fieldSelectorMistake(text)).to.equal(undefined);
    });
  }

  for (const [text, mistake] of [
    ['metadata.name', '"metadata.name" is not <field>=<value> or <field>!=<value>'],
    ['a=b=c', '"a=b=c" is not <field>=<value> or <field>!=<value>'],
    ['a=b\\x', '"a=b\\\\x" is not <field>=<value> or <field>!=<value>'],
    ['a=b\\', '"a=b\\\\" is not <field>=<value> or <field>!=<value>'],
    ['=b', '"" is not the dotted name of a field'],
    ['metadata..name=b', '"metadata..name" is not the dotted name of a field'],
  ] as const) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(fieldSelectorMistake(text)).to.equal(mistake);
    });
  }
});
