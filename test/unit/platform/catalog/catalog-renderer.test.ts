import { expect } from 'chai';
import { CatalogRenderer } from '../../../../src/platform/catalog';
import { aClusterWith } from '../support/asset-context';
import { aCatalog, anAsset, type InputParts, inputsOf, objectOf, renderingOf } from '../support/catalogs';

const e = (source: string): string => `${'$'}{ ${source} }`;
const one = (header: object, object: object | string = {}, files: Record<string, string> = {}) =>
  aCatalog({ 'a.yaml': anAsset(header, object), ...files });
const dataOf = async (header: object, data: object, parts: InputParts = {}) => (await objectOf(one(header, { data }), 'a', parts))['data'];
const failureOf = async (header: object, object: object | string, parts: InputParts = {}) => {
  const rendering = await renderingOf(one(header, object), 'a', parts);
  return rendering.kind === 'failed' ? rendering : expect.fail(JSON.stringify(rendering));
};

describe('rendering an asset', () => {
  it('gives the object as it is written where nothing is computed', async () => {
    expect(await objectOf(one({}, { data: { a: '1' } }), 'a')).to.deep.equal({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a', namespace: 'ns' },
      data: { a: '1' },
    });
  });

  it('gives params, vars in their order, self and files to its expressions', async () => {
    const header = { group: 'g', params: { size: 2 }, vars: { one: 'params.size + 1', two: 'vars.one * 2' } };
    const data = { a: e('vars.two'), b: e('self.name + "/" + self.group + "/" + self.apiVersion'), c: e('file("x")') };
    const catalog = one(header, { data }, { 'files/x': 'text' });

    expect((await objectOf(catalog, 'a'))['data']).to.deep.equal({ a: 6, b: 'a/g/v1', c: 'text' });
  });

  it('keeps in vars what is null or none, as the language has it', async () => {
    const header = { vars: { found: 'cluster.get("v1", "ConfigMap", "ns", "x")', nothing: 'null' } };

    expect(
      await dataOf(header, { a: e('vars.found.?data.?k.orValue("default")'), b: e('vars.nothing == null'), c: e('vars.nothing') }),
    ).to.deep.equal({
      a: 'default',
      b: true,
    });
  });

  it('takes the first version that is served', async () => {
    const catalog = one({ apiVersions: ['a.io/v2', 'a.io/v1'] }, { apiVersion: e('self.apiVersion') });

    expect((await objectOf(catalog, 'a'))['apiVersion']).to.equal('a.io/v2');
    expect((await objectOf(catalog, 'a', { cluster: { has: (version) => version === 'a.io/v1' } }))['apiVersion']).to.equal('a.io/v1');
  });

  it('is skipped when it renders to null, and when the catalog has no such key', async () => {
    const object = `${e('topology.isHCP ? {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "ns"}} : dyn(null)')}`;
    const catalog = one({ kind: 'ConfigMap', apiVersions: ['v1'] }, object);

    expect(await renderingOf(catalog, 'a')).to.include({ kind: 'skipped' });
    expect(await objectOf(catalog, 'a', { topology: { isHCP: true } })).to.include({ kind: 'ConfigMap' });
    for (const key of ['b', 'a[x]', 'a[', '']) expect(await renderingOf(catalog, key), key).to.include({ kind: 'skipped' });
  });

  it('renders one object for each item, under keys of their own', async () => {
    const catalog = one({ forEach: 'topology.roles' }, { metadata: { name: `x-${e('item')}`, namespace: 'ns' } });
    const parts = { topology: { roles: ['worker', 'master'] } };

    expect(await new CatalogRenderer(catalog).keys(catalog.assets[0]!, inputsOf(parts))).to.deep.equal(['a[worker]', 'a[master]']);
    expect(await objectOf(catalog, 'a[master]', parts)).to.have.nested.property('metadata.name', 'x-master');
    expect(await renderingOf(catalog, 'a[master]')).to.include({ kind: 'skipped' });
    expect(await renderingOf(catalog, 'a', parts)).to.include({ kind: 'skipped' });
  });

  it('takes maps with a name for items', async () => {
    const catalog = one(
      { forEach: '[{"name": "b", "size": 3}]' },
      { metadata: { name: e('item.name'), namespace: 'ns' }, data: { n: e('item.size') } },
    );

    expect((await objectOf(catalog, 'a[b]'))['data']).to.deep.equal({ n: 3 });
  });

  for (const [forEach, why] of [
    ['["x", "x"]', 'gives x twice'],
    ['[{"size": 1}]', 'no name'],
    ['[[1]]', 'no name'],
    ['hco.spec.list', 'gives 51 elements; allowed: 50'],
    ['hco.spec.text', 'no list'],
  ] as const) {
    it(`fails when forEach is ${forEach}`, async () => {
      const catalog = one({ forEach }, { metadata: { name: 'a', namespace: 'ns' } });
      const hco = { spec: { list: Array.from({ length: 51 }, (_, index) => index), text: 'x' } };

      expect(await renderingOf(catalog, 'a[x]', { hco }))
        .to.include({ kind: 'failed' })
        .and.have.property('message')
        .that.contains(why);
    });
  }

  it('gives the same bytes each time', async () => {
    const data = { z: e('toYaml(hco.spec)'), a: e('hco.spec'), s: e('file("x")'), g: e('dataUrlGzip(file("x"))') };
    const parts = { hco: { spec: { b: 1, a: [{ d: 1, c: null }] } } };
    const catalog = () => one({}, { data }, { 'files/x': 'echo\n'.repeat(50) });

    const first = JSON.stringify(await objectOf(catalog(), 'a', parts));
    expect(JSON.stringify(await objectOf(catalog(), 'a', parts))).to.equal(first);
  });

  describe('fails', () => {
    it('for a while when a look-up fails', async () => {
      const parts = { cluster: { get: () => Promise.reject(new Error('connection refused')) } };
      const failure = await failureOf({}, { data: { a: e('cluster.get("v1", "Node", "", "n").?metadata.?name') } }, parts);

      expect(failure).to.include({ reason: 'RenderFailed', isTransient: true });
      expect(failure.message).to.contain('a: ').and.to.contain('connection refused');
    });

    it('for good when an expression does', async () => {
      expect(await failureOf({}, { data: { a: e('hco.spec.missing') } }, { hco: { spec: {} } })).to.include({
        reason: 'RenderFailed',
        isTransient: false,
      });
      expect(await failureOf({ vars: { x: '1 / 0' } }, { data: { a: e('vars.x') } })).to.include({
        reason: 'RenderFailed',
        isTransient: false,
      });
    });

    it('by InvalidOption when an option has a value that it must not have', async () => {
      const failure = await failureOf({}, { data: { a: e('option("n", "1", "[0-9]")') } }, { options: { n: '$(reboot)' } });

      expect(failure).to.include({ reason: 'InvalidOption', isTransient: false });
    });

    for (const [title, object, why] of [
      ['an empty name', { metadata: { name: e('hco.kind'), namespace: 'ns' } }, 'metadata.name'],
      ['a name with capitals', { metadata: { name: e('"Ab"'), namespace: 'ns' } }, 'metadata.name is "Ab"'],
      ['a name with a slash', { metadata: { name: e('"a/b"'), namespace: 'ns' } }, 'metadata.name'],
      ['a name of 254 characters', { metadata: { name: e(`"${'a'.repeat(254)}"`), namespace: 'ns' } }, 'metadata.name'],
      ['no name at all', { metadata: { name: e('null'), namespace: 'ns' } }, 'metadata.name is undefined'],
      ['a namespace with dots', { metadata: { name: 'a', namespace: e('"a.b"') } }, 'metadata.namespace is "a.b"'],
      ['another version', { apiVersion: e('"v2"') }, 'its apiVersion is "v2"; allowed: v1'],
      [
        'a computed annotation that says what to do with it',
        { metadata: { name: 'a', namespace: 'ns', annotations: e('{"platform.kubevirt.io/mode": "unmanaged"}') } },
        'metadata.annotations.platform.kubevirt.io/mode',
      ],
      ['computed finalizers', { metadata: e('{"name": "a", "namespace": "ns", "finalizers": ["x"]}') }, 'metadata.finalizers'],
    ] as const) {
      it(`for an object with ${title}`, async () => {
        const isFixed = !('apiVersion' in object);
        const failure = await failureOf(isFixed ? {} : { apiVersions: ['v1'] }, object, { hco: { kind: '' } });
        expect(failure.message).to.contain(why);
      });
    }

    it('for an object with a status, or of another kind, that one expression gives', async () => {
      const object = (kind: string, more: string) => e(`{"apiVersion": "v1", "kind": "${kind}", "metadata": {"name": "a"}${more}}`);
      const header = { kind: 'ConfigMap', apiVersions: ['v1'] };

      expect((await failureOf(header, object('ConfigMap', ', "status": {"a": 1}'))).message).to.contain('it has a status');
      expect((await failureOf(header, object('Secret', ''))).message).to.contain('its kind is "Secret"; allowed: ConfigMap');
      expect((await failureOf(header, e('["ConfigMap"]'))).message).to.contain('its kind is undefined');
    });

    it('without the namespace that its kind needs, and with one that its kind cannot have', async () => {
      const namespaced = { cluster: { scopeOf: () => 'Namespaced' as const } };
      const clusterWide = { cluster: { scopeOf: () => 'Cluster' as const } };

      expect((await failureOf({}, { metadata: { name: 'a' } }, namespaced)).message).to.contain('no metadata.namespace');
      expect((await failureOf({}, {}, clusterWide)).message).to.contain('cannot have');
      expect(await renderingOf(one({}), 'a', namespaced)).to.include({ kind: 'object' });
    });

    it('when the object is larger than 1 MiB', async () => {
      const data = { a: e('hco.spec'), b: e('hco.spec') };

      expect((await failureOf({}, { data }, { hco: { spec: 'x'.repeat(600_000) } })).message).to.contain('larger than 1048576 bytes');
    });

    it('when the object has more than 100 levels', async () => {
      let spec: unknown = 'x';
      for (let depth = 0; depth < 97; depth++) spec = { a: spec };
      const render = (inner: unknown) =>
        renderingOf(one({}, { data: { a: { b: e('hco.spec') } } }), 'a', { hco: { spec: inner as never } });

      expect(await render(spec)).to.include({ kind: 'object' });
      expect(await render({ a: spec })).to.include({ kind: 'failed' });
    });
  });

  it('accepts the names that roles may have', async () => {
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'system:Thing' } };

    expect(await objectOf(one({}, role), 'a')).to.have.nested.property('metadata.name', 'system:Thing');
  });
});

describe('fragments', () => {
  const fragment = (name: string, data: object, header: object = {}, object: object = {}) =>
    anAsset({ name, into: 'a', ...header }, { data, ...object });
  const merged = (files: Record<string, string>, parts: InputParts = {}) =>
    renderingOf(aCatalog({ 'a.yaml': anAsset({ fill: ['/data/x'] }, { data: { x: 1, m: { k: 1 } } }), ...files }), 'a', parts);

  it('are merged into the object that they are parts of, with what they offer', async () => {
    const files = { 'b.yaml': fragment('b', { y: 2, m: { l: 2 } }, { fill: ['/data/y'] }), 'c.yaml': fragment('c', { x: 1, m: { k: 1 } }) };
    const rendering = await merged(files);

    expect(rendering).to.deep.include({ kind: 'object', fill: ['/data/x', '/data/y'] });
    expect(rendering).to.have.deep.nested.property('object.data', { x: 1, m: { k: 1, l: 2 }, y: 2 });
  });

  it('have no object of their own', async () => {
    const catalog = aCatalog({ 'a.yaml': anAsset(), 'b.yaml': fragment('b', {}) });

    expect(await renderingOf(catalog, 'b')).to.deep.equal({ kind: 'skipped', why: 'it is a part of a' });
  });

  it('contribute nothing while they are not wanted, lack something, or render to nothing', async () => {
    const files = {
      'b.yaml': fragment('b', { b: 1 }, { install: 'opt-in', switch: 'x' }),
      'c.yaml': fragment('c', { c: 1 }, { requires: ['feature:openshift'] }),
      'd.yaml': fragment('d', { d: 1 }, { when: ['topology.isHCP'] }),
    };

    expect(await merged(files)).to.have.deep.nested.property('object.data', { x: 1, m: { k: 1 } });
    expect(
      await merged(files, { options: { 'enable-x': 'true' }, topology: { isOpenShift: true, isHCP: true } }),
    ).to.have.deep.nested.property('object.data', {
      x: 1,
      m: { k: 1 },
      b: 1,
      c: 1,
      d: 1,
    });
  });

  it('contribute nothing when the allowlist leaves them out', async () => {
    expect(await merged({ 'b.yaml': fragment('b', { b: 1 }) }, { admitted: ['a'] })).to.have.deep.nested.property('object.data', {
      x: 1,
      m: { k: 1 },
    });
  });

  it('fail the whole object when two of them disagree about a field', async () => {
    const files = { 'b.yaml': fragment('b', { list: [1] }), 'c.yaml': fragment('c', { list: [2] }) };
    const rendering = await merged(files);

    expect(rendering).to.include({ kind: 'failed', reason: 'RenderFailed' });
    expect(rendering).to.have.property('message').that.contains('c').and.contains('/data/list');
  });

  it('fail the whole object when one of them fails, or its conditions do', async () => {
    expect(await merged({ 'b.yaml': fragment('b', { a: e('1 / 0') }) })).to.include({ kind: 'failed' });
    expect(
      await merged({ 'b.yaml': fragment('b', {}, { when: ['option("n", "1", "[0-9]") == "1"'] }) }, { options: { n: 'x' } }),
    ).to.include({
      kind: 'failed',
      reason: 'InvalidOption',
    });
  });

  it('fail the whole object when they are of another one', async () => {
    const rendering = await merged({ 'b.yaml': fragment('b', {}, {}, { metadata: { name: 'b', namespace: 'ns' } }) });

    expect(rendering).to.have.property('message').that.contains('ns/b; allowed: v1 ConfigMap ns/a');
  });
});

describe('unions', () => {
  const selector = (pool: string) => ({ matchLabels: { pool } });
  const member = (name: string, kubeletConfig: object, header: object = {}) =>
    anAsset(
      { name, forEach: 'topology.roles', union: `kubelet-${e('item')}`, ...header },
      {
        apiVersion: 'machineconfiguration.openshift.io/v1',
        kind: 'KubeletConfig',
        metadata: { name: `${name}-${e('item')}` },
        spec: { machineConfigPoolSelector: selector(e('item')), kubeletConfig },
      },
    );
  const files = {
    'a.yaml': member('a', { maxPods: 500 }),
    'b.yaml': member('b', { cpuManagerPolicy: 'static', nested: { x: 1 } }, { install: 'opt-in', switch: 'b' }),
    'c.yaml': member('c', { nested: { y: e('item') } }),
  };
  const specOf = async (key: string, parts: InputParts = {}) => (await objectOf(aCatalog(files), key, parts))['spec'];
  const both = { topology: { roles: ['worker', 'master'] }, options: { 'enable-b': 'true' } };

  it('give every member the settings of all wanted members of its pool', async () => {
    const spec = (pool: string) => ({
      machineConfigPoolSelector: selector(pool),
      kubeletConfig: { maxPods: 500, cpuManagerPolicy: 'static', nested: { x: 1, y: pool } },
    });

    for (const key of ['a[worker]', 'b[worker]', 'c[worker]']) expect(await specOf(key, both), key).to.deep.equal(spec('worker'));
    expect(await specOf('a[master]', both)).to.deep.equal(spec('master'));
  });

  it('leave out members that are not wanted', async () => {
    expect(await specOf('a[worker]')).to.have.deep.property('kubeletConfig', { maxPods: 500, nested: { y: 'worker' } });
  });

  it('give the same bytes whichever member is rendered', async () => {
    const [a, b] = [await specOf('a[worker]', both), await specOf('c[worker]', both)];

    expect(JSON.stringify(a)).to.equal(JSON.stringify(b));
  });

  it('fail all their members when two disagree', async () => {
    const catalog = aCatalog({ ...files, 'd.yaml': member('d', { maxPods: 250 }) });

    for (const key of ['a[worker]', 'd[worker]']) {
      expect(await renderingOf(catalog, key))
        .to.include({ kind: 'failed' })
        .and.have.property('message')
        .that.contains('/kubeletConfig/maxPods');
    }
  });

  it('fail all their members while a condition of one cannot be evaluated', async () => {
    const catalog = aCatalog({ ...files, 'd.yaml': member('d', {}, { when: ['cluster.list("v1", "Node", "").size() > 0'] }) });
    const cluster = { ...aClusterWith([]), list: () => Promise.reject(new Error('down')) };

    expect(await renderingOf(catalog, 'a[worker]', { cluster })).to.include({ kind: 'failed', isTransient: true });
  });
});
