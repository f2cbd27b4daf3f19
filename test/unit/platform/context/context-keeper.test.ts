import { expect } from 'chai';
import { defineKind, type KubernetesObject, Lease, microTimestampOf, Node, nullLogger, SystemClock } from '../../../../src/framework';
import { reset, status } from '../../../../src/framework/testing';
import { LookUpError } from '../../../../src/platform/context/cluster-look-ups';
import { ContextKeeper } from '../../../../src/platform/context/context-keeper';
import { type ContextChange, concerns } from '../../../../src/platform/context/context-state';
import { poll } from '../../../harness/poll';
import { type FakeCluster, startFakeCluster } from './fake-cluster';

type Anchor = KubernetesObject & { spec?: object; status?: object };
const HCO_V1 = defineKind<Anchor>('hco.kubevirt.io/v1', 'HyperConverged', 'hyperconvergeds', { scope: 'Namespaced' });
const HCO_V1BETA1 = defineKind<Anchor>('hco.kubevirt.io/v1beta1', 'HyperConverged', 'hyperconvergeds', { scope: 'Namespaced' });
const KUBEVIRT = defineKind<Anchor>('kubevirt.io/v1', 'KubeVirt', 'kubevirts', { scope: 'Namespaced' });
const INFRASTRUCTURE = defineKind<Anchor>('config.openshift.io/v1', 'Infrastructure', 'infrastructures', { scope: 'Cluster' });
const WIDGET = defineKind<Anchor>('example.org/v1', 'Widget', 'widgets', { scope: 'Namespaced' });

const NS = 'kubevirt-hyperconverged';
const KEY = `${NS}/kubevirt-hyperconverged`;
const anAnchor = (annotations: Record<string, string> = {}, spec: object = {}): Anchor => ({
  metadata: { name: 'kubevirt-hyperconverged', namespace: NS, annotations },
  spec,
});
const ASSETS = [{ name: 'swap-enable', aliases: [] }] as never;

describe('the context', () => {
  let fake: FakeCluster;
  let keeper: ContextKeeper;
  let changes: ContextChange[];
  let lookUpChanges: string[];

  async function start(kinds: Parameters<typeof startFakeCluster>[0] = {}, prepare: () => void = () => undefined): Promise<void> {
    fake = await startFakeCluster(kinds);
    changes = [];
    lookUpChanges = [];
    keeper = new ContextKeeper({
      ...{ cluster: fake.cluster, clock: new SystemClock(), log: nullLogger, activation: 'always', environment: {}, resyncMs: 600_000 },
      catalog: { assets: ASSETS, optionNames: new Set(['enable-swap']) },
      operator: {
        ...{ namespace: 'virt-steward-system', version: '1', catalogVersion: '1', metricsPort: 8443 },
        ...{ metricsSecure: true, inCluster: false, runbookUrl: '' },
      },
      onLookUpChange: (apiVersion, kind) => lookUpChanges.push(`${apiVersion} ${kind}`),
    });
    keeper.onChange((change) => changes.push(change));
    prepare();
    keeper.start();
  }

  afterEach(async () => {
    await keeper?.stop();
    await fake?.[Symbol.asyncDispose]();
  });

  const until = (what: string, holds: () => boolean | undefined): Promise<true> =>
    poll(what, () => holds() === true || undefined, { onTimeout: () => JSON.stringify(keeper.state) });
  const active = (): Promise<true> => until('the context is known and active', () => keeper.isSynced && keeper.state?.activation.active);

  it('waits for the CRDs of KubeVirt and goes on when they come, without a restart', async () => {
    await start();
    await until('there is no anchor', () => keeper.state?.anchor.kind === 'none');
    expect(keeper.state).to.have.nested.property('anchor.why', 'NoVirtualization');
    expect(keeper.state?.activation).to.include({ active: false, reason: 'NoAnchor' });

    fake.server.serve(HCO_V1BETA1);
    fake.server.objects.create(HCO_V1BETA1, anAnchor());
    keeper.served.kick();

    await active();
    expect(keeper.state?.context?.settings).to.include({ hcoPresent: true, apiVersion: 'hco.kubevirt.io/v1beta1', namespace: NS });
  });

  it('moves to a better version of HyperConverged as soon as it is served', async () => {
    await start({ kinds: [HCO_V1BETA1] }, () => fake.server.objects.create(HCO_V1BETA1, anAnchor()));
    await active();
    changes.length = 0;

    fake.server.unserve(HCO_V1BETA1, { keepObjects: true });
    fake.server.serve(HCO_V1);
    keeper.served.kick();

    await until('v1 is read', () => keeper.state?.context?.settings.apiVersion === 'hco.kubevirt.io/v1');
    expect(changes.at(-1)).to.include({ everything: true });
  });

  it('reads a KubeVirt where HyperConverged is not served, and gives expressions its metadata as hco', async () => {
    const spec = { configuration: { developerConfiguration: { featureGates: ['CPUManager'] } } };
    await start({ kinds: [KUBEVIRT] }, () =>
      fake.server.objects.create(KUBEVIRT, { metadata: { name: 'kubevirt', namespace: 'kubevirt', annotations: { a: 'b' } }, spec }),
    );
    await active();

    const { hco, anchor, settings } = keeper.state!.context!;
    expect(settings).to.deep.include({ hcoPresent: false, gates: { CPUManager: true } });
    expect(anchor).to.have.property('kind', 'KubeVirt');
    expect(hco).to.deep.include({ spec: {} });
    expect(hco).to.have.nested.property('metadata.annotations').that.deep.equals({ a: 'b' });
  });

  it('is no anchor while the HyperConverged is being deleted, and again when it is back', async () => {
    await start({ kinds: [HCO_V1] }, () =>
      fake.server.objects.create(HCO_V1, { ...anAnchor(), metadata: { ...anAnchor().metadata, finalizers: ['example.org/hold'] } }),
    );
    await active();

    fake.server.objects.delete(HCO_V1, KEY);
    await until('it is treated as absent', () => keeper.state?.anchor.kind === 'none');
    expect(keeper.state).to.have.nested.property('anchor.why', 'AnchorTerminating');
    fake.server.objects.remove(HCO_V1, KEY);
    fake.server.objects.create(HCO_V1, anAnchor());

    await active();
  });

  it('drops changes of a status, and tells which annotation changed', async () => {
    await start({ kinds: [HCO_V1] }, () => fake.server.objects.create(HCO_V1, anAnchor({ 'platform.kubevirt.io/enable-swap': 'true' })));
    await active();
    const before = keeper.state!.context!;
    changes.length = 0;

    fake.server.objects.update(HCO_V1, KEY, (object) => {
      object.status = { observed: 7 };
    });
    fake.server.objects.update(HCO_V1, KEY, ({ metadata }) => {
      metadata!.annotations!['platform.kubevirt.io/enable-swap'] = 'false';
    });

    await until('the annotation is seen', () => changes.length > 0);
    expect(changes).to.have.length(1);
    expect([...changes[0]!.annotations]).to.deep.equal(['platform.kubevirt.io/enable-swap']);
    expect(changes[0]!.everything).to.equal(false);
    expect(keeper.state!.context!.settings).to.equal(before.settings);
    expect(keeper.state!.context!.hardware).to.equal(before.hardware);
    const asset = { reads: new Set(['topology']), options: [], isNodeLevel: false, fill: [], order: 1 };
    expect(concerns(changes[0]!, asset)).to.equal(false);
    expect(concerns(changes[0]!, { ...asset, options: [{ name: 'enable-swap' }] })).to.equal(true);
    expect(concerns(changes[0]!, { ...asset, reads: new Set(['hco']) })).to.equal(true);
  });

  it('sees nodes that nobody labelled for us, and tells only of flags that change', async () => {
    await start({ kinds: [HCO_V1] }, () => {
      fake.server.objects.create(HCO_V1, anAnchor());
      fake.server.objects.create(Node, { metadata: { name: 'a' }, status: { capacity: { 'nvidia.com/gpu': '0' } } } as never);
    });
    await active();
    expect(keeper.state?.context?.hardware).to.include({ gpuPresent: false });
    changes.length = 0;

    fake.server.objects.update(Node, 'a', ({ metadata }) => {
      metadata!.labels = { 'example.org/unrelated': 'true' };
    });
    fake.server.objects.update(Node, 'a', ({ metadata }) => {
      metadata!.labels = { 'feature.node.kubernetes.io/pci-0302_10de.present': 'true' };
    });

    await until('the GPU is seen', () => keeper.state?.context?.hardware.gpuPresent);
    expect(changes.map(({ variables }) => [...variables])).to.deep.equal([['hardware']]);
  });

  it('lists extended resources again when a node joins', async () => {
    await start({ kinds: [HCO_V1] }, () => {
      fake.server.objects.create(HCO_V1, anAnchor());
      fake.server.objects.create(Node, { metadata: { name: 'a' } });
    });
    await active();

    fake.server.objects.create(Node, { metadata: { name: 'b' }, status: { allocatable: { 'nvidia.com/gpu': '1' } } } as never);

    await until('the GPU of the new node is seen', () => keeper.state?.context?.hardware.resources['nvidia.com/gpu'] === 1);
  });

  it('holds what reads the topology until the configuration can be read, and not what does not', async () => {
    await start({ kinds: [HCO_V1, INFRASTRUCTURE] }, () => {
      fake.server.objects.create(HCO_V1, anAnchor());
      fake.server.objects.create(INFRASTRUCTURE, { metadata: { name: 'cluster' }, status: { platformStatus: { type: 'AWS' } } });
      fake.server.faults.add({ on: { kind: 'infrastructures.config.openshift.io' }, do: status(500), times: 3 });
    });

    await until('hardware is known', () => keeper.state?.context !== undefined && !keeper.state.unknown.has('hardware'));
    await until('the topology is known later', () => keeper.state?.unknown.size === 0);
    expect(keeper.state?.context?.topology).to.include({ isAWS: true, isOpenShift: true });
  });

  it('stays passive while an older operator renews its Lease', async () => {
    await start({ kinds: [HCO_V1] }, () => {
      fake.server.objects.create(HCO_V1, anAnchor());
      fake.server.objects.create(Lease, {
        metadata: { name: 'virt-platform-autopilot.kubevirt.io', namespace: NS },
        spec: { holderIdentity: 'older_1', renewTime: microTimestampOf(Date.now()) },
      });
    });

    await until('it is noticed', () => keeper.state?.olderOperator !== undefined);
    expect(keeper.state?.activation).to.include({ active: false, reason: 'OlderOperatorRunning' });
    expect(keeper.state?.problems.map(({ reason }) => reason)).to.deep.equal(['OlderOperatorRunning']);
  });

  it('names options that nothing reads, unknown assets and rival anchors', async () => {
    const typo = { 'platform.kubevirt.io/enable-swop': 'true', 'platform.kubevirt.io/openshift': 'true' };
    await start({ kinds: [HCO_V1] }, () => {
      fake.server.objects.create(HCO_V1, anAnchor({ ...typo, 'platform.kubevirt.io/autopilot': 'swap-enable,nobody' }));
      fake.server.objects.create(HCO_V1, { ...anAnchor(), metadata: { name: 'kubevirt-hyperconverged', namespace: 'zzz' } });
    });
    await active();

    const told = keeper.state!.problems.map(({ reason, message }) => [reason, message]);
    expect(told.map(([reason]) => reason)).to.deep.equal(['AnchorAmbiguous', 'UnknownAsset', 'UnknownOption']);
    expect(told[1]![1]).to.contain('"nobody"');
    expect(told[2]![1]).to.contain('platform.kubevirt.io/enable-swop');
    expect(keeper.state!.problems[0]!.about).to.have.length(2);
  });

  describe('look-ups', () => {
    beforeEach(async () => {
      await start({ kinds: [HCO_V1] }, () => fake.server.objects.create(HCO_V1, anAnchor()));
      await active();
    });

    it('answer absence for what is not served or not there, and everything that is', async () => {
      const { lookUps } = keeper;
      expect(await lookUps.get('example.org/v1', 'Widget', 'a', 'w')).to.equal(undefined);
      expect(await lookUps.list('example.org/v1', 'Widget', '')).to.deep.equal([]);
      expect(lookUps.has('example.org/v1', 'Widget')).to.equal(false);

      fake.server.serve(WIDGET);
      for (const [namespace, name] of [
        ['b', 'w'],
        ['a', 'x'],
        ['a', 'w'],
      ] as const) {
        fake.server.objects.create(WIDGET, { metadata: { name, namespace }, spec: { size: 7 } });
      }
      keeper.served.kick();
      await until('the kind is served', () => lookUps.has('example.org/v1', 'Widget'));

      expect(
        (await lookUps.list('example.org/v1', 'Widget', '')).map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`),
      ).to.deep.equal(['a/w', 'a/x', 'b/w']);
      expect(await lookUps.list('example.org/v1', 'Widget', 'b')).to.have.length(1);
      expect(await lookUps.get('example.org/v1', 'Widget', 'a', 'w')).to.deep.include({ spec: { size: 7 } });
      expect(await lookUps.get('example.org/v1', 'Widget', 'a', 'nobody')).to.equal(undefined);
      expect(lookUps.scopeOf('example.org/v1', 'Widget')).to.equal('Namespaced');
    });

    it('tell when an object changes that was looked up, with the new answer at hand', async () => {
      fake.server.serve(WIDGET);
      keeper.served.kick();
      await until('the kind is served', () => keeper.lookUps.has('example.org/v1', 'Widget'));
      await keeper.lookUps.get('example.org/v1', 'Widget', 'a', 'w');
      lookUpChanges.length = 0;

      fake.server.objects.create(WIDGET, { metadata: { name: 'other', namespace: 'a' } });
      fake.server.objects.create(WIDGET, { metadata: { name: 'w', namespace: 'a' } });

      await until('the change is told', () => lookUpChanges.length > 0);
      expect(lookUpChanges).to.deep.equal(['example.org/v1 Widget']);
      expect(await keeper.lookUps.get('example.org/v1', 'Widget', 'a', 'w')).to.have.nested.property('metadata.name', 'w');
    });

    it('are empty again when the kind is gone, and close their watches', async () => {
      fake.server.serve(WIDGET);
      fake.server.objects.create(WIDGET, { metadata: { name: 'w', namespace: 'a' } });
      keeper.served.kick();
      await until('the kind is served', () => keeper.lookUps.has('example.org/v1', 'Widget'));
      expect(await keeper.lookUps.list('example.org/v1', 'Widget', '')).to.have.length(1);

      fake.server.unserve(WIDGET);
      keeper.served.kick();
      await until('the kind is gone', () => !keeper.lookUps.has('example.org/v1', 'Widget'));

      expect(await keeper.lookUps.list('example.org/v1', 'Widget', '')).to.deep.equal([]);
      expect(keeper.lookUps.size).to.equal(0);
    });

    it('fail, instead of answering absence, when the server fails or refuses', async () => {
      fake.server.serve(WIDGET);
      keeper.served.kick();
      await until('the kind is served', () => keeper.lookUps.has('example.org/v1', 'Widget'));
      for (const [fault, message] of [
        [status(403), /403/],
        [status(500), /500/],
        [reset(), /Widget/],
      ] as const) {
        const handle = fake.server.faults.add({ on: { kind: 'widgets.example.org' }, do: fault, times: 1_000 });
        const namespace = `ns-${String(message).replace(/\W/g, '').toLowerCase()}`;

        const error = await keeper.lookUps.list('example.org/v1', 'Widget', namespace).catch((thrown: unknown) => thrown);

        expect(error).to.be.instanceOf(LookUpError).with.property('message').that.matches(message);
        handle.remove();
        // One that is refused is tried again after minutes only.
        if (String(message) === '/403/') continue;
        await poll('an answer', () => keeper.lookUps.list('example.org/v1', 'Widget', namespace).catch(() => undefined), {
          timeoutMs: 25_000,
        });
      }
    });

    it('refuse Secrets and names that would be selectors', async () => {
      const failure = (namespace: string, name: string, kind = 'ConfigMap') =>
        keeper.lookUps.get('v1', kind, namespace, name).then(
          () => 'answered',
          (error: Error) => error.message,
        );

      expect(await failure('a', 's', 'Secret')).to.contain('Secrets cannot be looked up');
      expect(await failure('a', 'x,metadata.namespace=b')).to.contain('is no name of an object');
      expect(await failure('', 'x')).to.contain('none is given');
    });
  });
});
