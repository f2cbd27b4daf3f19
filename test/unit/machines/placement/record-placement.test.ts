import { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'chai';
import { type KubeClient, openClient, SystemClock } from '../../../../src/framework';
import { FakeApiServer, type Fault, kubeconfigText, loseResponse, reset } from '../../../../src/framework/testing';
import { KubevirtConfig, Machine } from '../../../../src/machines';
import { PlacedMachines } from '../../../../src/machines/clusters/placed-machines';
import { recordPlacement } from '../../../../src/machines/placement/record-placement';
import { SupervisorApi } from '../../../../src/machines/supervisor-api';
import { crdText } from '../clusters/clusters-world';
import { theSettings } from '../the-settings';

const MACHINE = 'team-a/web';
const CONFIG = 'default/east';
const clock = new SystemClock();

describe('recording a placement', () => {
  let server: FakeApiServer;
  let client: KubeClient;
  let close: () => void;
  let placed: PlacedMachines;

  const record = (options: { keepsRecord?: boolean; clusterId?: string } = {}): Promise<Machine | undefined> =>
    recordPlacement({
      ...{ client, placed, key: 'east', rule: 'Single', vm: 'vm-web', clusterId: 'id-1', keepsRecord: true },
      machine: server.objects.get(Machine, MACHINE)!,
      config: server.objects.get(KubevirtConfig, CONFIG),
      ...options,
    });
  const writes = (): string[] =>
    server.journal.writes().map(({ verb, resource, subresource }) => `${verb} ${resource}${subresource === '' ? '' : `/${subresource}`}`);
  /** What is written in the end, without times. */
  const end = (): unknown => {
    const machine = server.objects.get(Machine, MACHINE);
    const config = server.objects.get(KubevirtConfig, CONFIG);
    const { placedAt: _, ...ref } = machine?.status?.kubevirtConfigRef ?? {};
    return [
      machine?.metadata?.finalizers,
      ref,
      machine?.metadata?.annotations,
      config?.metadata?.finalizers,
      config?.metadata?.annotations,
    ];
  };
  const EXPECTED = [
    ['machine.vitistack.io/finalizer'],
    { name: 'east', namespace: 'default', clusterID: 'id-1', rule: 'Single' },
    { 'vitistack.io/kubevirt-config': 'east' },
    ['kubevirtconfig.vitistack.io/finalizer'],
    { 'vitistack.io/cluster-id': 'id-1' },
  ];

  beforeEach(async () => {
    server = await FakeApiServer.start();
    for (const crd of ['machines', 'kubevirtconfigs']) server.installCrd(crdText(crd));
    server.objects.create(Machine, { metadata: { namespace: 'team-a', name: 'web' } });
    server.objects.create(KubevirtConfig, {
      metadata: { namespace: 'default', name: 'east' },
      spec: { name: 'east', kubeconfigSecretRef: 'east' },
    });
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromString(kubeconfigText({ server: server.url }));
    const opened = openClient(kubeConfig, { clock, userAgent: 'test' });
    ({ client, close } = opened);
    placed = new PlacedMachines(new SupervisorApi(theSettings()));
  });

  afterEach(async () => {
    close();
    await server.stop();
  });

  it('holds the Machine, then the config, then writes the record, then the annotation', async () => {
    await record();

    expect(writes()).to.deep.equal([
      'patch machines',
      'patch kubevirtconfigs',
      'patch kubevirtconfigs',
      'patch machines/status',
      'patch machines',
    ]);
    expect(end()).to.deep.equal(EXPECTED);
  });

  it('writes nothing that is there already', async () => {
    await record();
    const before = writes().length;
    await record();

    expect(writes()).to.have.length(before);
  });

  for (const [name, fault] of [
    ['before', reset],
    ['after', loseResponse],
  ] as readonly (readonly [string, () => Fault])[]) {
    for (const nth of [1, 2, 3, 4, 5]) {
      it(`comes to the same end when the connection breaks ${name} write ${nth}`, async () => {
        server.faults.add({ on: { verb: 'patch', nth }, do: fault() });
        await record().catch(() => undefined);
        await record();

        expect(end()).to.deep.equal(EXPECTED);
      });
    }
  }

  it('adds the identity of the cluster when it is known later', async () => {
    await recordPlacement({
      ...{ client, placed, key: 'east', rule: 'Single', vm: 'vm-web', clusterId: undefined, keepsRecord: true },
      machine: server.objects.get(Machine, MACHINE)!,
      config: server.objects.get(KubevirtConfig, CONFIG),
    });
    expect(server.objects.get(Machine, MACHINE)?.status?.kubevirtConfigRef).to.not.have.property('clusterID');
    await record();

    expect(end()).to.deep.equal(EXPECTED);
  });

  it('writes the provider id where the CRD keeps no record', async () => {
    await record({ keepsRecord: false });

    const { status } = server.objects.get(Machine, MACHINE)!;
    expect(status?.providerID).to.equal('kubevirt://east/team-a/vm-web');
    expect(status?.kubevirtConfigRef).to.equal(undefined);
  });

  it('places nothing on a config that is going away', async () => {
    server.objects.update(KubevirtConfig, CONFIG, (config) => {
      config.metadata!.finalizers = ['example.org/hold'];
    });
    server.objects.delete(KubevirtConfig, CONFIG);
    const outcome = await record();

    expect(outcome).to.equal(undefined);
    expect(server.objects.get(Machine, MACHINE)?.status?.kubevirtConfigRef).to.equal(undefined);
  });

  it('counts for its cluster while it is under way and as it was after a failure', async () => {
    server.faults.add({ on: { verb: 'patch', nth: 2 }, do: reset() });
    const recording = record().catch(() => undefined);
    expect(placed.machinesOf('east')).to.deep.equal([MACHINE]);
    await recording;

    expect(placed.machinesOf('east')).to.deep.equal([]);
  });

  it('keeps an annotation that somebody set meanwhile', async () => {
    const stale = server.objects.get(Machine, MACHINE)!;
    server.objects.update(Machine, MACHINE, (machine) => {
      machine.metadata!.annotations = { 'vitistack.io/kubevirt-config': 'west' };
    });
    await recordPlacement({
      ...{ client, placed, key: 'east', rule: 'Single', vm: 'vm-web', clusterId: 'id-1', keepsRecord: true, machine: stale },
      config: server.objects.get(KubevirtConfig, CONFIG),
    });

    expect(server.objects.get(Machine, MACHINE)?.metadata?.annotations).to.deep.equal({ 'vitistack.io/kubevirt-config': 'west' });
  });
});
