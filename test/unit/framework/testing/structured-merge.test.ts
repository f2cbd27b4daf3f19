import { expect } from 'chai';
import fc from 'fast-check';
import { FieldSet, printPath } from '../../../../src/framework/testing/fake-api-server/apply/field-set';
import { apply, trackUpdate, type WriteOrigin } from '../../../../src/framework/testing/fake-api-server/apply/managed-fields';
import { compare, fieldsOf, merge, without } from '../../../../src/framework/testing/fake-api-server/apply/typed-value';
import { isEqual, type JsonObject } from '../../../../src/framework/testing/fake-api-server/json';
import { rootSchema } from '../../../../src/framework/testing/fake-api-server/kinds/served-kind';
import type { Schema } from '../../../../src/framework/testing/fake-api-server/schema/schema';

const SPEC: Schema = {
  type: 'object',
  properties: {
    size: { type: 'integer' },
    tags: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
    parts: { type: 'array', items: { type: 'object' }, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] },
    settings: { type: 'object', additionalProperties: { type: 'string' } },
    plain: { type: 'array' },
  },
};
const SCHEMA = rootSchema({ type: 'object', properties: { spec: SPEC } });

const word = fc.constantFrom('a', 'b', 'c', 'd');
const spec = fc.record(
  {
    size: fc.integer({ min: 0, max: 3 }),
    tags: fc.uniqueArray(word, { minLength: 1 }),
    parts: fc.uniqueArray(fc.record({ name: word, count: fc.integer({ min: 0, max: 2 }) }), { minLength: 1, selector: ({ name }) => name }),
    settings: fc.dictionary(word, word, { minKeys: 1 }),
    plain: fc.array(word, { minLength: 1 }),
  },
  { requiredKeys: ['size'] },
);
const objectOf = (value: unknown): JsonObject => ({ apiVersion: 'x/v1', kind: 'X', metadata: { name: 'one', uid: 'u' }, spec: value });
const configOf = (value: unknown): JsonObject => ({ apiVersion: 'x/v1', kind: 'X', metadata: { name: 'one' }, spec: value });

const by = (manager: string, time = '2026-01-01T00:00:00Z'): WriteOrigin => ({
  manager,
  apiVersion: 'x/v1',
  subresource: '',
  time,
  schema: SCHEMA,
  blank: {},
  resetFields: [],
});

describe('structured merge', () => {
  it('keeps a field set through FieldsV1 and back', () => {
    fc.assert(
      fc.property(spec, (value) => {
        const set = fieldsOf(objectOf(value), SCHEMA);
        const again = FieldSet.fromFieldsV1(JSON.parse(JSON.stringify(set.toFieldsV1())));
        expect([...again.paths()].map(printPath)).to.deep.equal([...set.paths()].map(printPath));
      }),
    );
  });

  it('has sets that obey the laws of set algebra', () => {
    fc.assert(
      fc.property(spec, spec, (one, two) => {
        const [a, b] = [fieldsOf(objectOf(one), SCHEMA), fieldsOf(objectOf(two), SCHEMA)];
        const text = (set: FieldSet): string => [...set.paths()].map(printPath).sort().join();
        expect(text(a.union(b))).to.equal(text(b.union(a)));
        expect(text(a.intersection(b))).to.equal(text(a.difference(a.difference(b))));
        expect(text(a.difference(b).union(a.intersection(b)))).to.equal(text(a));
        expect(a.difference(a).isEmpty).to.equal(true);
      }),
    );
  });

  it('finds no difference between equal values and an empty one only between equal values', () => {
    fc.assert(
      fc.property(spec, spec, (one, two) => {
        const { added, removed, modified } = compare(objectOf(one), objectOf(two), SCHEMA);
        const isSame = added.isEmpty && removed.isEmpty && modified.isEmpty;
        const unordered = (value: JsonObject): unknown => ({
          ...value,
          tags: [...((value['tags'] as string[]) ?? [])].sort(),
          parts: [...((value['parts'] as JsonObject[]) ?? [])].sort((x, y) => (String(x['name']) < String(y['name']) ? -1 : 1)),
        });
        expect(isSame).to.equal(isEqual(unordered(one), unordered(two)));
      }),
    );
  });

  it('merges so that everything of the right side holds', () => {
    fc.assert(
      fc.property(spec, spec, (left, right) => {
        const merged = merge(objectOf(left), objectOf(right), SCHEMA);
        const { removed, modified } = compare(objectOf(right), merged, SCHEMA);
        expect([removed.isEmpty, modified.isEmpty]).to.deep.equal([true, true]);
        expect(merge(merged, objectOf(right), SCHEMA)).to.deep.equal(merged);
      }),
    );
  });

  it('removes exactly the paths it is told to', () => {
    const value = { spec: { size: 1, tags: ['a', 'b'], parts: [{ name: 'p', count: 1 }, { name: 'q' }], settings: { a: '1', b: '2' } } };
    const remove = FieldSet.fromFieldsV1({
      'f:spec': {
        'f:tags': { 'v:"a"': {} },
        'f:parts': { 'k:{"name":"p"}': { 'f:count': {} }, 'k:{"name":"q"}': { '.': {} } },
        'f:settings': { 'f:b': {} },
      },
    });
    expect(without(value, remove, SCHEMA)).to.deep.equal({ spec: { size: 1, tags: ['b'], parts: [{ name: 'p' }], settings: { a: '1' } } });
  });

  it('applies the same twice without a change, whatever another manager applied before', () => {
    fc.assert(
      fc.property(spec, spec, (one, two) => {
        const first = { ...apply(undefined, configOf(one), by('a'), false) };
        const second = apply(first, configOf(two), by('b'), true);
        expect(apply(second, configOf(two), by('b', '2026-01-01T09:00:00Z'), false)).to.deep.equal(second);
      }),
    );
  });

  it('leaves exactly the last configuration of a single manager', () => {
    fc.assert(
      fc.property(spec, spec, (one, two) => {
        const object = apply(apply(undefined, configOf(one), by('a'), false), configOf(two), by('a'), false);
        const expected = apply(undefined, configOf(two), by('a'), false);
        const { added, removed, modified } = compare(expected['spec'], object['spec'], SPEC);
        expect([added.isEmpty, removed.isEmpty, modified.isEmpty]).to.deep.equal([true, true, true]);
      }),
    );
  });

  it('never loses what another manager owns when one stops applying', () => {
    fc.assert(
      fc.property(spec, spec, (one, two) => {
        const both = apply(apply(undefined, configOf(one), by('a'), false), configOf(two), by('b'), true);
        const left = apply(both, configOf({ size: two.size }), by('a'), false);
        const { removed, modified } = compare(configOf(two)['spec'], left['spec'], SPEC);
        expect([removed.isEmpty, modified.isEmpty]).to.deep.equal([true, true]);
      }),
    );
  });

  it('folds the oldest of many update managers into one', () => {
    let object = trackUpdate(undefined, objectOf({ size: 0 }), by('creator'));
    for (let i = 0; i < 20; i++) {
      const next = {
        ...object,
        spec: {
          ...(object['spec'] as JsonObject),
          settings: { ...((object['spec'] as JsonObject)['settings'] as JsonObject), [`k${i}`]: 'v' },
        },
      };
      object = trackUpdate(object, next, by(`m${i}`, `2026-01-01T00:00:${String(i).padStart(2, '0')}Z`));
    }
    const entries = (object['metadata'] as JsonObject)['managedFields'] as JsonObject[];
    expect(entries).to.have.length(10);
    expect(entries.map(({ manager }) => manager)).to.include('ancient-changes');
    expect(entries.map(({ manager }) => manager)).to.include('m19');
  });
});
