import { expect } from 'chai';
import fc from 'fast-check';
import type { Json } from '../../../../src/platform/json';
import { errorOf, evaluated } from './support';

const hco = (spec: Json) => ({ hco: { spec } });

describe('values in expressions', () => {
  it('counts with whole numbers of JSON as with integers', async () => {
    expect(await evaluated('hco.spec.replicas * 2 + 1', hco({ replicas: 5 }))).to.equal(11);
    expect(await evaluated('hco.spec.replicas / 2', hco({ replicas: 5 }))).to.equal(2);
  });

  it('keeps the fraction of other numbers', async () => {
    expect(await evaluated('hco.spec.ratio * 2.0', hco({ ratio: 1.25 }))).to.equal(2.5);
  });

  it('takes a member that is null for absent, in maps and in lists', async () => {
    const input = hco({ empty: null, list: [1, null, 2] });

    expect(await evaluated('hco.spec.?empty.orValue("default")', input)).to.equal('default');
    expect(await evaluated('has(hco.spec.empty)', input)).to.equal(false);
    expect(await evaluated('size(hco.spec.list)', input)).to.equal(2);
  });

  it('finds no members that nobody wrote', async () => {
    for (const member of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
      expect(await evaluated(`"${member}" in hco.spec`, hco({}))).to.equal(false);
      expect(await evaluated(`hco.spec[?"${member}"].orValue("none")`, hco({}))).to.equal('none');
    }
  });

  it('gives out a member named __proto__ as a member', async () => {
    const annotations = JSON.parse('{"__proto__": "x", "constructor": "y"}') as Json;

    const value = (await evaluated('hco.spec', hco(annotations))) as object;

    expect(Object.entries(value)).to.deep.equal([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  });

  it('gives nothing for null and for none', async () => {
    expect(await evaluated('null')).to.equal(undefined);
    expect(await evaluated('optional.none()')).to.equal(undefined);
    expect(await evaluated('hco.spec.?missing', hco({}))).to.equal(undefined);
  });

  it('gives the value of an optional that has one', async () => {
    expect(await evaluated('optional.of("x")')).to.equal('x');
  });

  it('leaves null and none out of the maps and lists it gives', async () => {
    expect(await evaluated('{"a": 1, "b": null, "c": optional.none(), "d": [1, null]}')).to.deep.equal({ a: 1, d: [1] });
  });

  it('refuses integers that JSON would round', async () => {
    expect(await evaluated('9007199254740991')).to.equal(Number.MAX_SAFE_INTEGER);
    expect((await errorOf(() => evaluated('9007199254740991 + 1'))).message).to.contain('9007199254740992');
    expect((await errorOf(() => evaluated('-9007199254740992'))).message).to.contain('53 bits');
  });

  for (const [source, name] of [
    ['b"bytes"', 'Uint8Array'],
    ['timestamp("2026-01-01T00:00:00Z")', 'Date'],
    ['duration("5s")', 'Duration'],
    ['type(1)', 'Type'],
    ['cluster', 'ClusterValue'],
  ] as const) {
    it(`refuses the result of ${source}, which JSON has no value for`, async () => {
      expect((await errorOf(() => evaluated(source))).message).to.contain(name);
    });
  }

  it('refuses infinity and what is no number', async () => {
    expect((await errorOf(() => evaluated('1.0 / 0.0'))).message).to.contain('Infinity');
    expect((await errorOf(() => evaluated('double("NaN")'))).message).to.contain('NaN');
  });

  it('refuses a result of more than 1 MiB', async () => {
    const text = 'x'.repeat(600_000);

    expect(await evaluated('hco.spec.text', hco({ text }))).to.equal(text);
    expect((await errorOf(() => evaluated('[hco.spec.text, hco.spec.text]', hco({ text })))).message).to.contain(
      'larger than 1048576 bytes',
    );
  });

  it('refuses a result of more than 100 levels', async () => {
    let nested: Json = 1;
    for (let depth = 0; depth < 120; depth++) nested = [nested];

    expect((await errorOf(() => evaluated('hco.spec', hco(nested)))).message).to.contain('100 levels');
  });

  it('never changes what it is given, and gives back the same JSON', async () => {
    const json = fc.jsonValue({ maxDepth: 4 }).map((value) => withoutNulls([value]));
    await fc.assert(
      fc.asyncProperty(json, async (spec) => {
        const before = JSON.stringify(spec);
        const value = await evaluated('{"spec": hco.spec}', hco(spec as Json));
        expect(value).to.deep.equal(JSON.parse(JSON.stringify({ spec })));
        expect(JSON.stringify(spec)).to.equal(before);
      }),
      { numRuns: 300 },
    );
  });

  it('adds and multiplies integers as mathematics does, or fails', async () => {
    const safe = fc.maxSafeInteger();
    await fc.assert(
      fc.asyncProperty(safe, safe, async (a, b) => {
        for (const [operator, exact] of [
          ['+', BigInt(a) + BigInt(b)],
          ['*', BigInt(a) * BigInt(b)],
        ] as const) {
          const isSafe = exact <= BigInt(Number.MAX_SAFE_INTEGER) && exact >= BigInt(Number.MIN_SAFE_INTEGER);
          const result = evaluated(`hco.spec.a ${operator} hco.spec.b`, hco({ a, b }));
          if (isSafe) expect(await result).to.equal(Number(exact));
          else expect((await errorOf(() => result)).message).to.be.a('string');
        }
      }),
      { numRuns: 200 },
    );
  });
});

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls).filter((element) => element !== undefined);
  if (value === null) return undefined;
  if (typeof value !== 'object') return Object.is(value, -0) ? 0 : value;
  const members = Object.entries(value).map(([key, member]) => [key, withoutNulls(member)] as const);
  return Object.fromEntries(members.filter(([, member]) => member !== undefined));
}
