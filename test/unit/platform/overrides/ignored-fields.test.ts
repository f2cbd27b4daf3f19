import { expect } from 'chai';
import type { JsonMap } from '../../../../src/platform/json';
import { type MaskedObject, parseIgnoredFields, withoutFields } from '../../../../src/platform/overrides/ignored-fields';
import { pointerText } from '../../../../src/platform/overrides/json-pointer';

const desired = (): JsonMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', labels: { x: '1', 'example.com/y': '2' } },
  spec: { replicas: 1, profiles: [{ a: 1 }], deep: { only: { one: 1 } }, 'a~b': 1, 'c/d': 2 },
});
const mask = (text: string): MaskedObject => withoutFields(desired(), parseIgnoredFields(text));
const specOf = ({ object }: MaskedObject): JsonMap => object['spec'] as JsonMap;

describe('ignored fields', () => {
  it('are taken out of what is wanted, one or several', () => {
    expect(specOf(mask('/spec/replicas'))).not.to.have.property('replicas');
    expect(specOf(mask(' /spec/replicas , /spec/profiles ,'))).to.have.all.keys('deep', 'a~b', 'c/d');
  });

  it('take parents along that would be left empty', () => {
    expect(specOf(mask('/spec/deep/only/one'))).not.to.have.property('deep');
    expect(mask('/spec/replicas,/spec/profiles,/spec/deep,/spec/a~0b,/spec/c~1d').object).not.to.have.property('spec');
  });

  it('may have slashes and tildes in their names', () => {
    const { object, problems } = mask('/spec/a~0b,/spec/c~1d,/metadata/labels/example.com~1y');

    expect(problems).to.deep.equal([]);
    expect(object['spec']).to.have.all.keys('replicas', 'profiles', 'deep');
    expect((object['metadata'] as JsonMap)['labels']).to.deep.equal({ x: '1' });
  });

  it('may be absent from what is wanted, without effect', () => {
    const masked = mask('/spec/absent,/spec/absent/below,/data');

    expect(masked.object).to.deep.equal(desired());
    expect(masked.problems).to.deep.equal([]);
    expect(masked.pointers.map(pointerText)).to.deep.equal(['/spec/absent', '/spec/absent/below', '/data']);
  });

  const REFUSED: readonly (readonly [string, string])[] = [
    ['spec/replicas', 'starts with "/"'],
    ['/', 'the whole object'],
    ['/metadata', 'which cannot be left to others'],
    ['/metadata/name', '/metadata/name, which cannot be left to others'],
    ['/metadata/labels', 'managed-by, which cannot be left'],
    ['/metadata/annotations/platform.kubevirt.io~1patch', 'cannot be left to others'],
    ['/status', '/status, which cannot be left'],
    ['/kind', '/kind, which cannot be left'],
    ['/spec/profiles/0', '/spec/profiles is a list'],
    ['/spec/profiles/0/a', '/spec/profiles is a list'],
    ['/spec/replicas/x', '/spec/replicas is a single value'],
    ['/spec/~', 'after "~" only'],
    ['/spec/__proto__', 'is refused'],
  ];
  for (const [pointer, why] of REFUSED) {
    it(`do not include ${pointer}, and those beside it count all the same`, () => {
      const masked = mask(`${pointer},/spec/deep`);

      expect(masked.problems).to.have.length(1);
      expect(masked.problems[0]).to.contain(JSON.stringify(pointer)).and.to.contain(why);
      expect(specOf(masked)).to.have.all.keys('replicas', 'profiles', 'a~b', 'c/d');
    });
  }

  it('are at most 128 in at most 8 KiB', () => {
    const many = Array.from({ length: 130 }, (_, index) => `/spec/f${index}`).join(',');

    expect(parseIgnoredFields(many).pointers).to.have.length(128);
    expect(parseIgnoredFields(many).problems[0]).to.contain('130 pointers');
    expect(parseIgnoredFields(`/spec/${'x'.repeat(9_000)}`)).to.deep.equal({
      pointers: [],
      problems: ['the text is longer than 8192 bytes, so none of it counts'],
    });
  });
});
