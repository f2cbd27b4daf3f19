import { expect } from 'chai';
import { type KubernetesObject, Namespace, PersistentVolumeClaim, Secret } from '../../../../src/framework';
import { Machine, NetworkConfiguration } from '../../../../src/machines/kinds';
import { marksOf } from '../../../../src/machines/virtual-machine/ownership';
import {
  RemoteEventKind,
  RemoteInstance,
  RemoteStorageClassKind,
  RemoteVirtualMachine,
} from '../../../../src/machines/virtual-machine/remote-objects';
import { OWNER } from '../builders';
import { aMachinesWorld, endMachinesWorlds, type MachinesWorld } from './machines-world';

describe('passes over Machines', () => {
  afterEach(endMachinesWorlds);

  const east = ({ remotes }: MachinesWorld): MachinesWorld['remotes'][string] => remotes['east']!;
  const pass = (world: MachinesWorld): Promise<void> => world.operator.advance(2_000);
  const condition = (world: MachinesWorld, type: string, name = 'web'): string => {
    const found = world.machine(name)?.status?.conditions?.find((candidate) => candidate.type === type);
    return `${found?.status} ${found?.reason}: ${found?.message}`;
  };
  const annotate = (world: MachinesWorld, annotations: Record<string, string>, name = 'web'): void => {
    world.supervisor.objects.update(Machine, `team-a/${name}`, ({ metadata }) => {
      if (metadata !== undefined) metadata.annotations = { ...metadata.annotations, ...annotations };
    });
  };
  const macOf = ({ supervisor }: MachinesWorld): string | undefined =>
    supervisor.objects.get(NetworkConfiguration, 'team-a/web')?.spec.networkInterfaces?.[0]?.macAddress;
  const claims = (world: MachinesWorld): string[] =>
    east(world)
      .objects.list(PersistentVolumeClaim)
      .map(({ metadata }) => metadata?.name ?? '');
  const vms = (world: MachinesWorld): string[] =>
    east(world)
      .objects.list(RemoteVirtualMachine)
      .map(({ metadata }) => metadata?.name ?? '');

  it('build a virtual machine with its disk and show it, and then write nothing more', async () => {
    const world = await aMachinesWorld();
    world.create('web');
    await pass(world);
    expect(world.vm('east', 'vm-web')?.spec?.runStrategy).to.equal('Always');
    world.run('east', 'vm-web');
    await pass(world);
    expect(world.machine('web')?.status).to.include({ phase: 'Running', providerID: 'kubevirt://east/team-a/vm-web' });

    const before = [world.supervisor.currentVersion, east(world).currentVersion];
    await world.operator.restart();
    await world.operator.advance(60_000);
    expect([world.supervisor.currentVersion, east(world).currentVersion]).to.deep.equal(before);
    expect(claims(world)).to.deep.equal(['vm-web-root-pvc']);
  });

  it('build a lost virtual machine again with the same disk and the same address', async () => {
    const world = await aMachinesWorld();
    world.create('web');
    await pass(world);
    const [mac, uid] = [macOf(world), east(world).objects.list(PersistentVolumeClaim)[0]?.metadata?.uid];

    east(world).objects.delete(RemoteVirtualMachine, 'team-a/vm-web');
    await pass(world);

    const nic = world.vm('east', 'vm-web')?.spec?.template?.spec?.domain?.devices?.interfaces?.[0];
    expect(nic?.macAddress).to.equal(mac);
    expect(
      east(world)
        .objects.list(PersistentVolumeClaim)
        .map(({ metadata }) => metadata?.uid),
    ).to.deep.equal([uid]);
  });

  it('give a lost disk no empty replacement before somebody permits it, and permit it once', async () => {
    const world = await aMachinesWorld();
    world.create('web');
    await pass(world);
    world.run('east', 'vm-web');
    await pass(world);
    east(world).objects.delete(RemoteInstance, 'team-a/vm-web');
    east(world).objects.delete(PersistentVolumeClaim, 'team-a/vm-web-root-pvc');
    await pass(world);
    expect(condition(world, 'StorageReady')).to.equal(
      'False DiskMissing: PersistentVolumeClaim vm-web-root-pvc of disk "root" has vanished; set annotation vitistack.io/recreate-disks: "true" to create an empty one',
    );
    expect(claims(world)).to.deep.equal([]);
    expect(world.machine('web')?.status?.phase).to.equal('Failed');

    annotate(world, { 'vitistack.io/recreate-disks': 'true' });
    await pass(world);
    expect(claims(world)).to.deep.equal(['vm-web-root-pvc']);
    expect(world.machine('web')?.metadata?.annotations).to.not.have.property('vitistack.io/recreate-disks');
    expect(condition(world, 'StorageReady')).to.equal('True Ready: ');
  });

  it('do not take a copy of a lost disk for it', async () => {
    const world = await aMachinesWorld();
    world.create('web');
    await pass(world);
    world.run('east', 'vm-web');
    await pass(world);
    const { metadata, ...disk } = east(world).objects.get(PersistentVolumeClaim, 'team-a/vm-web-root-pvc')!;
    const { labels = {}, annotations = {} } = metadata ?? {};
    east(world).objects.create(PersistentVolumeClaim, {
      ...disk,
      metadata: { name: 'a-restored-one', namespace: 'team-a', labels, annotations },
    });
    east(world).objects.delete(RemoteInstance, 'team-a/vm-web');
    east(world).objects.delete(PersistentVolumeClaim, 'team-a/vm-web-root-pvc');
    await pass(world);
    expect(condition(world, 'StorageReady')).to.contain('False DiskMissing: PersistentVolumeClaim vm-web-root-pvc');
    expect(JSON.stringify(world.vm('east', 'vm-web')?.spec)).to.not.contain('a-restored-one');
  });

  it('leave the virtual machine of a sibling alone and take a name of their own', async () => {
    const world = await aMachinesWorld();
    const marks = marksOf({ ...OWNER, supervisorId: supervisorIdOf(world), name: 'vm-web', uid: 'another' });
    east(world).objects.create(RemoteVirtualMachine, { metadata: { name: 'vm-web', namespace: 'team-a', ...marks }, spec: {} });
    const before = world.vm('east', 'vm-web')?.metadata?.resourceVersion;
    world.create('web');
    await pass(world);

    expect(vms(world)).to.have.length(2);
    expect(vms(world)[1]).to.match(/^vm-web-[0-9a-f]{8}$/);
    expect(world.machine('web')?.status?.virtualMachineRef?.name).to.equal(vms(world)[1]);
    expect(world.vm('east', 'vm-web')?.metadata?.resourceVersion).to.equal(before);
  });

  it('do not take a copy of their virtual machine for it, wherever somebody put that', async () => {
    const world = await aMachinesWorld();
    world.create('web');
    await pass(world);
    const { metadata: { labels = {}, annotations = {} } = {}, spec = {} } = world.vm('east', 'vm-web') ?? {};
    for (const [namespace, name] of [
      ['team-a', 'a-copy'],
      ['team-b', 'a-copy'],
    ] as const)
      east(world).objects.create(RemoteVirtualMachine, { metadata: { name, namespace, labels, annotations }, spec });
    await world.operator.restart();
    await pass(world);
    world.run('east', 'vm-web');
    await pass(world);
    expect(world.machine('web')?.status).to.deep.include({ phase: 'Running', providerID: 'kubevirt://east/team-a/vm-web' });

    east(world).objects.delete(RemoteVirtualMachine, 'team-a/vm-web');
    east(world).objects.delete(RemoteVirtualMachine, 'team-a/a-copy');
    east(world).objects.delete(RemoteInstance, 'team-a/vm-web');
    await pass(world);
    expect(world.machine('web')?.status?.virtualMachineRef).to.include({ namespace: 'team-a', name: 'vm-web' });
    expect(world.vm('east', 'vm-web')).to.not.equal(undefined);
  });

  it('take another name when a sibling has taken that of their lost virtual machine meanwhile', async () => {
    const world = await aMachinesWorld();
    const marks = marksOf({ ...OWNER, supervisorId: supervisorIdOf(world), name: 'other', uid: 'another' });
    east(world).objects.create(RemoteVirtualMachine, { metadata: { name: 'old-web', namespace: 'team-a', ...marks }, spec: {} });
    await world.operator.kill();
    world.supervisor.objects.create(Machine, {
      metadata: { name: 'web', namespace: 'team-a' },
      status: {
        kubevirtConfigRef: { name: 'east', namespace: 'default' },
        virtualMachineRef: { namespace: 'team-a', name: 'old-web', uid: 'lost' },
      },
    });
    await world.operator.restart();
    await pass(world);
    expect(vms(world)).to.deep.equal(['old-web', 'vm-web']);
    expect(world.machine('web')?.status?.virtualMachineRef?.name).to.equal('vm-web');
  });

  it('touch nothing of another supervisor, also when adoption is permitted', async () => {
    const world = await aMachinesWorld();
    const marks = marksOf({ ...OWNER, supervisorId: 'somebody-else' });
    east(world).objects.create(RemoteVirtualMachine, { metadata: { name: 'vm-web', namespace: 'team-a', ...marks }, spec: {} });
    const before = world.vm('east', 'vm-web')?.metadata?.resourceVersion;
    world.create('web', { annotations: { 'vitistack.io/adopt': 'true' } });
    await pass(world);

    expect(condition(world, 'InfrastructureReady')).to.contain('(owned by virt-steward somebody-else team-a/web)');
    world.supervisor.objects.delete(Machine, 'team-a/web');
    await pass(world);
    expect(world.machine('web')).to.equal(undefined);
    expect(world.vm('east', 'vm-web')?.metadata?.resourceVersion).to.equal(before);
  });

  it('take over what the older operator made without changing what it is made of', async () => {
    const world = await aMachinesWorld();
    const template = {
      spec: { domain: { devices: { disks: [{ name: 'old' }], interfaces: [{ name: 'nic', macAddress: '02-AA-00-00-00-01' }] } } },
    };
    east(world).objects.create(RemoteVirtualMachine, {
      metadata: {
        name: 'vm-web',
        namespace: 'team-a',
        labels: { 'managed-by': 'kubevirt-operator', 'source-machine': 'web' },
        ownerReferences: [{ apiVersion: 'vitistack.io/v1alpha1', kind: 'Machine', name: 'web', uid: 'old' }],
      },
      spec: { running: false, template },
    });
    world.create('web');
    await pass(world);

    const vm = world.vm('east', 'vm-web');
    expect(vm?.metadata).to.not.have.property('ownerReferences');
    expect(vm?.metadata?.annotations).to.include({ 'vitistack.io/adopted': 'true' });
    expect(vm?.spec).to.deep.include({ running: false });
    expect(vm?.spec?.template?.spec).to.deep.equal(template.spec);
    expect(macOf(world)).to.equal('02:aa:00:00:00:01');
    expect(claims(world)).to.deep.equal([]);

    world.supervisor.objects.update(Machine, 'team-a/web', (machine) => {
      machine.spec = { instanceType: 'large' };
    });
    await pass(world);
    expect(world.vm('east', 'vm-web')?.spec?.template?.spec?.domain?.resources).to.deep.equal({ requests: { memory: '4Gi', cpu: '4' } });
    expect(world.vm('east', 'vm-web')?.spec?.template?.spec?.domain?.devices).to.deep.equal(template.spec.domain.devices);
  });

  it('wait for a virtual machine that is being deleted before they build its successor', async () => {
    const world = await aMachinesWorld();
    world.create('web');
    await pass(world);
    east(world).objects.update(RemoteVirtualMachine, 'team-a/vm-web', ({ metadata }) => {
      if (metadata !== undefined) metadata.finalizers = ['kubevirt.io/foreground'];
    });
    const uid = world.vm('east', 'vm-web')?.metadata?.uid;
    east(world).objects.delete(RemoteVirtualMachine, 'team-a/vm-web');
    await pass(world);
    expect(condition(world, 'InfrastructureReady')).to.contain('WaitingForOldVirtualMachine').and.contain('kubevirt.io/foreground');

    east(world).objects.remove(RemoteVirtualMachine, 'team-a/vm-web');
    await pass(world);
    expect(world.vm('east', 'vm-web')?.metadata?.uid).to.not.equal(uid);
  });

  it('make nothing of a virtual machine without a storage class, and go on when there is one', async () => {
    const world = await aMachinesWorld();
    east(world).objects.delete(RemoteStorageClassKind, 'standard');
    world.create('web');
    await pass(world);
    expect(world.machine('web')?.status).to.include({
      failureReason: 'Failed to prepare storage for VirtualMachine',
      failureMessage: 'failed to get default storage class: no default storage class found in the cluster',
    });
    expect(vms(world)).to.deep.equal([]);

    east(world).objects.create(RemoteStorageClassKind, {
      metadata: { name: 'late', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    });
    annotate(world, { poke: 'now' });
    await pass(world);
    expect(vms(world)).to.deep.equal(['vm-web']);
    expect(world.machine('web')?.status).to.not.have.any.keys('failureReason', 'failureMessage');
  });

  it('wait for a cloud-init Secret, and show its content nowhere', async () => {
    const world = await aMachinesWorld();
    world.create('web', { spec: { cloudInit: { userDataSecretRef: { name: 'guest' } } } });
    await pass(world);
    expect(condition(world, 'InfrastructureReady')).to.equal('False WaitingForCloudInit: Secret team-a/guest not found');
    expect(world.machine('web')?.status?.phase).to.equal('Creating');

    const content = 'password: hush';
    world.supervisor.objects.create(Secret, {
      metadata: { name: 'guest', namespace: 'team-a' },
      data: { userdata: Buffer.from(content).toString('base64') },
    });
    await world.operator.advance(35_000);
    const [secret] = east(world).objects.list(Secret) as (KubernetesObject & { stringData?: Record<string, string> })[];
    expect(secret?.metadata?.name).to.match(/^vm-web-cloud-init-[0-9a-f]{10}$/);
    expect(world.machine('web')?.metadata?.annotations).to.include({ 'vitistack.io/cloud-init-secrets': secret?.metadata?.name });
    const told = JSON.stringify([world.machine('web'), world.vm('east', 'vm-web'), world.log.lines]);
    expect(told).to.not.contain('hush').and.not.contain(Buffer.from(content).toString('base64'));
  });

  it('use an address that was reserved by hand, and leave its record when they go', async () => {
    const world = await aMachinesWorld();
    world.supervisor.objects.create(NetworkConfiguration, {
      metadata: { name: 'web', namespace: 'team-a' },
      spec: { name: 'web', networkInterfaces: [{ name: 'default', macAddress: '02:00:00:00:00:09' }] },
    });
    await world.operator.settle();
    world.create('web');
    await pass(world);
    expect(world.vm('east', 'vm-web')?.spec?.template?.spec?.domain?.devices?.interfaces?.[0]?.macAddress).to.equal('02:00:00:00:00:09');

    world.supervisor.objects.delete(Machine, 'team-a/web');
    await pass(world);
    expect(world.machine('web')).to.equal(undefined);
    expect(macOf(world)).to.equal('02:00:00:00:00:09');
  });

  it('keep the disks of a Machine that asks for it', async () => {
    const world = await aMachinesWorld();
    world.create('web', { annotations: { 'vitistack.io/deletion-policy': 'retain-disks' } });
    await pass(world);
    world.supervisor.objects.delete(Machine, 'team-a/web');
    await pass(world);
    expect(world.machine('web')).to.equal(undefined);
    expect(vms(world)).to.deep.equal([]);
    expect(claims(world)).to.deep.equal(['vm-web-root-pvc']);
  });

  it('delete disks only after the instance is gone', async () => {
    const world = await aMachinesWorld();
    world.create('web');
    await pass(world);
    world.run('east', 'vm-web');
    await pass(world);
    world.supervisor.objects.delete(Machine, 'team-a/web');
    await pass(world);
    expect(condition(world, 'Deleting')).to.equal('True WaitingForVirtualMachine: VirtualMachineInstance vm-web is being stopped');
    expect(claims(world)).to.deep.equal(['vm-web-root-pvc']);

    east(world).objects.delete(RemoteInstance, 'team-a/vm-web');
    await pass(world);
    expect(world.machine('web')).to.equal(undefined);
    expect(claims(world)).to.deep.equal([]);
  });

  it('tell from Events why a virtual machine does not start, also when nothing else changes, and nothing any more once it runs', async () => {
    const world = await aMachinesWorld();
    world.create('web');
    await pass(world);
    world.run('east', 'vm-web', 'Scheduling');
    await pass(world);
    const vmi = east(world).objects.get(RemoteInstance, 'team-a/vm-web');
    east(world).objects.create(RemoteEventKind, {
      metadata: { name: 'why', namespace: 'team-a' },
      ...{ type: 'Warning', reason: 'FailedScheduling', message: 'no node is left', firstTimestamp: '2100-01-01T10:11:12Z' },
      involvedObject: { kind: 'VirtualMachineInstance', namespace: 'team-a', name: 'vm-web', ...uidOf(vmi) },
    });
    await pass(world);
    expect(world.machine('web')?.status).to.include({
      phase: 'Scheduling',
      failureReason: 'VMIError',
      failureMessage: 'VM startup failed - 1 error(s) found: [10:11:12] FailedScheduling: no node is left',
    });
    expect(condition(world, 'Ready')).to.contain('False VMIError');

    east(world).objects.update(RemoteInstance, 'team-a/vm-web', ({ status }) => {
      if (status !== undefined) status.phase = 'Running';
    });
    await pass(world);
    expect(world.machine('web')?.status).to.not.have.any.keys('failureReason', 'failureMessage');
    expect(condition(world, 'Ready')).to.equal('True Running: ');
  });

  it('refuse reserved namespaces and bad specs without a word to any cluster', async () => {
    const world = await aMachinesWorld();
    const before = east(world).currentVersion;
    world.create('web', { spec: { disks: [{ name: 'a' }] } });
    world.supervisor.objects.create(Machine, { metadata: { name: 'evil', namespace: 'kube-system' } });
    await pass(world);
    expect(world.machine('web')?.status).to.include({
      failureReason: 'InvalidMachineSpec',
      failureMessage: 'disks[0] "a": sizeGB is required',
    });
    const evil = world.supervisor.objects.get(Machine, 'kube-system/evil');
    expect(evil?.status?.failureMessage).to.equal('namespace kube-system is reserved on remote clusters');
    expect(east(world).currentVersion).to.equal(before);
  });
});

function uidOf(object: KubernetesObject | undefined): { uid?: string } {
  const uid = object?.metadata?.uid;
  return uid === undefined ? {} : { uid };
}

function supervisorIdOf({ supervisor }: MachinesWorld): string {
  return supervisor.objects.get(Namespace, 'kube-system')?.metadata?.uid ?? '';
}
