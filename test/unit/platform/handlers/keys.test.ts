import { expect } from 'chai';
import { ConfigMap, defineKind, type Kind, type KubernetesObject } from '../../../../src/framework';
import { delayMs, loseResponse, status } from '../../../../src/framework/testing';
import { anAsset } from '../support/catalogs';
import { aMap, HCO_KEY, HyperConverged, PlatformWorld, type PlatformWorldOptions } from './platform-world';

const Widget = defineKind<KubernetesObject & { spec?: object }>('example.org/v1', 'Widget', 'widgets', { scope: 'Namespaced' });
const CustomResourceDefinition = defineKind<KubernetesObject>(
  'apiextensions.k8s.io/v1',
  'CustomResourceDefinition',
  'customresourcedefinitions',
  {
    scope: 'Cluster',
  },
);
const WIDGETS = {
  metadata: { name: 'widgets.example.org' },
  spec: {
    ...{ group: 'example.org', names: { kind: 'Widget', plural: 'widgets' }, scope: 'Namespaced' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};
const golden = (header: object = {}): string =>
  anAsset(
    { name: 'golden', order: 0, create: false, requires: ['feature:hco'], ...header },
    {
      apiVersion: 'hco.kubevirt.io/v1',
      kind: 'HyperConverged',
      metadata: { name: 'kubevirt-hyperconverged', namespace: 'virt-steward-system' },
      spec: { a: 1 },
    },
  );
const expression = (text: string): string => `$\{ ${text} }`;

describe('keys of the catalog', () => {
  let world: PlatformWorld;

  const start = async (options: PlatformWorldOptions): Promise<void> => {
    world = await PlatformWorld.start(options);
    await world.anchor();
    await world.settle();
  };
  afterEach(() => world[Symbol.asyncDispose]());

  it('wait for the golden configuration, and then run in any order', async () => {
    await start({ assets: [aMap('a'), golden(), aMap('b')] });
    const order = world.server.journal
      .entries()
      .filter(
        ({ method, isDryRun, resource = '' }) => method === 'PATCH' && !isDryRun && ['hyperconvergeds', 'configmaps'].includes(resource),
      )
      .map(({ resource, name }) => (resource === 'configmaps' ? name : 'golden'));

    expect(order[0]).to.equal('golden');
    expect(order).to.include.members(['a', 'b']);
  });

  it('do not wait for its success, nor for ever', async () => {
    world = await PlatformWorld.start({ assets: [golden(), aMap('a')] });
    world.server.faults.add({ on: { kind: HyperConverged, verb: 'get' }, do: delayMs(30_000) });
    await world.anchor();
    await world.operator.advance(5_000);
    expect(world.map('a')).to.equal(undefined);
    await world.operator.advance(6_000);

    expect(world.map('a')).not.to.equal(undefined);
    await world.operator.advance(30_000);
  });

  it('of a higher order wait for the lower ones of their group, which may be switched off', async () => {
    const missing = { metadata: { name: 'second', namespace: 'later' } };
    await start({
      assets: [
        aMap('first', { group: 'g' }),
        anAsset({ name: 'second', group: 'g', order: 2 }, { ...missing, data: { a: 'b' } }),
        aMap('unwanted', { group: 'g', order: 2, install: 'opt-in', switch: 'unwanted' }),
        aMap('third', { group: 'g', order: 3 }),
        aMap('other', { group: 'h', order: 3 }),
      ],
    });
    expect([world.map('first'), world.map('other')].every((one) => one !== undefined)).to.equal(true);
    expect(world.map('third'), 'the second waits for its namespace').to.equal(undefined);
    world.server.objects.create(defineKind('v1', 'Namespace', 'namespaces', { scope: 'Cluster' }), { metadata: { name: 'later' } });
    await world.settle();

    expect(world.map('third')).not.to.equal(undefined);
  });

  it('that require another asset wait until it is in sync', async () => {
    await start({ assets: [aMap('needs', { requires: ['asset:needed'] }), aMap('needed', { install: 'opt-in', switch: 'needed' })] });
    expect(world.map('needs')).to.equal(undefined);
    await world.anchor({ 'platform.kubevirt.io/enable-needed': 'true' });
    await world.settle();

    expect(world.map('needs')).not.to.equal(undefined);
  });

  it('of which one cannot be rendered do not hold up one another', async () => {
    await start({
      assets: [
        anAsset({ name: 'broken' }, { metadata: { name: 'broken', namespace: 'ns' }, data: { a: expression('hco.spec.absent.deep') } }),
        anAsset(
          { name: 'option' },
          { metadata: { name: 'option', namespace: 'ns' }, data: { a: expression('option("number", "1", "[0-9]+")') } },
        ),
        aMap('fine'),
      ],
    });
    expect(world.map('fine')).not.to.equal(undefined);
    expect(world.map('broken')).to.equal(undefined);
    await world.anchor({ 'platform.kubevirt.io/number': 'x; rm -rf /' });
    await world.settle();

    expect(world.map('option')?.data).to.deep.equal({ a: '1' });
    expect(world.events()).to.include.members(['RenderFailed', 'InvalidOption']);
    await world.anchor({ 'platform.kubevirt.io/number': '7' });
    expect(world.map('option')?.data).to.deep.equal({ a: '7' });
  });

  it('that render the same object are both left out, until one of them is gone', async () => {
    const same = { metadata: { name: 'same', namespace: 'ns' } };
    await start({
      assets: [
        anAsset(
          { name: 'one' },
          { ...same, metadata: { name: expression('option("name", "same")'), namespace: 'ns' }, data: { by: 'one' } },
        ),
        anAsset(
          { name: 'two', install: 'opt-in', switch: 'two' },
          { ...same, metadata: { name: expression('"sa" + "me"'), namespace: 'ns' }, data: { by: 'two' } },
        ),
      ],
    });
    expect(world.map('same')?.data).to.deep.equal({ by: 'one' });
    await world.anchor({ 'platform.kubevirt.io/enable-two': 'true' });
    const writes = world.writes().length;
    world.server.objects.update(ConfigMap, 'ns/same', (map) => {
      map.data = { by: 'nobody' };
    });
    await world.settle();

    expect(world.map('same')?.data).to.deep.equal({ by: 'nobody' });
    expect(world.writes()).to.have.length(writes);
    expect(world.events().filter((reason) => reason === 'DuplicateIdentity')).not.to.have.length(0);
    await world.anchor({ 'platform.kubevirt.io/enable-two': 'true', 'platform.kubevirt.io/name': 'elsewhere' });
    await world.settle();
    expect(world.map('same')?.data).to.deep.equal({ by: 'two' });
    expect(world.map('elsewhere')?.data).to.deep.equal({ by: 'one' });
  });

  it('are looked at when what they looked up changes', async () => {
    const look = expression('cluster.get("v1", "ConfigMap", "ns", "source").?data.?value.orValue("none")');
    await start({ assets: [anAsset({ name: 'copy' }, { metadata: { name: 'copy', namespace: 'ns' }, data: { value: look } })] });
    expect(world.map('copy')?.data).to.deep.equal({ value: 'none' });
    world.server.objects.create(ConfigMap, { metadata: { name: 'source', namespace: 'ns' }, data: { value: '1' } });
    await world.settle();

    expect(world.map('copy')?.data).to.deep.equal({ value: '1' });
  });

  it('of a kind that is not served wait silently when nobody wants them, and say so when somebody does', async () => {
    const widget = (header: object): string =>
      anAsset(
        { name: 'widget', ...header },
        { apiVersion: 'example.org/v1', kind: 'Widget', metadata: { name: 'a', namespace: 'ns' }, spec: { a: 1 } },
      );
    await start({ assets: [widget({ install: 'opt-in', switch: 'widget' })] });
    expect(world.events()).not.to.include('CRDMissing');
    await world.anchor({ 'platform.kubevirt.io/enable-widget': 'true' });
    await world.settle();
    expect(world.events().filter((reason) => reason === 'CRDMissing')).to.have.length(1);

    world.server.objects.create(CustomResourceDefinition, WIDGETS);
    await world.operator.advance(3_000);
    expect(world.server.objects.get(Widget, 'ns/a')?.spec).to.deep.equal({ a: 1 });
    expect(world.events()).to.include('CRDDiscovered');
  });

  describe('that are not wanted for the moment, while what is left behind is to be deleted', () => {
    const DELETE = { 'platform.kubevirt.io/on-removal': 'delete' };
    const NAMES = ['a', 'b', 'c', 'd'];
    const deleted = (): string[] =>
      world.server.journal
        .entries({ resource: 'configmaps', namespace: 'ns' })
        .flatMap(({ method, name = '' }) => (method === 'DELETE' ? [name] : []));

    beforeEach(async () => {
      await start({ assets: NAMES.map((name) => aMap(name)) });
      await world.anchor(DELETE);
    });

    it('keep their objects when the anchor is back in time', async () => {
      world.server.objects.delete(HyperConverged, HCO_KEY);
      await world.operator.advance(20_000);
      await world.anchor(DELETE);
      await world.operator.advance(60_000);

      expect(deleted()).to.deep.equal([]);
    });

    it('keep the objects that are still there when the module is switched on again', async () => {
      await world.anchor({ ...DELETE, 'platform.kubevirt.io/autopilot': 'false' });
      const before = deleted();
      expect(before.length).to.be.within(1, NAMES.length - 1);
      await world.anchor(DELETE);
      await world.operator.advance(60_000);

      expect(deleted()).to.deep.equal(before);
    });

    it('keep an object that is listed and no longer excluded by one and the same change', async () => {
      await world[Symbol.asyncDispose]();
      const item = expression('item');
      const list = expression('parseList(option("names", "x,y"))').slice(3, -2);
      await start({
        assets: [anAsset({ name: 'each', forEach: list }, { metadata: { name: item, namespace: 'ns' }, data: { by: item } })],
      });
      await world.anchor({ ...DELETE, 'platform.kubevirt.io/names': 'x,y' });
      await world.anchor({
        ...{ ...DELETE, 'platform.kubevirt.io/names': 'x' },
        'platform.kubevirt.io/disabled-resources': '- {kind: ConfigMap, name: y}',
      });
      await world.operator.advance(60_000);
      expect(world.map('y'), 'it is excluded').not.to.equal(undefined);
      await world.anchor({ ...DELETE, 'platform.kubevirt.io/names': 'x,y' });
      await world.operator.advance(60_000);

      expect(deleted()).to.deep.equal([]);
    });

    for (const list of ['False', 'a;b', 'no-such-asset', 'a,no-such-asset']) {
      it(`keep their objects while the list of what is active is "${list}", which has a name that is none`, async () => {
        await world.anchor({ ...DELETE, 'platform.kubevirt.io/autopilot': list });
        await world.operator.advance(60_000);
        expect(deleted()).to.deep.equal([]);
        await world.anchor({ ...DELETE, 'platform.kubevirt.io/autopilot': 'a' });
        await world.operator.advance(60_000);

        expect(deleted().sort()).to.deep.equal(['b', 'c', 'd']);
      });
    }
  });

  it('are said to be in sync when they are, and not while they are still to be looked at', async () => {
    const told = (): unknown[] =>
      world.server.journal
        .entries({ resource: 'events' })
        .flatMap(({ verb, body }) =>
          verb === 'create' && (body as { reason: string }).reason === 'ReconcileSucceeded' ? [(body as { note: string }).note] : [],
        );
    await start({ assets: [aMap('a'), aMap('b'), aMap('c')] });
    world.server.objects.delete(HyperConverged, HCO_KEY);
    await world.operator.advance(60_000);
    await world.anchor();
    await world.operator.advance(60_000);

    expect([...new Set(told())]).to.deep.equal(['everything that is wanted is in sync: 3 objects']);
  });

  describe('of an object that no watch follows, because it has no label of ours,', () => {
    const startBeside = (metadata: object, isDeleted = false): Promise<void> =>
      start({
        assets: [aMap('a')],
        prepare: ({ objects }) => {
          objects.create(ConfigMap, { metadata: { name: 'a', namespace: 'ns', ...metadata }, data: { key: 'theirs' } });
          if (isDeleted) objects.delete(ConfigMap, 'ns/a');
        },
      });

    it('create it anew soon after it is gone, if it was being deleted', async () => {
      await startBeside({ finalizers: ['example.org/wait'] }, true);
      expect(world.map('a')?.data).to.deep.equal({ key: 'theirs' });
      world.server.objects.remove(ConfigMap as Kind, 'ns/a');
      await world.operator.advance(31_000);

      expect(world.map('a')?.data).to.deep.equal({ key: 'value' });
    });

    for (const [what, annotation, value] of [
      ['unmanaged', 'mode', 'unmanaged'],
      ['paused', 'reconcile-paused', 'true'],
      ['patched in a way that is not valid', 'patch', '{'],
    ]) {
      it(`notice soon that it is not ${what} any more`, async () => {
        await startBeside({ annotations: { [`platform.kubevirt.io/${annotation}`]: value } });
        expect(world.map('a')?.data).to.deep.equal({ key: 'theirs' });
        world.server.objects.update(ConfigMap, 'ns/a', (map) => {
          map.metadata = { ...map.metadata, annotations: {} };
        });
        await world.operator.advance(31_000);

        expect(world.map('a')?.data).to.deep.equal({ key: 'value' });
      });
    }

    it('notice soon that it is not the object of another manager any more', async () => {
      await startBeside({ labels: { 'platform.kubevirt.io/managed-by': 'somebody' } });
      expect(world.map('a')?.data).to.deep.equal({ key: 'theirs' });
      world.server.objects.update(ConfigMap, 'ns/a', (map) => {
        map.metadata = { ...map.metadata, labels: {} };
      });
      await world.operator.advance(31_000);

      expect(world.map('a')?.data).to.deep.equal({ key: 'value' });
    });
  });

  it('stop when the anchor goes, and go on when it is back', async () => {
    await start({ assets: [aMap('a')] });
    world.server.objects.delete(HyperConverged, HCO_KEY);
    await world.settle();
    world.server.objects.update(ConfigMap, 'ns/a', (map) => {
      map.data = { key: 'other' };
    });
    await world.operator.advance(60_000);
    expect(world.map('a')?.data).to.deep.equal({ key: 'other' });
    await world.anchor();
    await world.settle();

    expect(world.map('a')?.data).to.deep.equal({ key: 'value' });
  });

  it('are written by nobody while the exclusions cannot be read, and what was excluded stays so', async () => {
    await start({ assets: [aMap('a'), aMap('b')] });
    await world.anchor({ 'platform.kubevirt.io/disabled-resources': '- {kind: ConfigMap, name: a}' });
    await world.anchor({ 'platform.kubevirt.io/disabled-resources': '- {kind: ConfigMap, name: a' });
    const change = (): void => {
      for (const name of ['a', 'b']) {
        world.server.objects.update(ConfigMap, `ns/${name}`, (map) => {
          map.data = { key: 'other' };
        });
      }
    };
    change();
    await world.settle();
    expect([world.map('a')?.data, world.map('b')?.data]).to.deep.equal([{ key: 'other' }, { key: 'value' }]);
    expect(world.events()).to.include('InvalidExclusions');

    await world.operator.restart();
    change();
    await world.settle();
    expect([world.map('a')?.data, world.map('b')?.data]).to.deep.equal([{ key: 'other' }, { key: 'other' }]);
    await world.anchor({});
    await world.settle();
    expect([world.map('a')?.data, world.map('b')?.data]).to.deep.equal([{ key: 'value' }, { key: 'value' }]);
  });
});

describe('objects that belong to somebody else', () => {
  let world: PlatformWorld;
  afterEach(() => world[Symbol.asyncDispose]());
  const offered = (): unknown => (world.server.objects.get(HyperConverged, HCO_KEY) as { spec?: { a?: unknown } }).spec?.a;

  it('keep the values of their owner where ours are only offered, until he wants ours enforced', async () => {
    world = await PlatformWorld.start({ assets: [golden({ fill: ['/spec/a'] })] });
    await world.anchor();
    await world.settle();
    expect(offered()).to.equal(1);
    world.server.objects.update(HyperConverged, HCO_KEY, (hco) => {
      (hco as { spec: object }).spec = { a: 9 };
    });
    await world.settle();
    expect(offered()).to.equal(9);
    await world.anchor({ 'platform.kubevirt.io/golden-config': 'enforce' });
    await world.settle();

    expect(offered()).to.equal(1);
  });

  it('get one text of theirs edited, on top of what is there now, and edited again when they change it', async () => {
    const look = 'cluster.get("v1", "ConfigMap", "ns", "theirs").?data[?"config.yaml"].orValue("")';
    const data = { 'config.yaml': expression(`yamlSet(${look}, "ours.enabled", true)`) };
    const edit = anAsset({ name: 'edit', strategy: 'edit' }, { metadata: { name: 'theirs', namespace: 'ns' }, data });
    world = await PlatformWorld.start({
      assets: [edit],
      prepare: ({ objects }) =>
        objects.create(ConfigMap, { metadata: { name: 'theirs', namespace: 'ns' }, data: { 'config.yaml': '# note\ntheirs: 1\n' } }),
    });
    await world.anchor();
    await world.settle();
    expect(world.map('theirs')?.data).to.deep.equal({ 'config.yaml': '# note\ntheirs: 1\nours:\n  enabled: true\n' });
    world.server.objects.update(ConfigMap, 'ns/theirs', (map) => {
      map.data = { 'config.yaml': 'theirs: 2\n' };
    });
    await world.settle();

    expect(world.map('theirs')?.data).to.deep.equal({ 'config.yaml': 'theirs: 2\nours:\n  enabled: true\n' });
    expect(world.map('theirs')?.metadata?.labels).to.equal(undefined);
  });
});

describe('an object that cannot be written for a while', () => {
  it('is told once, shown as not in order, and set right when it can be written', async () => {
    const world = await PlatformWorld.start({ assets: [aMap('a'), aMap('b')] });
    try {
      await world.anchor();
      await world.settle();
      const fault = world.server.faults.add({
        on: { verb: 'patch', kind: ConfigMap, name: 'a' },
        do: status(500),
        times: Number.POSITIVE_INFINITY,
      });
      for (const name of ['a', 'b']) {
        world.server.objects.update(ConfigMap, `ns/${name}`, (map) => {
          map.data = { key: 'other' };
        });
      }
      for (let minute = 0; minute < 10; minute++) await world.operator.advance(60_000);

      expect(world.map('b')?.data).to.deep.equal({ key: 'value' });
      expect(fault.strikes).to.be.within(5, 60);
      expect(world.events().filter((reason) => reason === 'ApplyFailed')).to.have.length(1);
      fault.remove();
      await world.operator.advance(5 * 60_000);
      expect(world.map('a')?.data).to.deep.equal({ key: 'value' });
    } finally {
      await world[Symbol.asyncDispose]();
    }
  });
});

describe('an anchor with values that mean nothing', () => {
  it('has each of them told', async () => {
    const world = await PlatformWorld.start({ assets: [aMap('a')] });
    try {
      await world.anchor({ 'platform.kubevirt.io/on-removal': 'DELETE', 'platform.kubevirt.io/golden-config': 'x' });
      await world.settle();

      expect(world.map('a')).not.to.equal(undefined);
      expect(world.events().filter((reason) => reason === 'InvalidOption')).to.have.length(2);
    } finally {
      await world[Symbol.asyncDispose]();
    }
  });
});

describe('an object whose patch its schema refuses', () => {
  it('has each thing told that is wrong with it, and none twice', async () => {
    const world = await PlatformWorld.start({ assets: [aMap('a')] });
    try {
      await world.anchor();
      await world.settle();
      for (const field of ['first', 'second', 'second']) {
        const refusal = world.server.faults.add({
          on: { verb: 'patch', kind: ConfigMap, name: 'a' },
          do: status(422, { reason: 'Invalid', message: `data.${field}: Invalid value` }),
        });
        world.server.objects.update(ConfigMap, 'ns/a', (map) => {
          map.metadata = {
            ...map.metadata,
            annotations: { 'platform.kubevirt.io/patch': `[{"op":"add","path":"/data/${field}","value":"x"}]` },
          };
          map.data = { key: String(refusal.strikes) + field };
        });
        await world.settle();
        refusal.remove();
      }
      const notes = world.server.journal
        .entries({ resource: 'events' })
        .filter(({ verb, body }) => verb === 'create' && (body as { reason: string }).reason === 'SchemaMismatch')
        .map(({ body }) => (body as { note: string }).note);

      expect(notes.filter((note) => note.includes('data.first'))).to.have.length(1);
      expect(notes.filter((note) => note.includes('data.second'))).to.have.length(1);
    } finally {
      await world[Symbol.asyncDispose]();
    }
  });
});

describe('a process that is killed, or loses answers', () => {
  it('comes to the same end, and writes nothing twice for one cause', async () => {
    const world = await PlatformWorld.start({ assets: Array.from({ length: 6 }, (_, index) => aMap(`m${index}`)) });
    const names = Array.from({ length: 6 }, (_, index) => `m${index}`);
    const versions = (): (string | undefined)[] => names.map((name) => world.map(name)?.metadata?.resourceVersion);
    try {
      world.server.faults.add({ on: { verb: 'patch', kind: ConfigMap, namespace: 'ns' }, do: loseResponse(), times: 3 });
      await world.anchor();
      await world.operator.advance(60_000);
      expect(names.map((name) => world.map(name)?.data)).to.deep.equal(names.map(() => ({ key: 'value' })));
      const before = versions();
      for (let life = 0; life < 3; life++) {
        await world.operator.kill();
        await world.operator.restart();
        await world.operator.advance(5_000);
      }

      expect(versions()).to.deep.equal(before);
      world.server.objects.update(ConfigMap, 'ns/m3', (map) => {
        map.data = { key: 'other' };
      });
      await world.operator.kill();
      await world.operator.restart();
      await world.settle();
      expect(world.map('m3')?.data).to.deep.equal({ key: 'value' });
      expect(versions().filter((version, index) => version !== before[index])).to.have.length(1);
    } finally {
      await world[Symbol.asyncDispose]();
    }
  });
});

describe('two replicas', () => {
  it('write once: the standby keeps its caches and nothing else, and takes over', async () => {
    const world = await PlatformWorld.start({ assets: [aMap('a'), aMap('b')], operator: { election: 'standby' } });
    try {
      await world.anchor();
      await world.operator.advance(60_000);
      expect(world.writes()).to.deep.equal([]);
      expect(world.dryRuns()).to.deep.equal([]);

      await world.operator.becomeLeader();
      await world.settle();
      expect(world.writes().sort()).to.deep.equal(['a', 'b']);
    } finally {
      await world[Symbol.asyncDispose]();
    }
  });
});
