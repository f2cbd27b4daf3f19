import { expect } from 'chai';
import fc from 'fast-check';
import type { Json, JsonMap } from '../../../../src/platform/json';
import { DOMAIN, MANAGED_BY_LABEL } from '../../../../src/platform/keys';
import { applyUserPatch } from '../../../../src/platform/overrides/apply-patch';
import { parseJsonText } from '../../../../src/platform/overrides/json-text';

const DESIRED: JsonMap = {
  apiVersion: 'example.com/v1',
  kind: 'Thing',
  metadata: { name: 'a', namespace: 'b', labels: { [MANAGED_BY_LABEL]: 'virt-steward' }, annotations: { [`${DOMAIN}version`]: '1' } },
  spec: { list: [1, { a: 1 }, [2]], map: { a: 1, b: { c: null } }, text: 'x' },
};

/** Segments that mean something here, or to JavaScript. */
const segment = fc.oneof(
  fc.constantFrom(
    '',
    '-',
    '0',
    '1',
    '2',
    '3',
    '00',
    '-1',
    'a',
    'b',
    'c',
    'list',
    'map',
    'text',
    'spec',
    'metadata',
    'labels',
    'annotations',
  ),
  fc.constantFrom('apiVersion', 'kind', 'name', 'namespace', 'status', 'finalizers', '__proto__', 'constructor', 'prototype', 'toString'),
  fc.constantFrom(
    'platform.kubevirt.io~1managed-by',
    'platform.kubevirt.io~1version',
    '~0',
    '~1',
    '~',
    '~2',
    '~01',
    'hasOwnProperty',
    'length',
  ),
  fc.string({ maxLength: 4 }),
);
const pointer = fc.oneof(
  fc.array(segment, { maxLength: 5 }).map((segments) => segments.map((one) => `/${one}`).join('')),
  fc.string({ maxLength: 8 }),
);
const operation = fc.record(
  {
    op: fc.oneof(fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', '_get', 'ADD'), fc.string({ maxLength: 4 })),
    path: pointer,
    from: pointer,
    value: fc.jsonValue({ maxDepth: 3 }),
  },
  { requiredKeys: ['op', 'path'] },
);
const text = fc.oneof(
  { weight: 8, arbitrary: fc.array(operation, { maxLength: 8 }).map((operations) => JSON.stringify(operations)) },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.string() },
);

const metadata = (object: JsonMap): JsonMap => object['metadata'] as JsonMap;

describe('whatever a patch says', () => {
  it('it changes neither identity nor protected members, throws nothing and pollutes nothing', () => {
    const memberNames = Object.getOwnPropertyNames(Object.prototype).sort();
    const original = structuredClone(DESIRED);
    let applied = 0;
    fc.assert(
      fc.property(text, (patch) => {
        const outcome = applyUserPatch(DESIRED, patch);

        expect(DESIRED).to.deep.equal(original);
        expect(Object.getOwnPropertyNames(Object.prototype).sort()).to.deep.equal(memberNames);
        if (outcome.kind === 'refused') {
          expect(outcome.problem.why).not.to.equal('');
          return;
        }
        applied++;
        const { object } = outcome;
        expect(object).to.include({ apiVersion: 'example.com/v1', kind: 'Thing' });
        expect(object).not.to.have.property('status');
        expect(metadata(object)).to.include({ name: 'a', namespace: 'b' });
        for (const name of ['uid', 'resourceVersion', 'managedFields', 'ownerReferences', 'finalizers', 'generateName']) {
          expect(metadata(object)).not.to.have.property(name);
        }
        expect((metadata(object)['labels'] as JsonMap)[MANAGED_BY_LABEL]).to.equal('virt-steward');
        const ours = Object.entries(metadata(object)['annotations'] as JsonMap).filter(([name]) => name.startsWith(DOMAIN));
        expect(ours).to.deep.equal([[`${DOMAIN}version`, '1']]);
        expect(JSON.parse(JSON.stringify(object))).to.deep.equal(object);
      }),
      { numRuns: 5_000 },
    );
    expect(applied, 'patches that were applied').to.be.greaterThan(100);
  });
});

describe('the strict reading of JSON', () => {
  const plain = (value: Json): Json => JSON.parse(JSON.stringify(value)) as Json;

  it('reads what JSON.parse reads, for all that is not refused', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (json) => {
        let value: Json;
        try {
          value = parseJsonText(json);
        } catch (error) {
          expect(String(error)).to.match(/__proto__|2\^53-1|Unicode/);
          return;
        }
        expect(plain(value)).to.deep.equal(plain(JSON.parse(json) as Json));
      }),
      { numRuns: 2_000 },
    );
  });

  it('takes nothing that JSON.parse does not take', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json().chain((json) => fc.nat(json.length).map((at) => `${json.slice(0, at)}${json.slice(at + 1)}`)),
        ),
        (candidate) => {
          let isRead = true;
          try {
            parseJsonText(candidate);
          } catch {
            isRead = false;
          }
          if (isRead) expect(() => JSON.parse(candidate) as unknown).not.to.throw();
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
