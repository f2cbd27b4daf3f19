import { expect } from 'chai';
import { TcpFaultProxy } from '../../../src/framework/testing';
import {
  conditionText,
  kubeconfigSecret,
  kubevirtConfig,
  MachinesFixture,
  type RemoteName,
  type TestMachine,
  vmOf,
} from '../../harness/machines-fixture';
import { poll } from '../../harness/poll';
import type { TestObject } from '../../harness/steward-cluster';

const NO_REFERENCE = (name: string): string => `machine team-a/${name} has no KubevirtConfig reference`;

/** As the older operator left it. */
const legacyVm = (name: string, machine: string): TestObject => ({
  ...vmOf(name),
  metadata: { ...vmOf(name).metadata, labels: { 'managed-by': 'kubevirt-operator', 'source-machine': machine } },
  spec: { runStrategy: 'Halted', template: { spec: { domain: { devices: {} } } } },
});

const messageOf = ({ status }: TestMachine, type: string): string | undefined =>
  status?.conditions?.find((condition) => condition.type === type)?.message;

describe('placement of Machines over the KubevirtConfigs of two namespaces', () => {
  let fixture: MachinesFixture;
  let proxy: TcpFaultProxy;

  const inNamespace = (object: TestObject, namespace: string): TestObject => ({ ...object, metadata: { ...object.metadata, namespace } });
  /** A KubevirtConfig of any name and namespace for one of the remote clusters. */
  const connect = async (name: string, namespace: string, remote: RemoteName, server?: string): Promise<void> => {
    const kubeconfig = await fixture.remotes[remote].kubeconfig('virt-steward', server);
    await fixture.supervisor.api.apply(inNamespace(kubeconfigSecret(name, kubeconfig), namespace));
    await fixture.supervisor.api.apply(inNamespace(kubevirtConfig(name), namespace));
    await untilConfig(name, namespace, 'Connected');
  };
  const untilConfig = (name: string, namespace: string, status: string): Promise<unknown> =>
    poll(
      `KubevirtConfig ${namespace}/${name} to be ${status}`,
      async () => {
        const found = await fixture.supervisor.api.get<TestObject>(inNamespace(kubevirtConfig(name), namespace));
        return (found?.['status'] as { status?: string } | undefined)?.status === status;
      },
      { intervalMs: 100 },
    );
  const untilPlaced = (name: string, condition: string): Promise<TestMachine> =>
    fixture.until(name, `to be Placed ${condition}`, (machine) => conditionText(machine, 'Placed') === condition);
  const untilRemote = (name: string, condition: string): Promise<TestMachine> =>
    fixture.until(name, `to be RemoteUnreachable ${condition}`, (machine) => conditionText(machine, 'RemoteUnreachable') === condition);

  before(async () => {
    fixture = await MachinesFixture.start({
      env: { KUBEVIRT_CONFIGS_NAMESPACE: 'clusters,edge' },
      rbacFlags: ['--kubevirt-configs-namespace=clusters,edge'],
    });
    for (const remote of Object.values(fixture.remotes)) {
      await remote.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team-a' } });
    }
    const { server } = fixture.remotes.east.controlPlane;
    proxy = await TcpFaultProxy.start({ target: { host: '127.0.0.1', port: Number(new URL(server).port) } });
  });

  after(async () => {
    await fixture?.stop();
    await proxy?.stop();
  });

  it('fails without any KubevirtConfig, and looks at none of other namespaces', async () => {
    await fixture.supervisor.api.apply(kubevirtConfig('elsewhere'));
    await fixture.create('first');
    const machine = await untilPlaced('first', 'False NoKubevirtConfigs');

    expect(machine.status).to.include({
      ...{ phase: 'Failed', failureMessage: 'KubevirtConfigError' },
      failureReason: 'Failed to get or create KubeVirt client from config',
    });
    expect(messageOf(machine, 'Placed')).to.equal(`${NO_REFERENCE('first')} and no KubevirtConfigs are available in namespace clusters`);
    expect(machine.status?.kubevirtConfigRef).to.equal(undefined);
  });

  it('takes the only KubevirtConfig as soon as there is one, and writes it down', async () => {
    await connect('east', 'clusters', 'east', `https://127.0.0.1:${proxy.port}`);
    const machine = await fixture.until('first', 'to be placed', ({ status }) => status?.kubevirtConfigRef?.clusterID !== undefined);

    expect(machine.status?.kubevirtConfigRef).to.include({
      ...{ name: 'east', namespace: 'clusters', rule: 'Single', clusterID: await fixture.remotes.east.id() },
    });
    const annotated = await fixture.until('first', 'to be annotated', ({ metadata }) => metadata.annotations !== undefined);
    expect(annotated.metadata.annotations).to.include({ 'vitistack.io/kubevirt-config': 'east' });
    expect(await fixture.untilEvent('first', 'PlacementAssigned')).to.contain('east (Single)');
    await fixture.until('first', 'not to be Failed', ({ status }) => status?.failureReason === undefined || status.failureReason === '');
  });

  it('guesses no cluster when there are several, and says what to do', async () => {
    await connect('west', 'edge', 'west');
    await fixture.create('second');
    const machine = await untilPlaced('second', 'False AmbiguousPlacement');

    expect(messageOf(machine, 'Placed')).to.equal(
      `${NO_REFERENCE('second')} and 2 configs are available - cannot determine placement. Please set annotation 'vitistack.io/kubevirt-config' or DEFAULT_KUBEVIRT_CONFIG env var`,
    );
    expect(await fixture.vm('east', 'vm-second')).to.equal(undefined);
    expect(await fixture.vm('west', 'vm-second')).to.equal(undefined);

    // A bare name is looked up in every namespace.
    await fixture.create('second', { annotations: { 'vitistack.io/kubevirt-config': 'west' } });
    const placed = await fixture.until('second', 'to be placed', ({ status }) => status?.kubevirtConfigRef !== undefined);
    expect(placed.status?.kubevirtConfigRef).to.include({ name: 'west', namespace: 'edge', rule: 'Annotation' });
  });

  it('finds the cluster that has the virtual machine already', async () => {
    await fixture.remotes.west.api.apply(legacyVm('vm-old', 'old'));
    await fixture.create('old');
    const machine = await fixture.until('old', 'to be placed', ({ status }) => status?.kubevirtConfigRef !== undefined);

    expect(machine.status?.kubevirtConfigRef).to.include({ name: 'west', namespace: 'edge', rule: 'Search' });
    expect(await fixture.vm('east', 'vm-old')).to.equal(undefined);
    const annotated = await fixture.until('old', 'to be annotated', ({ metadata }) => metadata.annotations !== undefined);
    expect(annotated.metadata.annotations).to.include({ 'vitistack.io/kubevirt-config': 'edge/west' });
  });

  it('takes none of two clusters that have the virtual machine, and touches neither', async () => {
    for (const remote of Object.values(fixture.remotes)) await remote.api.apply(legacyVm('vm-twice', 'twice'));
    const before = await Promise.all((['east', 'west'] as const).map((name) => fixture.vm(name, 'vm-twice')));
    await fixture.create('twice');
    const machine = await untilPlaced('twice', 'False DuplicateVirtualMachine');

    expect(messageOf(machine, 'Placed')).to.equal(
      `${NO_REFERENCE('twice')} and VirtualMachine vm-twice exists on 2 clusters (east, edge/west) - cannot determine placement. Please set annotation 'vitistack.io/kubevirt-config'`,
    );
    for (const [index, name] of (['east', 'west'] as const).entries()) {
      const now = await fixture.vm(name, 'vm-twice');
      expect(now?.metadata.labels).to.deep.equal(before[index]?.metadata.labels);
    }
  });

  it('is not decided while a cluster that may have it cannot be searched, and then is', async () => {
    proxy.halfOpen();
    await fixture.create('lost');
    const waiting = await untilPlaced('lost', 'Unknown SearchIncomplete');

    expect(waiting.status?.phase).to.equal('Pending');
    expect(messageOf(waiting, 'Placed')).to.equal(
      `${NO_REFERENCE('lost')} and 2 configs are available - cannot determine placement: could not search east. Please set annotation 'vitistack.io/kubevirt-config' or wait until they are reachable`,
    );
    // The search may notice it long before the cluster counts as lost, which shows on its Machines.
    await untilConfig('east', 'clusters', 'Disconnected');
    await untilRemote('first', 'True Disconnected');
    await proxy.heal();
    await untilConfig('east', 'clusters', 'Connected');
    await untilRemote('first', 'False Reachable');
    await untilPlaced('lost', 'False AmbiguousPlacement');
  });

  it('refuses a bare name that two namespaces have', async () => {
    await connect('west', 'clusters', 'west');
    await fixture.create('unclear', { annotations: { 'vitistack.io/kubevirt-config': 'west' } });
    const machine = await untilPlaced('unclear', 'False KubevirtConfigError');

    expect(messageOf(machine, 'Placed')).to.equal('KubevirtConfig west exists in namespaces clusters, edge; write <namespace>/<name>');
    const placed = await fixture.machine('second');
    expect(placed?.status?.kubevirtConfigRef).to.include({ name: 'west', namespace: 'edge' });
    expect(conditionText(placed!, 'PlacementImmutable')).to.not.equal('True PlacementChangeRefused');
  });

  it('stays as it is over a restart, without a write', async () => {
    const versions = async (): Promise<Record<string, string | undefined>> => {
      const names = ['first', 'second', 'old'];
      const machines = await Promise.all(names.map((name) => fixture.machine(name)));
      return Object.fromEntries(machines.map((machine) => [machine!.metadata.name, machine!.metadata.resourceVersion]));
    };
    let before = await versions();
    await poll(
      'nothing to change any more',
      async () => {
        const now = await versions();
        const isSame = JSON.stringify(now) === JSON.stringify(before);
        before = now;
        return isSame;
      },
      { intervalMs: 5_000 },
    );
    await fixture.restartManager();
    await poll('all clusters to be connected', () => fixture.manager.process.logLines('✅ KubeVirt cluster checks passed').length >= 3);
    // Those that were there before have been looked at when one that was made later runs.
    for (const [name, config] of Object.entries({ 'after-east': 'east', 'after-west': 'edge/west' })) {
      await fixture.create(name, { annotations: { 'vitistack.io/kubevirt-config': config } });
      await fixture.untilPhase(name, 'Running');
    }

    expect(await versions()).to.deep.equal(before);
    // Nor does it count as a change that another namespace has a config of the same name by now.
    expect(conditionText((await fixture.machine('second'))!, 'PlacementImmutable')).to.not.equal('True PlacementChangeRefused');
  });
});
