import { expect } from 'chai';
import {
  claimRef,
  conditionText,
  configurationRef,
  kubevirtConfig,
  MachinesFixture,
  machineRef,
  type TestVm,
  vmOf,
} from '../../harness/machines-fixture';
import { poll } from '../../harness/poll';
import { ReportingAgent } from '../../harness/reporting-agent';
import type { TestObject } from '../../harness/steward-cluster';
import { type ManagerProcess, startManager } from '../../harness/steward-processes';

const MACHINE_FINALIZER = 'machine.vitistack.io/finalizer';
const EAST = { 'vitistack.io/kubevirt-config': 'east' };
const ENV = { LEGACY_PVC_CLEANUP: 'true', CLUSTER_CHECK_INTERVAL: '10s' };

const dataVolume = (name: string): TestObject => ({
  apiVersion: 'cdi.kubevirt.io/v1beta1',
  kind: 'DataVolume',
  metadata: { name, namespace: 'team-a' },
});
const secretRef = (name: string): TestObject => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'team-a' } });
const aClaim = (name: string, labels: Record<string, string> = {}): TestObject => ({
  ...claimRef(name),
  metadata: { name, namespace: 'team-a', labels },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
});

describe('Machines beside objects that are not theirs', () => {
  let fixture: MachinesFixture;
  let standby: ManagerProcess | undefined;

  const vmSpec = { runStrategy: 'Halted', template: { spec: { domain: { devices: {} } } } };
  const isGoing = (object: { metadata: { [field: string]: unknown } } | undefined): boolean =>
    object === undefined || object.metadata['deletionTimestamp'] !== undefined;

  before(async () => {
    fixture = await MachinesFixture.start({
      modules: 'wol,machines',
      env: ENV,
      flags: ['--leader-elect'],
      rbacFlags: ['--legacy-pvc-cleanup=true'],
    });
    await fixture.connect('east');
    await fixture.connect('west');
    await fixture.remotes.east.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team-a' } });
  });

  after(async () => {
    await standby?.process.stop();
    await fixture?.stop();
  });

  it('touch no virtual machine that is labelled for another Machine, also when they are deleted', async () => {
    const labels = { 'managed-by': 'virt-steward', 'source-machine': 'somebody' };
    await fixture.remotes.east.api.apply({ ...vmOf('vm-mine'), metadata: { name: 'vm-mine', namespace: 'team-a', labels }, spec: vmSpec });
    const before = await poll('the virtual machine to rest', async () => {
      const vm = (await fixture.vm('east', 'vm-mine')) as TestVm & { status?: { printableStatus?: string } };
      return vm.status?.printableStatus === 'Stopped' ? vm.metadata.resourceVersion : undefined;
    });
    await fixture.create('mine', { annotations: { ...EAST, 'vitistack.io/adopt': 'true' } });
    const refused = await fixture.untilFailed('mine', 'VirtualMachineNotOwned');
    expect(refused.status?.message).to.contain('VirtualMachine team-a/vm-mine on cluster east exists');

    await fixture.supervisor.api.delete(machineRef('mine'));
    await fixture.untilGone('mine');
    expect((await fixture.vm('east', 'vm-mine'))?.metadata.resourceVersion).to.equal(before);
  });

  it('get a virtual machine each when their names lead to one', async () => {
    await fixture.create('db-prod-1a902854', { annotations: EAST });
    const plain = await fixture.untilPhase('db-prod-1a902854', 'Running');
    expect(plain.status?.virtualMachineRef?.name).to.equal('vm-db-prod-1a902854');

    // Whose plain name is taken, and whose hashed one belongs to that Machine.
    await fixture.create('db.prod', { annotations: EAST });
    await fixture.untilFailed('db.prod', 'VirtualMachineNotOwned');
    expect((await fixture.vm('east', 'vm-db-prod-1a902854'))?.metadata.uid).to.equal(plain.status?.virtualMachineRef?.uid);

    await fixture.supervisor.api.delete(machineRef('db.prod'));
    await fixture.untilGone('db.prod');
    expect((await fixture.vm('east', 'vm-db-prod-1a902854'))?.metadata.uid).to.equal(plain.status?.virtualMachineRef?.uid);
  });

  it('delete no Secret that somebody has noted on them', async () => {
    await fixture.remotes.east.api.apply({ ...secretRef('precious'), data: {} });
    const annotations = { ...EAST, 'vitistack.io/cloud-init-secrets': '.,..,precious' };
    await fixture.create('note', { annotations, spec: { cloudInit: { userData: '#cloud-config\n' } } });
    await fixture.untilPhase('note', 'Running');
    await fixture.until('note', 'to have the name of its own Secret alone', ({ metadata }) =>
      /^vm-note-cloud-init-[0-9a-f]{10}$/.test(metadata.annotations?.['vitistack.io/cloud-init-secrets'] ?? ''),
    );
    expect(await fixture.untilEvent('note', 'InvalidAnnotation')).to.contain('"precious"');

    await fixture.supervisor.api.delete(machineRef('note'));
    await fixture.untilGone('note');
    expect(await fixture.remotes.east.api.get(secretRef('precious'))).to.not.equal(undefined);
  });

  it('leave the finalizer of another provider to its operator, also when its Machine is deleted', async () => {
    const alien = machineRef('alien');
    await fixture.supervisor.api.apply({
      ...alien,
      metadata: { ...alien.metadata, finalizers: [MACHINE_FINALIZER] },
      spec: { provider: 'proxmox' },
    } as TestObject);
    const finalizers = async (): Promise<string[] | undefined> => (await fixture.machine('alien'))?.metadata.finalizers;
    await fixture.create('ours', { annotations: EAST });
    const ours = (await fixture.untilPhase('ours', 'Running')) as unknown as { metadata: { managedFields: object[] } };
    const setters = ours.metadata.managedFields.filter((entry) => JSON.stringify(entry).includes('v:\\"machine.vitistack.io/finalizer'));
    expect(setters.map((entry) => (entry as { manager: string }).manager)).to.deep.equal(['virt-steward']);
    expect(await finalizers()).to.deep.equal([MACHINE_FINALIZER]);

    await fixture.supervisor.api.delete(alien);
    await fixture.supervisor.api.delete(machineRef('ours'));
    await fixture.untilGone('ours');
    expect(await finalizers()).to.deep.equal([MACHINE_FINALIZER]);
    await fixture.supervisor.api.mergePatch(alien, { metadata: { finalizers: [] } });
    await fixture.untilGone('alien');
  });

  it('find their place again by the marks of their virtual machine when somebody has emptied their status', async () => {
    await fixture.create('emptied', { annotations: EAST });
    const before = (await fixture.untilPhase('emptied', 'Running')).status?.virtualMachineRef;
    await fixture.supervisor.api.mergePatch(machineRef('emptied'), { metadata: { annotations: { 'vitistack.io/kubevirt-config': null } } });
    await fixture.supervisor.api.ask({
      method: 'PATCH',
      path: '/apis/vitistack.io/v1alpha1/namespaces/team-a/machines/emptied/status',
      body: { status: null },
      contentType: 'application/merge-patch+json',
    });
    // A pass that was under way may show the machine again before its place is recorded.
    const again = await fixture.until('emptied', 'to run with its place recorded', ({ status }) => {
      return status?.phase === 'Running' && status.kubevirtConfigRef !== undefined;
    });
    expect(again.status?.kubevirtConfigRef).to.include({ name: 'east', rule: 'Recorded' });
    expect(again.status?.virtualMachineRef).to.deep.equal(before);

    await fixture.supervisor.api.delete(machineRef('emptied'));
    await fixture.untilGone('emptied');
    expect(await fixture.vm('east', 'vm-emptied')).to.equal(undefined);
  });

  it('keep the cluster that they are placed on from being removed, and are served until they go', async () => {
    await fixture.create('guest', { annotations: { 'vitistack.io/kubevirt-config': 'west' } });
    await fixture.untilPhase('guest', 'Running');
    await fixture.supervisor.api.delete(kubevirtConfig('west'));
    await fixture.supervisor.api.waitForCondition(kubevirtConfig('west'), 'DeletionBlocked');
    await fixture.remotes.west.kubevirt.call('stop', { namespace: 'team-a', name: 'vm-guest' });
    await fixture.untilPhase('guest', 'Stopped');
    expect(await fixture.supervisor.api.get(kubevirtConfig('west'))).to.not.equal(undefined);

    await fixture.create('late', { annotations: { 'vitistack.io/kubevirt-config': 'west' } });
    await fixture.until('late', 'to be refused', ({ status }) => {
      return status?.phase === 'Failed' && status.message === 'KubevirtConfig west is being deleted';
    });

    await fixture.supervisor.api.delete(machineRef('guest'));
    await fixture.untilGone('guest');
    await poll('KubevirtConfig west to be gone', async () => (await fixture.supervisor.api.get(kubevirtConfig('west'))) === undefined);
    expect(await fixture.vm('west', 'vm-guest')).to.equal(undefined);
  });

  it('take claims of the older operator on the supervisor along, and no others', async () => {
    await fixture.supervisor.api.apply(aClaim('legacy-root', { 'managed-by': 'kubevirt-operator', 'source-machine': 'legacy' }));
    await fixture.supervisor.api.apply(aClaim('of-a-neighbour', { 'managed-by': 'kubevirt-operator', 'source-machine': 'neighbour' }));
    await fixture.supervisor.api.apply(aClaim('of-somebody'));
    await fixture.create('legacy', { annotations: EAST });
    await fixture.untilPhase('legacy', 'Running');

    await fixture.supervisor.api.delete(machineRef('legacy'));
    await fixture.untilGone('legacy');
    expect(isGoing(await fixture.supervisor.api.get(claimRef('legacy-root')))).to.equal(true);
    for (const name of ['of-a-neighbour', 'of-somebody']) {
      expect(isGoing(await fixture.supervisor.api.get(claimRef(name))), name).to.equal(false);
    }
  });

  it('boot from an image that CDI imports, and tell how far it is', async () => {
    const spec = { os: { imageID: 'https://images.example.com/linux.qcow2' }, disks: [{ name: 'os', sizeGB: 4 }] };
    await fixture.create('imported', { annotations: { ...EAST, 'vitistack.io/root-disk-source': 'image' }, spec });
    const waiting = await fixture.until('imported', 'to wait for its import', (machine) => {
      return conditionText(machine, 'StorageReady') === 'False WaitingForImport';
    });
    expect(waiting.status?.conditions?.find(({ type }) => type === 'StorageReady')?.message).to.equal(
      'disk "os" is being imported (Pending)',
    );
    const volume = (await fixture.remotes.east.api.get(dataVolume('vm-imported-os-pvc'))) as unknown as {
      metadata: { ownerReferences?: object[] };
      spec: { source: object; pvc: { resources: object } };
    };
    expect(volume.spec.source).to.deep.equal({ http: { url: 'https://images.example.com/linux.qcow2' } });
    expect(volume.spec.pvc.resources).to.deep.equal({ requests: { storage: '4Gi' } });
    expect(volume.metadata).to.not.have.property('ownerReferences');
    const vm = (await fixture.vm('east', 'vm-imported')) as unknown as { spec: { template: { spec: { volumes: object[] } } } };
    expect(vm.spec.template.spec.volumes[0]).to.deep.equal({ name: 'os', dataVolume: { name: 'vm-imported-os-pvc' } });

    const path = '/apis/cdi.kubevirt.io/v1beta1/namespaces/team-a/datavolumes/vm-imported-os-pvc/status';
    const status = { phase: 'Succeeded' };
    await fixture.remotes.east.api.ask({ method: 'PATCH', path, body: { status }, contentType: 'application/merge-patch+json' });
    await fixture.until('imported', 'to have its disk', (machine) => conditionText(machine, 'StorageReady') === 'True Ready');

    await fixture.supervisor.api.delete(machineRef('imported'));
    await fixture.untilGone('imported');
    expect(isGoing(await fixture.remotes.east.api.get(dataVolume('vm-imported-os-pvc')))).to.equal(true);
  });

  it('let go of the installation medium once the system is installed', async () => {
    type Built = { spec: { dataVolumeTemplates?: object[]; template: { spec: { volumes: { name: string }[] } } } };
    const volumesOf = async (): Promise<string[]> =>
      ((await fixture.vm('east', 'vm-iso')) as unknown as Built).spec.template.spec.volumes.map(({ name }) => name);
    const annotations = { ...EAST, 'vitistack.io/boot-image-size': '2Gi' };
    await fixture.create('iso', { annotations, spec: { os: { isoUri: 'https://images.example.com/install.iso' } } });
    await fixture.untilPhase('iso', 'Running');
    expect(await volumesOf()).to.deep.equal(['root', 'cdrom-iso']);

    await fixture.supervisor.api.mergePatch(machineRef('iso'), { metadata: { annotations: { 'vitistack.io/os-installed': 'true' } } });
    await fixture.until('iso', 'to be cleaned up', ({ metadata }) => metadata.annotations?.['vitistack.io/iso-cleaned-up'] === 'true');
    expect(await volumesOf()).to.deep.equal(['root']);
    expect(((await fixture.vm('east', 'vm-iso')) as unknown as Built).spec.dataVolumeTemplates ?? []).to.deep.equal([]);
  });

  it('are woken by a packet that a manager hears which does not lead', async () => {
    await fixture.supervisor.api.apply({ apiVersion: 'wol.pillon.org/v1beta1', kind: 'WolConfig', metadata: { name: 'all' } });
    await fixture.create('sleeper', { annotations: EAST });
    await fixture.untilPhase('sleeper', 'Running');
    await fixture.remotes.east.kubevirt.call('stop', { namespace: 'team-a', name: 'vm-sleeper' });
    await fixture.untilPhase('sleeper', 'Stopped');
    const record = (await fixture.supervisor.api.get(configurationRef('sleeper'))) as unknown as {
      spec: { networkInterfaces: { macAddress: string }[] };
    };

    standby = await startManager(fixture.supervisor, { env: ENV, flags: ['--leader-elect'] });
    expect(await fixture.manager.metrics()).to.match(/^leader_election_master_status\S* 1$/m);
    expect(await standby.metrics()).to.match(/^leader_election_master_status\S* 0$/m);
    const reporter = new ReportingAgent(standby.grpcPort);
    try {
      await reporter.untilStarts(record.spec.networkInterfaces[0]?.macAddress ?? '', 'team-a/vm-sleeper');
    } finally {
      reporter.close();
    }
    await fixture.untilPhase('sleeper', 'Running');
  });
});
