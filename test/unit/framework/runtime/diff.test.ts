import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import fc from 'fast-check';
import { applyPatch, type Operation } from 'fast-json-patch';
import type { KubernetesObject, ObjectMeta } from '../../../../src/framework/kinds/object';
import { changesBetween, differ, essence, specChanged } from '../../../../src/framework/runtime/diff';
import { fieldAt } from '../../../../src/framework/runtime/filters';

const withSpec = (spec: unknown, metadata: ObjectMeta = {}): KubernetesObject =>
  ({ apiVersion: 'example.org/v1', kind: 'Widget', metadata: { name: 'w', ...metadata }, spec }) as KubernetesObject;

/** Any JSON, with few names so that two values often share some. */
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, true, 0, 1, '', 'a', 'b'),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c', 'a/b', '~', '~1', 'constructor', ''), tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

describe('the changes between two objects', () => {
  it('are named by pointer, with the value before and after', () => {
    const old = withSpec({ size: 1, color: 'red', ports: [7] });
    const now = withSpec({ size: 2, ports: [7, 9], name: 'x' });

    expect(changesBetween(old, now)).to.have.deep.members([
      { op: 'replace', path: '/spec/size', old: 1, value: 2 },
      { op: 'remove', path: '/spec/color', old: 'red', value: undefined },
      { op: 'add', path: '/spec/ports/1', old: undefined, value: 9 },
      { op: 'add', path: '/spec/name', old: undefined, value: 'x' },
    ]);
  });

  it('escape slashes and tildes in names as RFC 6901 says', () => {
    const old = withSpec({}, { labels: { 'example.org/a~b': '1' } });
    const now = withSpec({}, { labels: { 'example.org/a~b': '2' } });

    expect(changesBetween(old, now)).to.deep.equal([{ op: 'replace', path: '/metadata/labels/example.org~1a~0b', old: '1', value: '2' }]);
  });

  it('leave out the bookkeeping of the server, status, finalizers and kubectl’s copy', () => {
    const old = withSpec({ size: 1 }, { resourceVersion: '1', generation: 1 });
    const now = {
      ...withSpec(
        { size: 1 },
        {
          resourceVersion: '2',
          generation: 2,
          finalizers: ['example.org/cleanup'],
          creationTimestamp: '2026-01-01T00:00:00Z',
          managedFields: [{}],
          annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
        },
      ),
      status: { phase: 'Ready' },
    } as KubernetesObject;

    expect(changesBetween(old, now)).to.deep.equal([]);
    expect(differ(old, now, [])).to.equal(false);
  });

  it('include labels, annotations and owners', () => {
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'o', uid: 'u' };
    const now = withSpec({}, { labels: { a: '1' }, annotations: { b: '2' }, ownerReferences: [owner] });

    expect(changesBetween(withSpec({}), now).map(({ path }) => path)).to.have.members([
      '/metadata/labels/a',
      '/metadata/annotations/b',
      '/metadata/ownerReferences/0',
    ]);
  });

  it('lead from the old object to the new one', () => {
    fc.assert(
      fc.property(json, json, (before, after) => {
        const [old, now] = [withSpec(before), withSpec(after)];
        const patch = changesBetween(old, now).map(({ op, path, value }) =>
          op === 'remove' ? { op, path } : { op, path, value },
        ) as Operation[];
        const result = applyPatch(structuredClone(essence(old)), patch, false, true, false).newDocument;
        expect(result).to.deep.equal(essence(now));
      }),
      { numRuns: 300 },
    );
  });

  it('say what stood at their paths before', () => {
    fc.assert(
      fc.property(json, json, (before, after) => {
        const [old, now] = [withSpec(before), withSpec(after)];
        for (const change of changesBetween(old, now)) {
          const path = change.path.split('/').slice(1);
          const names = path.map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
          expect(change.old).to.deep.equal(change.op === 'add' ? undefined : fieldAt(essence(old), names));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('are none exactly when the objects do not differ', () => {
    fc.assert(
      fc.property(json, json, (before, after) => {
        const [old, now] = [withSpec(before), withSpec(after)];
        expect(differ(old, now, [])).to.equal(changesBetween(old, now).length > 0);
        expect(differ(old, structuredClone(old), [])).to.equal(false);
      }),
      { numRuns: 300 },
    );
  });

  it('can be told of data under names that mean something to JavaScript', () => {
    const old = JSON.parse('{"data":{"__proto__":"a","constructor":"b"}}') as KubernetesObject;
    const now = JSON.parse('{"data":{"__proto__":"c"}}') as KubernetesObject;

    expect(changesBetween(old, now)).to.have.deep.members([
      { op: 'replace', path: '/data/__proto__', old: 'a', value: 'c' },
      { op: 'remove', path: '/data/constructor', old: 'b', value: undefined },
    ]);
  });

  it('do not touch either object', () => {
    fc.assert(
      fc.property(json, json, (before, after) => {
        const [old, now] = [withSpec(before), withSpec(after)];
        const copies = structuredClone([old, now]);
        changesBetween(old, now);
        expect(isDeepStrictEqual([old, now], copies)).to.equal(true);
      }),
      { numRuns: 50 },
    );
  });
});

describe('whether objects differ at named fields', () => {
  const old = withSpec({ cpu: { cores: 1 }, memory: 1 });

  it('depends on those fields alone', () => {
    const now = withSpec({ cpu: { cores: 1 }, memory: 2 });

    expect(differ(old, now, [['spec', 'cpu']])).to.equal(false);
    expect(differ(old, now, [['spec', 'memory']])).to.equal(true);
    expect(
      differ(old, now, [
        ['spec', 'cpu'],
        ['spec', 'memory'],
      ]),
    ).to.equal(true);
  });

  it('includes fields that come and go, and status fields that are named', () => {
    expect(differ(old, withSpec({ memory: 1 }), [['spec', 'cpu', 'cores']])).to.equal(true);
    expect(differ(old, { ...old, status: { phase: 'Ready' } } as KubernetesObject, [['status', 'phase']])).to.equal(true);
  });
});

describe('whether the specification changed', () => {
  const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'o', uid: 'u' };
  const base: ObjectMeta = { generation: 1, resourceVersion: '1' };
  const cases: [string, ObjectMeta, boolean][] = [
    ['nothing but the version', { resourceVersion: '2' }, false],
    ['managed fields', { managedFields: [{}] }, false],
    ['the generation', { generation: 2 }, true],
    ['a label', { labels: { a: '1' } }, true],
    ['an annotation', { annotations: { a: '1' } }, true],
    ['a finalizer', { finalizers: ['a/b'] }, true],
    ['an owner', { ownerReferences: [owner] }, true],
    ['the beginning of deletion', { deletionTimestamp: '2026-01-01T00:00:00Z' }, true],
  ];
  for (const [what, change, expected] of cases) {
    it(`is ${expected ? 'seen in' : 'not seen in'} ${what}`, () => {
      expect(specChanged({ metadata: { ...base, ...change } }, { metadata: base })).to.equal(expected);
      expect(specChanged({ metadata: base }, { metadata: { ...base, ...change } })).to.equal(expected);
    });
  }

  it('is taken for granted for kinds without generation', () => {
    expect(specChanged({ metadata: { resourceVersion: '2' } }, { metadata: { resourceVersion: '1' } })).to.equal(true);
  });
});
