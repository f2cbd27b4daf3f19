import { expect } from 'chai';
import fc from 'fast-check';
import { applyPatch, compare } from 'fast-json-patch';
import { type JsonObject } from '../../../../src/framework/testing/fake-api-server/json';
import { JsonPatchError, jsonPatched } from '../../../../src/framework/testing/fake-api-server/patch/json-patch';
import { mergePatched } from '../../../../src/framework/testing/fake-api-server/patch/merge-patch';

const key = fc.constantFrom('a', 'b', 'c/d', 'e~f', 'g');
const json = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, fc.integer({ min: 0, max: 3 }), fc.boolean(), fc.constantFrom('x', 'y'), tie('list'), tie('object')),
  list: fc.array(tie('value'), { maxLength: 4 }),
  object: fc.dictionary(key, tie('value'), { maxKeys: 4 }),
}));
const object = json.object as fc.Arbitrary<JsonObject>;

describe('patches', () => {
  it('arrives where fast-json-patch arrives, for patches that apply', () => {
    fc.assert(
      fc.property(object, object, (from, to) => {
        const patch = compare(from, to);
        const before = JSON.stringify(from);
        expect(jsonPatched(from, patch)).to.deep.equal(to);
        expect(applyPatch(structuredClone(from), patch).newDocument).to.deep.equal(to);
        expect(JSON.stringify(from)).to.equal(before);
      }),
    );
  });

  it('counts negative indexes from the end and appends at "-"', () => {
    const patch = [
      { op: 'add', path: '/list/-', value: 4 },
      { op: 'remove', path: '/list/-4' },
      { op: 'add', path: '/list/-1', value: 5 },
    ];
    expect(jsonPatched({ list: [1, 2, 3] }, patch)).to.deep.equal({ list: [2, 3, 4, 5] });
  });

  for (const [title, operation, message] of [
    ['an index beyond the end', { op: 'remove', path: '/list/3' }, 'invalid index'],
    ['an index that is no number', { op: 'add', path: '/list/x', value: 1 }, 'invalid syntax'],
    ['a missing key', { op: 'remove', path: '/none' }, 'nonexistent key'],
    ['an unknown operation', { op: 'jump', path: '/list' }, 'Unexpected kind: jump'],
    ['an operation without a path', { op: 'add', value: 1 }, 'failed to decode path'],
    ['a move from nowhere', { op: 'move', from: '/none/x', path: '/list' }, 'missing from path'],
    ['a failed test', { op: 'test', path: '/list/0', value: 2 }, 'test failed'],
  ] as const) {
    it(`refuses ${title}`, () => {
      expect(() => jsonPatched({ list: [1, 2, 3] }, [operation])).to.throw(JsonPatchError, message);
    });
  }

  it('tells a malformed patch from one that does not apply', () => {
    expect(() => jsonPatched({}, { op: 'add' }))
      .to.throw(JsonPatchError)
      .with.property('isMalformed', true);
  });

  it('merges as RFC 7386 says: null removes, lists are replaced, input stays', () => {
    const target = { a: 'b', c: { d: 'e', f: 'g' }, l: [1, 2] };
    expect(mergePatched(target, { a: 'z', c: { f: null }, l: [3] })).to.deep.equal({ a: 'z', c: { d: 'e' }, l: [3] });
    expect(target).to.deep.equal({ a: 'b', c: { d: 'e', f: 'g' }, l: [1, 2] });
    expect(mergePatched({ a: 1 }, ['x'])).to.deep.equal(['x']);
    expect(mergePatched('x', { a: { b: null, c: 1 } })).to.deep.equal({ a: { c: 1 } });
  });
});
