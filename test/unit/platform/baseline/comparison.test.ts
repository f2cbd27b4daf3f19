import { expect } from 'chai';
import fc from 'fast-check';
import { differencesBetween, pointersText, shownDifferences } from '../../../../src/platform/baseline/comparison';
import { digestOf } from '../../../../src/platform/baseline/fingerprint';
import { isSameDuration, isSameQuantity } from '../../../../src/platform/baseline/quantities';
import { isSameJson, type Json, type JsonMap } from '../../../../src/platform/json';
import { pointerText } from '../../../../src/platform/overrides/json-pointer';

const pointers = (live: JsonMap, desired: JsonMap, schema?: Json): string[] =>
  differencesBetween(live, desired, schema).map(({ path }) => pointerText(path));

describe('two states of an object', () => {
  const SAME: readonly (readonly [string, JsonMap, JsonMap])[] = [
    ['null and absence', { a: null }, {}],
    ['an empty map and absence', { a: {} }, {}],
    ['an empty list and an empty map', { a: [] }, { a: {} }],
    ['nested emptiness and absence', { a: { b: { c: null } } }, {}],
    ['members in another order', { a: 1, b: 2 }, { b: 2, a: 1 }],
    ['members of list elements in another order', { a: [{ x: 1, y: null }] }, { a: [{ x: 1 }] }],
    ['quantities of one value', { limits: { memory: '1Gi', cpu: '500m' } }, { limits: { memory: '1024Mi', cpu: '0.5' } }],
    ['a number and a text under a quantity', { requests: { cpu: 2 } }, { requests: { cpu: '2' } }],
    ['quantities in a list', { reservedMemory: [{ limits: { memory: '1Ki' } }] }, { reservedMemory: [{ limits: { memory: '1024' } }] }],
    ['durations of one length', { checkInterval: '1m30s', renewBefore: '24h' }, { checkInterval: '90s', renewBefore: '24h0m0s' }],
  ];
  for (const [what, live, desired] of SAME) {
    it(`are the same by ${what}`, () => {
      expect(pointers(live, desired)).to.deep.equal([]);
      expect(pointers(desired, live)).to.deep.equal([]);
    });
  }

  const OTHER: readonly (readonly [string, JsonMap, JsonMap, string])[] = [
    ['a value', { a: { b: 1 } }, { a: { b: 2 } }, '/a/b'],
    ['a number and its text', { a: 5 }, { a: '5' }, '/a'],
    ['false and absence', { a: false }, {}, '/a'],
    ['an empty text and absence', { a: '' }, {}, '/a'],
    ['the order of a list', { a: [1, 2] }, { a: [2, 1] }, '/a'],
    ['a list that is longer', { a: [1] }, { a: [1, 1] }, '/a'],
    ['a map and a text', { a: { b: 1 } }, { a: 'b' }, '/a'],
    ['quantities where none are', { a: '1Gi' }, { a: '1024Mi' }, '/a'],
    ['quantities of which one is none', { memory: '1Gi' }, { memory: 'much' }, '/memory'],
    ['durations where none are', { a: '90s' }, { a: '1m30s' }, '/a'],
    ['a name with a slash', { 'a/b': 1 }, { 'a/b': 2 }, '/a~1b'],
  ];
  for (const [what, live, desired, place] of OTHER) {
    it(`differ by ${what}`, () => expect(pointers(live, desired)).to.deep.equal([place]));
  }

  it('are compared as their schema says: lists by key or as sets, and quantities', () => {
    const quantity = { 'x-kubernetes-int-or-string': true, pattern: '^(\\+|-)?(([KMGTPE]i)|[numkMGTPE])?$' };
    const properties = {
      named: { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'], items: { properties: { amount: quantity } } },
      words: { 'x-kubernetes-list-type': 'set' },
      plain: {},
    };
    const live = { named: [{ name: 'a', amount: '1Ki' }, { name: 'b' }], words: ['x', 'y'], plain: [1, 2] };
    const desired = { named: [{ name: 'b' }, { name: 'a', amount: 1024 }], words: ['y', 'x'], plain: [2, 1] };

    expect(pointers(live, desired, { properties })).to.deep.equal(['/plain']);
    expect(pointers(live, { ...live, named: [{ name: 'a', amount: '2Ki' }, { name: 'b' }] }, { properties })).to.deep.equal(['/named']);
    expect(pointers(live, desired)).to.deep.equal(['/named', '/words', '/plain']);
  });

  it('differ in at most fifty places, of which five are named in an Event', () => {
    const many = Object.fromEntries(Array.from({ length: 80 }, (_, index) => [`f${index}`, index + 1]));
    const found = differencesBetween({}, many);

    expect(found).to.have.length(50);
    expect(pointersText(found)).to.equal('/f0, /f1, /f2, /f3, /f4 and more');
    expect(pointersText(found.slice(0, 7))).to.equal('/f0, /f1, /f2, /f3, /f4 and 2 more');
  });

  it('are shown without long values, and without any of a Secret', () => {
    const shown = (kind: string): string =>
      JSON.stringify(shownDifferences(differencesBetween({ data: { a: 'old' } }, { data: { a: 'x'.repeat(200) } }), kind));

    expect(shown('ConfigMap')).to.contain('old').and.not.to.contain('xxx');
    expect(shown('Secret')).to.contain('/data/a').and.not.to.contain('old');
  });

  it('that are equal as JSON never differ, and compare alike in both directions', () => {
    const value = fc.dictionary(fc.constantFrom('a', 'cpu', 'timeout', 'limits'), fc.jsonValue({ maxDepth: 3 })) as fc.Arbitrary<JsonMap>;
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(pointers(a, structuredClone(a) as JsonMap)).to.deep.equal([]);
        expect(pointers(a, b).sort()).to.deep.equal(pointers(b, a).sort());
        if (isSameJson(a, b)) expect(digestOf(a)).to.equal(digestOf(b));
        else expect(digestOf(a)).not.to.equal(digestOf(b));
      }),
      { numRuns: 500 },
    );
  });
});

describe('quantities and durations', () => {
  it('are read as Kubernetes reads them', () => {
    for (const [a, b] of [
      ['1', '1000m'],
      ['1k', '1e3'],
      ['0.5Gi', '512Mi'],
      ['1E', '1000P'],
      ['-1', '-1000m'],
      ['1.', '1'],
      ['.5', '500m'],
      ['1n', '0.001u'],
    ]) {
      expect(isSameQuantity(a, b), `${a} = ${b}`).to.equal(true);
    }
    for (const [a, b] of [
      ['1Gi', '1G'],
      ['1', '2'],
      ['', ''],
      ['Gi', 'Gi'],
      ['1kg', '1kg'],
      ['1 Gi', '1Gi'],
      [null, null],
      ['9007199254740993', '9007199254740992'],
    ]) {
      expect(isSameQuantity(a, b), `${a} is not ${b}`).to.equal(false);
    }
    for (const [a, b] of [
      ['1h', '60m'],
      ['1.5h', '90m'],
      ['1h0m0s', '1h'],
      ['-1m', '-60s'],
      ['0', '0s'],
      ['1000us', '1ms'],
    ]) {
      expect(isSameDuration(a, b), `${a} = ${b}`).to.equal(true);
    }
    for (const [a, b] of [
      ['1', '1'],
      ['1h', '1m'],
      ['', ''],
      ['h', 'h'],
      ['1d', '24h'],
      [60, 60],
    ])
      expect(isSameDuration(a, b), `${a} is not ${b}`).to.equal(false);
  });
});
