/** U6: a definition may grow, and may never refuse or drop what is stored. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { breaksBetween, type Crd, type Schema } from '../../../../hack/crd-compat/compare';
import { type AllowedBreak, findings } from '../../../../hack/crd-compat/main';
import { ROOT } from '../../../harness/steward-cluster';

const SPEC: Schema = {
  type: 'object',
  required: ['name'],
  properties: {
    name: { type: 'string', maxLength: 10 },
    mode: { type: 'string', enum: ['one', 'two'] },
    ports: { type: 'array', minItems: 1, items: { type: 'integer', minimum: 1, maximum: 100 } },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    any: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    optional: { type: 'string', nullable: true },
  },
};

const crd = (spec: Schema, change: (crd: Crd) => Crd = (same) => same): Crd =>
  change({
    metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Cluster',
      names: { kind: 'Thing', plural: 'things' },
      versions: [
        { name: 'v1', served: true, subresources: { status: {} }, schema: { openAPIV3Schema: { type: 'object', properties: { spec } } } },
      ],
    },
  });
const breaks = (later: Crd): string[] => breaksBetween([crd(SPEC)], [later]);
const withProperty = (name: string, schema: Schema): Crd => crd({ ...SPEC, properties: { ...SPEC.properties, [name]: schema } });
const inVersion = (change: object): Crd =>
  crd(SPEC, ({ spec, ...others }) => ({
    ...others,
    spec: { ...spec, versions: spec.versions.map((version) => ({ ...version, ...change })) },
  }));

describe('the check of changes to definitions (U6)', () => {
  it('takes a definition as it is, and one that allows more', () => {
    expect(breaks(crd(SPEC))).to.deep.equal([]);
    const grown: [string, Schema][] = [
      ['added', { type: 'string', pattern: '^a$', enum: ['a'] }],
      ['name', { type: 'string', maxLength: 20 }],
      ['name', { type: 'string' }],
      ['mode', { type: 'string', enum: ['two', 'three', 'one'] }],
      ['ports', { type: 'array', items: { type: 'integer', minimum: 0, maximum: 200 } }],
      ['any', { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { known: { type: 'string' } } }],
    ];
    for (const [name, schema] of grown) expect(breaks(withProperty(name, schema)), JSON.stringify(schema)).to.deep.equal([]);
    const filledIn = { ...SPEC, required: ['name', 'more'], properties: { ...SPEC.properties, more: { type: 'string', default: 'x' } } };
    expect(breaks(crd(filledIn))).to.deep.equal([]);
    expect(breaks(crd({ ...SPEC, required: [] }))).to.deep.equal([]);
  });

  const narrowed: [string, Schema, string][] = [
    ['name', { type: 'integer' }, 'v1.spec.name: type was "string", is "integer"'],
    ['name', { type: 'string', maxLength: 9 }, 'v1.spec.name: maxLength was 10, is 9'],
    ['name', { type: 'string', maxLength: 10, minLength: 1 }, 'v1.spec.name: minLength was absent, is 1'],
    ['name', { type: 'string', maxLength: 10, pattern: '^a' }, 'v1.spec.name: pattern was absent, is "^a"'],
    [
      'name',
      { type: 'string', maxLength: 10, 'x-kubernetes-validations': [{ rule: 'self != ""' }] },
      'v1.spec.name: the rule "self != \\"\\"" is new',
    ],
    ['mode', { type: 'string', enum: ['two'] }, 'v1.spec.mode: "one" is no longer allowed'],
    ['labels', { type: 'object' }, "v1.spec.labels: it takes no keys of one's own any more"],
    ['labels', { type: 'object', additionalProperties: { type: 'integer' } }, 'v1.spec.labels.*: type was "string", is "integer"'],
    ['any', { type: 'object' }, 'v1.spec.any: unknown fields are no longer kept'],
    ['optional', { type: 'string' }, 'v1.spec.optional: it may no longer be null'],
    ['optional', { type: 'string', nullable: true, enum: ['a'] }, 'v1.spec.optional: only "a" are allowed now'],
    ['ports', { type: 'array', minItems: 2, items: { type: 'integer', minimum: 1, maximum: 100 } }, 'v1.spec.ports: minItems was 1, is 2'],
    [
      'ports',
      { type: 'array', minItems: 1, items: { type: 'integer', minimum: 1, maximum: 99 } },
      'v1.spec.ports[]: maximum was 100, is 99',
    ],
    [
      'ports',
      { type: 'array', minItems: 1, 'x-kubernetes-list-type': 'set', items: { type: 'integer', minimum: 1, maximum: 100 } },
      'v1.spec.ports: x-kubernetes-list-type was absent, is "set"',
    ],
  ];
  for (const [name, schema, expected] of narrowed) {
    it(`refuses it when ${expected}`, () => {
      expect(breaks(withProperty(name, schema))).to.deep.equal([`things.example.com ${expected}`]);
    });
  }

  it('refuses a field that is gone, and one that is required now', () => {
    const { optional: _, ...others } = SPEC.properties!;
    expect(breaks(crd({ ...SPEC, properties: others }))).to.deep.equal([
      'things.example.com v1.spec.optional: the field is gone, and what is stored in it',
    ]);
    expect(breaks(crd({ ...SPEC, required: ['name', 'mode'] }))).to.deep.equal(['things.example.com v1.spec: mode is required now']);
  });

  it('refuses a version that is gone or no longer served, and takes another one beside it', () => {
    expect(breaks(inVersion({ name: 'v2' }))).to.deep.equal(['things.example.com v1: the version is gone, in which objects may be stored']);
    expect(breaks(inVersion({ served: false }))).to.deep.equal(['things.example.com v1: the version is no longer served']);
    expect(breaks(inVersion({ subresources: {} }))).to.deep.equal(['things.example.com v1: it has no status any more']);
    const beside = crd(SPEC, ({ spec, ...others }) => ({
      ...others,
      spec: { ...spec, versions: [...spec.versions, { name: 'v2', served: true }] },
    }));
    expect(breaks(beside)).to.deep.equal([]);
  });

  it('refuses another scope or kind, and a definition that is gone', () => {
    const namespaced = crd(SPEC, ({ spec, ...others }) => ({ ...others, spec: { ...spec, scope: 'Namespaced' } }));
    expect(breaks(namespaced)).to.deep.equal([
      'things.example.com spec: was example.com Cluster Thing things, is example.com Namespaced Thing things',
    ]);
    expect(breaksBetween([crd(SPEC)], [])).to.deep.equal(['things.example.com: it is gone']);
    expect(breaksBetween([], [crd(SPEC)])).to.deep.equal([]);
  });

  it('lets a break pass that is listed with its reason, and refuses a list that is not true', () => {
    const text = 'things.example.com: it is gone';
    expect(findings([crd(SPEC)], [], [{ break: text, reason: 'nobody has one' }])).to.deep.equal([]);
    expect(findings([crd(SPEC)], [], [{ break: text, reason: ' ' }]).join()).to.contain('gives no reason for');
    expect(findings([crd(SPEC)], [crd(SPEC)], [{ break: text, reason: 'x' }]).join()).to.contain('allows what does not happen');
  });

  it('finds nothing in the definitions of today', () => {
    const definitions = (folder: string): Crd[] =>
      readdirSync(join(ROOT, folder))
        .filter((name) => name.endsWith('.yaml'))
        .map((name) => parse(readFileSync(join(ROOT, folder, name), 'utf8')) as Crd);
    const allowed = parse(readFileSync(join(ROOT, 'hack/crd-compat/allowed-breaks.yaml'), 'utf8')) as AllowedBreak[];

    const [before, now] = [definitions('hack/crd-compat/baseline'), definitions('crds')];
    expect(before).to.have.lengthOf(4);
    expect(findings(before, now, allowed)).to.deep.equal([]);
  });
});
