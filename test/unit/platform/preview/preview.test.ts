import { expect } from 'chai';
import { defineKind, type KubernetesObject, SystemClock } from '../../../../src/framework';
import { activationOf } from '../../../../src/platform/context/activation';
import { Exclusions } from '../../../../src/platform/overrides/exclusions';
import { type PreviewParts, type PreviewRow, previewCatalog, previewText } from '../../../../src/platform/preview';
import type { ContextParts } from '../support/asset-context';
import { aContext } from '../support/asset-context';
import { aCatalog, anAsset } from '../support/catalogs';

const e = (source: string): string => `${'$'}{ ${source} }`;

interface World extends ContextParts {
  readonly live?: readonly KubernetesObject[];
  readonly exclusions?: string;
  readonly allowlist?: string;
  readonly dryRun?: (object: KubernetesObject) => Promise<KubernetesObject>;
  readonly isServed?: boolean;
  readonly namespace?: 'active' | 'absent';
}

async function preview(files: Record<string, string>, world: World = {}, names?: readonly string[]): Promise<PreviewRow[]> {
  const { live = [], exclusions: text, allowlist, dryRun, isServed = true, namespace = 'active', ...parts } = world;
  const catalog = aCatalog(files);
  const exclusions = new Exclusions();
  exclusions.update(text);
  const given: PreviewParts = {
    ...{
      catalog,
      exclusions,
      context: aContext(parts),
      activation: activationOf(allowlist, 'always', catalog.assets),
      clock: new SystemClock(),
    },
    reads: {
      get: async (_kind, key) => live.find(({ metadata }) => `${metadata?.namespace}/${metadata?.name}` === key),
      schemaOf: async () => undefined,
      ...(dryRun === undefined ? {} : { dryRun: (_kind, object) => dryRun(object) }),
    },
    kindOf: (apiVersion, kind) => (isServed ? defineKind(apiVersion, kind, `${kind.toLowerCase()}s`, { scope: 'Namespaced' }) : undefined),
    namespaceState: async () => namespace,
  };
  return previewCatalog(given, names);
}

const statusesOf = (rows: readonly PreviewRow[]): Record<string, string> =>
  Object.fromEntries(rows.map(({ key, status, reason }) => [key, reason === '' ? status : `${status} ${reason}`]));
const live = (annotations: Record<string, string> = {}, more: object = {}): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name: 'a',
    namespace: 'ns',
    uid: 'u',
    resourceVersion: '1',
    annotations,
    labels: { 'platform.kubevirt.io/managed-by': 'virt-steward' },
  },
  ...more,
});
const asset = (name: string, header: object = {}, object: object = {}): string =>
  anAsset({ name, ...header }, { metadata: { name, namespace: 'ns' }, ...object });

describe('a preview of the catalog', () => {
  it('shows what would be sent for an object that is not there: rendered and labelled', async () => {
    const [row] = await preview({
      'a.yaml': anAsset({}, { data: { n: e('params.n') }, ...{} }).replace('asset:', 'asset:\n  params: { "n": "1" }'),
    });

    expect(row).to.include({ key: 'a', status: 'INCLUDED', reason: '', identity: '/ConfigMap/ns/a' });
    expect(row?.object).to.deep.equal({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a', namespace: 'ns', labels: { 'platform.kubevirt.io/managed-by': 'virt-steward' } },
      data: { n: '1' },
    });
  });

  it('shows what would be sent with the overrides of the live object', async () => {
    const annotations = {
      'platform.kubevirt.io/patch': '[{"op": "replace", "path": "/data/a", "value": "patched"}]',
      'platform.kubevirt.io/ignore-fields': '/data/b',
    };
    const [row] = await preview({ 'a.yaml': anAsset({}, { data: { a: '1', b: '2', c: '3' } }) }, { live: [live(annotations)] });

    expect(row).to.include({ status: 'INCLUDED' });
    expect(row?.object).to.have.deep.property('data', { a: 'patched', c: '3' });
  });

  for (const [title, annotations, status] of [
    ['unmanaged', { 'platform.kubevirt.io/mode': 'unmanaged' }, 'UNMANAGED Unmanaged'],
    ['paused', { 'platform.kubevirt.io/reconcile-paused': 'true' }, 'PAUSED Paused'],
    ['held by a patch that is not valid', { 'platform.kubevirt.io/patch': '[{' }, 'HELD InvalidPatch'],
  ] as const) {
    it(`says that an object is ${title}`, async () => {
      expect(statusesOf(await preview({ 'a.yaml': anAsset() }, { live: [live(annotations)] }))).to.deep.equal({ a: status });
    });
  }

  it('says why something would not be applied', async () => {
    const files = {
      'a.yaml': asset('a', { install: 'opt-in', switch: 'x' }),
      'b.yaml': asset('b', { when: ['topology.isHCP'] }),
      'c.yaml': asset('c', { requires: ['feature:openshift'] }),
      'd.yaml': asset('d', { requires: ['crd:things.example.com'] }),
      'e.yaml': asset('e', {}, { data: { a: e('hco.spec.missing') } }),
      'f.yaml': asset('f'),
      'g.yaml': asset('g', { adopt: 'never' }),
      'h.yaml': asset('h', { create: false }),
      'i.yaml': anAsset({ name: 'i', kind: 'ConfigMap', apiVersions: ['v1'] }, e('null')),
    };
    const foreign = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'g', namespace: 'ns', resourceVersion: '1' } };
    const rows = await preview(files, {
      hco: { spec: {} },
      exclusions: '- { kind: ConfigMap, name: f }',
      live: [foreign],
      cluster: { hasResource: () => false },
    });

    expect(statusesOf(rows)).to.deep.equal({
      a: 'FILTERED NotSwitchedOn',
      b: 'FILTERED ConditionFalse',
      c: 'FILTERED FeatureAbsent',
      d: 'MISSING CRDMissing',
      e: 'ERROR RenderFailed',
      f: 'EXCLUDED Excluded',
      g: 'CONFLICT ExistingKept',
      h: 'MISSING TargetAbsent',
      i: 'FILTERED RendersToNothing',
    });
  });

  it('says that a kind is not served, and that a namespace is not there', async () => {
    expect(statusesOf(await preview({ 'a.yaml': anAsset() }, { cluster: { has: () => false } }))).to.deep.equal({
      a: 'MISSING CRDMissing',
    });
    expect(statusesOf(await preview({ 'a.yaml': anAsset() }, { namespace: 'absent' }))).to.deep.equal({ a: 'MISSING NamespaceMissing' });
  });

  it('shows nothing as wanted that the allowlist leaves out, or while the module is switched off', async () => {
    const files = { 'a.yaml': asset('a'), 'b.yaml': asset('b', { group: 'g' }) };

    expect(statusesOf(await preview(files, { allowlist: 'g' }))).to.deep.equal({ a: 'FILTERED NotInAllowlist', b: 'INCLUDED' });
    expect(statusesOf(await preview(files, { allowlist: 'false' }))).to.deep.equal({ a: 'FILTERED Inactive', b: 'FILTERED Inactive' });
  });

  it('takes for in sync what it would apply, whatever the order of the catalog', async () => {
    const files = {
      'a.yaml': asset('a', { requires: ['asset:b'] }),
      'b.yaml': asset('b', { requires: ['asset:c'] }),
      'c.yaml': asset('c'),
      'd.yaml': asset('d', { requires: ['asset:e'] }),
      'e.yaml': asset('e', { install: 'opt-in', switch: 'x' }),
    };

    expect(statusesOf(await preview(files))).to.deep.equal({
      a: 'INCLUDED',
      b: 'INCLUDED',
      c: 'INCLUDED',
      d: 'PENDING Requirement',
      e: 'FILTERED NotSwitchedOn',
    });
  });

  it('gives fragments the status of what they are parts of', async () => {
    const files = { 'a.yaml': anAsset({}, { data: { a: '1' } }), 'b.yaml': anAsset({ name: 'b', into: 'a' }, { data: { b: '2' } }) };
    const rows = await preview(files, { live: [live({ 'platform.kubevirt.io/mode': 'unmanaged' })] });

    expect(statusesOf(rows)).to.deep.equal({ a: 'UNMANAGED Unmanaged', b: 'UNMANAGED Unmanaged' });
    expect((await preview(files))[0]?.object).to.have.deep.property('data', { a: '1', b: '2' });
  });

  it('applies none of several assets that render one object', async () => {
    const files = {
      'a.yaml': anAsset({}, { metadata: { name: e('"x"'), namespace: e('settings.namespace') } }),
      'b.yaml': anAsset({ name: 'b' }, { metadata: { name: e('settings.namespace'), namespace: e('settings.namespace') } }),
    };
    const rows = await preview(files, { settings: { namespace: 'x' } });

    expect(statusesOf(rows)).to.deep.equal({ a: 'ERROR DuplicateIdentity', b: 'ERROR DuplicateIdentity' });
    expect(rows[0]?.message).to.equal('ConfigMap x is rendered by a and b');
  });

  it('has one row for an asset whose list cannot be evaluated', async () => {
    const files = { 'a.yaml': anAsset({ forEach: 'hco.spec.list' }, { metadata: { name: e('item'), namespace: 'ns' } }) };

    expect(statusesOf(await preview(files, { hco: { spec: {} } }))).to.deep.equal({ 'a[?]': 'ERROR RenderFailed' });
  });

  it('forces the golden configuration where the user wants it enforced', async () => {
    const identity = { apiVersion: 'hco.kubevirt.io/v1', kind: 'HyperConverged', metadata: { name: 'a', namespace: 'ns' } };
    const files = { 'a.yaml': anAsset({ order: 0, fill: ['/data/a'] }, { ...identity, data: { a: 'ours' } }) };
    const object = live({}, { ...identity, metadata: { ...identity.metadata, uid: 'u', resourceVersion: '1' }, data: { a: 'theirs' } });
    const dataOf = async (options: Record<string, string>) =>
      ((await preview(files, { live: [object], options }))[0]!.object as { data?: unknown }).data;

    expect(await dataOf({})).to.equal(undefined);
    expect(await dataOf({ 'golden-config': 'enforce' })).to.deep.equal({ a: 'ours' });
  });

  it('tells what the API server would change, and changes nothing', async () => {
    const dryRun = async (object: KubernetesObject): Promise<KubernetesObject> =>
      ({ ...live(), ...object, data: { a: 'ours' } }) as KubernetesObject;
    const files = { 'a.yaml': anAsset({}, { data: { a: 'ours' } }) };
    const [row] = await preview(files, { live: [live({}, { data: { a: 'theirs' } })], dryRun });

    expect(row).to.include({ status: 'INCLUDED' });
    expect(row?.differences).to.have.length(1);
    expect(JSON.stringify(row?.differences)).to.contain('/data/a').and.to.contain('theirs').and.to.contain('ours');
  });

  it('says so when the API server would refuse the object', async () => {
    const dryRun = () => Promise.reject(new Error('.spec.x: field not declared in schema'));

    expect(statusesOf(await preview({ 'a.yaml': anAsset() }, { live: [live()], dryRun }))['a']).to.match(/^(ERROR|PENDING)/);
  });

  it('is limited to assets by their names, which others may decide on', async () => {
    const files = { 'a.yaml': asset('a', { requires: ['asset:b'] }), 'b.yaml': asset('b') };

    expect(statusesOf(await preview(files, {}, ['a']))).to.deep.equal({ a: 'INCLUDED' });
  });
});

describe('a preview as text', () => {
  const files = {
    'a.yaml': anAsset({}, { data: { a: 'yes' } }),
    'b.yaml': asset('b', { when: ['topology.isHCP'] }),
    'c.yaml': asset('c', {}, { data: { c: e('1 / 0') } }),
  };

  it('is YAML that kubectl can apply, with comments about everything else', async () => {
    const text = previewText(await preview(files), 'yaml', false);

    expect(text).to.contain('---\n# asset: a\n# file: a.yaml\n# status: INCLUDED\napiVersion: v1\nkind: ConfigMap\n');
    expect(text)
      .to.contain('a: "yes"\n')
      .and.to.contain('# asset: c\n# file: c.yaml\n# status: ERROR RenderFailed\n# message: c: ')
      .and.to.not.contain('asset: b');
    expect(text).to.match(/division by zero\n$/);
  });

  it('shows what is left out when asked to', async () => {
    expect(previewText(await preview(files), 'yaml', true)).to.contain('# asset: b\n# file: b.yaml\n# status: FILTERED ConditionFalse\n');
  });

  it('is a list of records in JSON', async () => {
    const records = JSON.parse(previewText(await preview(files), 'json', true)) as Record<string, unknown>[];

    expect(records[0]).to.deep.include({ asset: 'a', file: 'a.yaml', status: 'INCLUDED', reason: '', conditions: [] });
    expect(records[0]?.['object']).to.include({ kind: 'ConfigMap' });
    expect(records[1]).to.deep.include({ status: 'FILTERED', conditions: ['topology.isHCP'] });
    expect(records[2]).to.have.property('message').that.contains('division by zero');
  });

  it('is a table with aligned columns', async () => {
    const lines = previewText(await preview(files), 'status', true)
      .trimEnd()
      .split('\n');

    expect(lines[0]).to.match(/^ASSET {2}STATUS {4}REASON/);
    expect(lines[1]).to.match(/^a {6}INCLUDED {2}- +\/ConfigMap\/ns\/a$/);
    expect(lines[2]).to.match(/^b {6}FILTERED {2}ConditionFalse {2}- /);
  });
});
