import { expect } from 'chai';
import {
  ConfigMap,
  type EventInput,
  type Kind,
  type KubeClient,
  type KubernetesObject,
  MetricsRegistry,
  nullLogger,
} from '../../../../src/framework';
import { FakeClock, status } from '../../../../src/framework/testing';
import { activationOf, inactive } from '../../../../src/platform/context/activation';
import type { ContextState } from '../../../../src/platform/context/context-state';
import { compileTemplate } from '../../../../src/platform/expressions';
import { MANAGED_BY_LABEL } from '../../../../src/platform/keys';
import { PlatformEvents } from '../../../../src/platform/observability/platform-events';
import { PlatformMetrics } from '../../../../src/platform/observability/platform-metrics';
import type { RemovalPolicy } from '../../../../src/platform/observability/status-writer';
import { ObjectRemover } from '../../../../src/platform/removal/object-remover';
import { OrphanSweep } from '../../../../src/platform/removal/orphan-sweep';
import type { OrphanInput } from '../../../../src/platform/removal/orphans';
import { TombstoneKeeper } from '../../../../src/platform/removal/tombstone-keeper';
import { type FakeCluster, startFakeCluster } from '../context/fake-cluster';

const ANCHOR: KubernetesObject = {
  apiVersion: 'hco.kubevirt.io/v1',
  kind: 'HyperConverged',
  metadata: { name: 'kubevirt-hyperconverged', namespace: 'kv' },
};
const ACTIVE: ContextState = {
  ...{
    anchor: { kind: 'hco', object: ANCHOR, rivals: [] },
    activation: activationOf('', 'always', []),
    unknown: new Set(),
    olderOperator: undefined,
    problems: [],
  },
  context: { settings: { namespace: 'kv' } } as never,
};

describe('the sweep over what is left behind', () => {
  let fake: FakeCluster;
  let client: KubeClient;
  before(async () => {
    fake = await startFakeCluster();
    client = fake.cluster.client;
  });
  after(() => fake[Symbol.asyncDispose]());
  afterEach(() => {
    fake.server.faults.clear();
    for (const { metadata } of fake.server.objects.list(ConfigMap))
      fake.server.objects.remove(ConfigMap as Kind, `${metadata!.namespace}/${metadata!.name}`);
  });

  function bench() {
    const clock = new FakeClock();
    const recorded: EventInput[] = [];
    const registry = new MetricsRegistry();
    const metrics = new PlatformMetrics(registry);
    const made = {
      state: ACTIVE as ContextState | undefined,
      policy: 'delete' as RemovalPolicy,
      input: undefined as Partial<OrphanInput> | undefined,
      isKnown: true,
    };
    const events = new PlatformEvents({
      ...{ clock, log: nullLogger, recorder: { record: (event: EventInput) => recorded.push(event) } },
      ...{ anchor: () => ANCHOR, dropped: () => undefined },
    });
    const sweep = new OrphanSweep({
      known: () =>
        made.isKnown
          ? { labelled: fake.server.objects.list(ConfigMap), keys: [], isExcluded: () => false, isTombstone: () => false, ...made.input }
          : undefined,
      ...{ state: () => made.state, policy: () => made.policy, kindOf: () => ConfigMap as Kind, isNodeLevel: () => false },
      undo: async () => undefined,
      remover: new ObjectRemover({ clock, gate: { admit: () => ({ open: true }), wrote: () => undefined, ended: () => false } }),
      ...{ events, metrics, log: nullLogger, clock },
    });
    const tombstones = new TombstoneKeeper({
      tombstones: [
        // biome-ignore lint/suspicious/noTemplateCurlyInString: an expression of the catalog
        { apiVersion: 'v1', kind: 'ConfigMap', name: 'old', namespace: compileTemplate('${ settings.namespace }'), file: 'f' },
        { apiVersion: 'gone.example.org/v1', kind: 'Gone', name: 'x', file: 'f' },
      ],
      ...{ state: () => made.state, kindOf: (_, kind) => (kind === 'ConfigMap' ? (ConfigMap as Kind) : undefined), events, metrics },
    });
    const put = (name: string, label = 'virt-steward', namespace = 'ns') =>
      client.apply(
        ConfigMap,
        { metadata: { name, namespace, labels: { [MANAGED_BY_LABEL]: label } } },
        { live: 'absent', force: true, fieldManager: 'virt-steward' },
      );
    const left = (): string[] => fake.server.objects.list(ConfigMap).map(({ metadata }) => metadata!.name!);
    const told = (): string[] => recorded.splice(0).map(({ reason, note }) => `${reason}: ${note}`);
    return { clock, made, sweep, tombstones, put, left, told, text: () => registry.metrics() };
  }

  it('tells once of each set of orphans and keeps them under the policy keep', async () => {
    const { made, sweep, put, left, told, text } = bench();
    made.policy = 'keep';
    await put('a');
    for (let i = 0; i < 3; i++) expect(await sweep.run(client)).to.equal(undefined);
    await put('b');
    await sweep.run(client);

    expect(left()).to.deep.equal(['a', 'b']);
    expect(told()).to.deep.equal([
      'OrphansPresent: 1 objects are left behind that nothing looks after: /ConfigMap/ns/a',
      'OrphansPresent: 2 objects are left behind that nothing looks after: /ConfigMap/ns/a, /ConfigMap/ns/b',
    ]);
    expect(sweep.orphans).to.deep.equal(['/ConfigMap/ns/a', '/ConfigMap/ns/b']);
    expect(await text()).to.contain('orphaned_resources{kind="ConfigMap",name="b",namespace="ns"} 1');
  });

  it('deletes them under the policy delete, two a second', async () => {
    const { clock, sweep, put, left, told } = bench();
    for (const name of ['a', 'b', 'c']) await put(name);

    const pauses: (number | undefined)[] = [];
    for (let i = 0; i < 3; i++) {
      pauses.push(await sweep.run(client));
      await clock.advance(500);
    }

    expect(pauses).to.deep.equal([500, 500, undefined]);
    expect(left()).to.deep.equal([]);
    expect(told().filter((text) => text.startsWith('ResourceRemoved'))).to.have.length(3);
    expect(sweep.orphans).to.deep.equal([]);
  });

  const SITUATIONS: readonly (readonly [string, (made: ReturnType<typeof bench>['made']) => void])[] = [
    ['before every labelled object is known', (made) => Object.assign(made, { isKnown: false })],
    ['before the context is known', (made) => Object.assign(made, { state: undefined })],
    ['before the anchor is known', (made) => Object.assign(made, { state: { ...ACTIVE, anchor: { kind: 'unknown' } } })],
    ['while an older operator works', (made) => Object.assign(made, { state: { ...ACTIVE, olderOperator: { lease: 'l', holder: 'h' } } })],
  ];
  for (const [situation, prepare] of SITUATIONS) {
    it(`deletes nothing ${situation}`, async () => {
      const { made, sweep, put, left } = bench();
      prepare(made);
      await put('a');

      await sweep.run(client);

      expect(left()).to.deep.equal(['a']);
    });
  }

  it('deletes what the policy says that was remembered, once the anchor has been gone for half a minute', async () => {
    const { clock, made, sweep, put, left } = bench();
    made.state = { ...ACTIVE, anchor: { kind: 'none', why: 'HcoAbsent' }, activation: inactive('NoAnchor'), context: undefined };
    await put('a');

    expect(await sweep.run(client)).to.equal(30_000);
    await clock.advance(29_999);
    expect(await sweep.run(client)).to.equal(1);
    expect(left()).to.deep.equal(['a']);
    await clock.advance(1);
    await sweep.run(client);

    expect(left()).to.deep.equal([]);
  });

  it('goes on with the others when one cannot be deleted, and tries it again', async () => {
    const { clock, sweep, put, left, told } = bench();
    await put('a');
    await put('b');
    fake.server.faults.add({ on: { kind: 'configmaps', verb: 'delete', name: 'a' }, do: status(403) });
    expect(await sweep.run(client)).to.equal(500);
    await clock.advance(500);

    expect(await sweep.run(client)).to.equal(500);
    await clock.advance(500);
    await sweep.run(client);

    expect(left()).to.deep.equal([]);
    expect(told().some((text) => text.startsWith('ApplyFailed: ConfigMap ns/a cannot be deleted'))).to.equal(true);
  });

  it('names the right that is missing to delete one, and asks again after five minutes', async () => {
    const { sweep, put, told } = bench();
    await put('a');
    const message = 'configmaps "a" is forbidden: User "x" cannot delete resource "configmaps" in API group "" in the namespace "ns"';
    fake.server.faults.add({ on: { kind: 'configmaps', verb: 'delete' }, do: status(403, { message }) });

    expect(await sweep.run(client)).to.equal(300_000);
    expect(told()[0]).to.equal('Forbidden: ConfigMap ns/a cannot be deleted: not allowed to delete configmaps named a in ns');
  });

  describe('with tombstones', () => {
    const keyOf = (tombstones: TombstoneKeeper): string => tombstones.keys[0]!;

    it('deletes the object in the namespace of the anchor, and says so once', async () => {
      const { tombstones, put, left, told, text } = bench();
      await put('old', 'virt-platform-autopilot', 'kv');
      expect(tombstones.keysOfKind('v1', 'ConfigMap')).to.deep.equal([keyOf(tombstones)]);
      expect(tombstones.covers({ group: '', kind: 'ConfigMap', namespace: 'kv', name: 'old' })).to.equal(true);
      expect(tombstones.covers({ group: '', kind: 'ConfigMap', namespace: 'other', name: 'old' })).to.equal(false);

      for (let i = 0; i < 3; i++) expect(await tombstones.run(client, keyOf(tombstones))).to.equal(undefined);

      expect(left()).to.deep.equal([]);
      expect(told()).to.deep.equal(['TombstoneDeleted: ConfigMap kv/old of an earlier version was deleted']);
      expect(await text()).to.contain('tombstone_status{kind="ConfigMap",name="old",namespace="kv"} 0');
    });

    it('rests while the module is inactive', async () => {
      const { made, tombstones, put, left } = bench();
      made.state = { ...ACTIVE, activation: inactive('Disabled') };
      await put('old', 'virt-steward', 'kv');

      await tombstones.run(client, keyOf(tombstones));

      expect(left()).to.deep.equal(['old']);
    });

    it('skips what is not ours, and tells it once', async () => {
      const { tombstones, put, told, text } = bench();
      await put('old', 'somebody', 'kv');

      for (let i = 0; i < 3; i++) await tombstones.run(client, keyOf(tombstones));

      expect(told()).to.deep.equal(['TombstoneSkipped: ConfigMap kv/old of an earlier version stays: it does not carry our label']);
      expect(await text()).to.contain('tombstone_status{kind="ConfigMap",name="old",namespace="kv"} -2');
    });

    it('tries again with growing pauses what failed', async () => {
      const { tombstones, put, told, text } = bench();
      await put('old', 'virt-steward', 'kv');
      fake.server.faults.add({ on: { kind: 'configmaps', verb: 'delete' }, do: status(403), times: 3 });

      const pauses: (number | undefined)[] = [];
      for (let i = 0; i < 3; i++) pauses.push(await tombstones.run(client, keyOf(tombstones)));
      expect(await text()).to.contain('tombstone_status{kind="ConfigMap",name="old",namespace="kv"} -1');
      pauses.push(await tombstones.run(client, keyOf(tombstones)));

      expect(pauses).to.deep.equal([1_000, 2_000, 4_000, undefined]);
      expect(told().map((text) => text.split(':')[0])).to.deep.equal(['TombstoneFailed', 'TombstoneDeleted']);
    });

    it('is done where the kind is not served', async () => {
      const { tombstones, told } = bench();

      expect(await tombstones.run(client, tombstones.keys[1]!)).to.equal(undefined);
      expect(told()).to.deep.equal([]);
    });
  });
});
