import { expect } from 'chai';
import { ConfigMap, type Kind, type KubeClient, Namespace } from '../../../../src/framework';
import { FakeClock, status } from '../../../../src/framework/testing';
import { MANAGED_BY_LABEL } from '../../../../src/platform/keys';
import { ObjectRemover } from '../../../../src/platform/removal/object-remover';
import { figureOf, runTombstone } from '../../../../src/platform/removal/tombstone-run';
import { type FakeCluster, startFakeCluster } from '../context/fake-cluster';

const OPEN = { admit: () => ({ open: true }) as const, wrote: () => undefined, ended: () => false };
const KEY = 'ns/a';

describe('removal', () => {
  let fake: FakeCluster;
  let client: KubeClient;
  let clock: FakeClock;
  let remover: ObjectRemover;

  before(async () => {
    fake = await startFakeCluster();
    client = fake.cluster.client;
  });
  after(() => fake[Symbol.asyncDispose]());
  beforeEach(() => {
    clock = new FakeClock();
    remover = new ObjectRemover({ clock, gate: OPEN });
  });
  afterEach(() => fake.server.objects.remove(ConfigMap as Kind, KEY));

  const put = (
    annotations: Record<string, string> = {},
    label = 'virt-steward',
    fieldManager = 'virt-steward',
    finalizers: string[] = [],
  ) =>
    client.apply(
      ConfigMap,
      { metadata: { name: 'a', namespace: 'ns', labels: { [MANAGED_BY_LABEL]: label }, annotations, finalizers } },
      { fieldManager, force: true, live: 'absent' },
    );
  const exists = (): boolean => fake.server.objects.get(ConfigMap, KEY) !== undefined;
  const remove = () => remover.remove(client, { kind: ConfigMap as Kind, key: KEY });

  it('deletes what is labelled and was written by us', async () => {
    await put();

    expect(await remove()).to.have.property('kind', 'removed');
    expect(exists()).to.equal(false);
  });

  for (const older of ['virt-platform-autopilot', 'virt-platform-operator']) {
    it(`deletes what ${older} labelled and wrote`, async () => {
      await put({}, older, older);

      expect(await remove()).to.have.property('kind', 'removed');
    });
  }

  it('takes absence for success', async () => {
    expect(await remove()).to.deep.equal({ kind: 'gone' });
  });

  const SPARED: readonly (readonly [string, () => Promise<unknown>, string])[] = [
    ['without our label', () => put({}, 'somebody'), 'NotLabelled'],
    ['that only somebody else wrote', () => put({}, 'virt-steward', 'kubectl'), 'NeverOurs'],
    ['that is unmanaged', () => put({ 'platform.kubevirt.io/mode': ' unmanaged ' }), 'Unmanaged'],
    ['that is paused', () => put({ 'platform.kubevirt.io/reconcile-paused': 'true' }), 'Paused'],
  ];
  for (const [what, prepare, why] of SPARED) {
    it(`keeps an object ${what}`, async () => {
      await prepare();

      expect(await remove()).to.include({ kind: 'kept', why });
      expect(exists()).to.equal(true);
    });
  }

  it('keeps namespaces, whoever wrote them', async () => {
    const labels = { [MANAGED_BY_LABEL]: 'virt-steward' };
    await client.apply(Namespace, { metadata: { name: 'kept', labels } }, { fieldManager: 'virt-steward', live: 'absent' });

    expect(await remover.remove(client, { kind: Namespace as Kind, key: 'kept' })).to.include({ kind: 'kept', why: 'ProtectedKind' });
  });

  it('does not delete an object that became unmanaged after it was read', async () => {
    await put();
    let reads = 0;
    const racing = {
      find: async (kind: Kind, key: string) => {
        const live = await client.find(kind, key);
        // Right after we have read it.
        if (++reads === 1) {
          fake.server.objects.update(ConfigMap, KEY, ({ metadata }) => {
            metadata!.annotations = { 'platform.kubevirt.io/mode': 'unmanaged' };
          });
        }
        return live;
      },
      delete: (...call: Parameters<KubeClient['delete']>) => client.delete(...call),
    } as Pick<KubeClient, 'find' | 'delete'>;

    expect(await remover.remove(racing, { kind: ConfigMap as Kind, key: KEY })).to.include({ kind: 'kept', why: 'Unmanaged' });
    expect(exists()).to.equal(true);
  });

  it('does not delete another object of the same name', async () => {
    await put();
    const stale = await client.get(ConfigMap, KEY);
    fake.server.objects.remove(ConfigMap as Kind, KEY);
    await put();

    expect(await client.delete(ConfigMap as Kind, KEY, { uid: stale.metadata!.uid! })).to.equal('gone');
    expect(exists()).to.equal(true);
  });

  it('deletes at most two objects a second', async () => {
    await put();
    await remove();
    await put();

    expect(await remove()).to.deep.equal({ kind: 'later', afterMs: 500 });
    expect(exists()).to.equal(true);
    await clock.advance(500);
    expect(await remove()).to.have.property('kind', 'removed');
  });

  it('waits for the rollout gate with what reboots nodes, and tells it afterwards', async () => {
    await put();
    const told: string[] = [];
    const gate = {
      admit: () => ({ open: false, reason: 'PoolUpdating', pool: 'worker' }) as const,
      wrote: () => void told.push('wrote'),
      ended: () => false,
    };
    const target = { kind: ConfigMap as Kind, key: KEY, nodeLevelPosition: 3 };

    const waiting = await new ObjectRemover({ clock, gate }).remove(client, target);
    expect(waiting).to.include({ kind: 'waiting', reason: 'PoolUpdating', pool: 'worker' });
    expect(exists()).to.equal(true);
    const open = { ...OPEN, wrote: gate.wrote };
    await new ObjectRemover({ clock, gate: open }).remove(client, target);

    expect(told).to.deep.equal(['wrote']);
    expect(exists()).to.equal(false);
  });

  it('says that an object waits for its finalizers', async () => {
    await put({}, 'virt-steward', 'virt-steward', ['example.org/hold']);
    await remove();

    expect(await remove()).to.have.property('kind', 'terminating');
  });

  describe('of tombstones', () => {
    const run = (kind: Kind | undefined = ConfigMap as Kind) => runTombstone(client, kind, KEY);

    it('is done with what is absent, or of a kind that is not served', async () => {
      expect(figureOf(await run())).to.equal(0);
      expect(await runTombstone(client, undefined, KEY)).to.deep.equal({ kind: 'gone' });
    });

    it('deletes what is labelled, by whichever of us', async () => {
      for (const label of ['virt-steward', 'virt-platform-autopilot']) {
        await put({}, label, 'kubectl');
        const outcome = await run();

        expect(outcome).to.include({ kind: 'deleted', isHeld: false });
        expect(figureOf(outcome)).to.equal(0);
        expect(exists()).to.equal(false);
      }
    });

    it('skips what is labelled otherwise, or unmanaged', async () => {
      for (const prepare of [() => put({}, 'somebody'), () => put({ 'platform.kubevirt.io/mode': 'unmanaged' })]) {
        await prepare();
        const outcome = await run();

        expect(outcome).to.have.property('kind', 'skipped');
        expect(figureOf(outcome)).to.equal(-2);
        expect(exists()).to.equal(true);
      }
    });

    it('shows an object that finalizers hold', async () => {
      await put({}, 'virt-steward', 'virt-steward', ['example.org/hold']);

      expect(figureOf(await run())).to.equal(1);
      expect(figureOf(await run())).to.equal(1);
    });

    it('fails where the server refuses, without a throw', async () => {
      await put();
      const fault = fake.server.faults.add({ on: { kind: 'configmaps', verb: 'delete' }, do: status(403), times: 9 });

      const outcome = await run();

      fault.remove();
      expect(outcome).to.have.property('kind', 'failed');
      expect(figureOf(outcome)).to.equal(-1);
    });
  });
});
