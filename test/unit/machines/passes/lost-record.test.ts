import { expect } from 'chai';
import { PersistentVolumeClaim, Secret } from '../../../../src/framework';
import { status } from '../../../../src/framework/testing';
import { MACHINE_FINALIZER } from '../../../../src/machines/keys';
import { KubevirtConfig, Machine } from '../../../../src/machines/kinds';
import { RemoteVirtualMachine } from '../../../../src/machines/virtual-machine/remote-objects';
import { aMachinesWorld, endMachinesWorlds, type MachinesWorld } from './machines-world';

const WEST = { annotations: { 'vitistack.io/kubevirt-config': 'west' } };
const ORPHAN = { 'vitistack.io/deletion-policy': 'orphan' };
const GIVE_UP = '. To give up the remote objects set annotation vitistack.io/deletion-policy: orphan';

describe('a Machine whose status was lost', function () {
  this.timeout(300_000);
  afterEach(endMachinesWorlds);

  /** Two clusters, a Machine that was made on the second, and no manager. Nothing on the Machine tells any more where it is. */
  const aForgetfulWorld = async (remotes = ['east', 'west']): Promise<MachinesWorld> => {
    const world = await aMachinesWorld({ remotes });
    world.create('web', WEST);
    await world.operator.advance(2_000);
    expect(world.vm('west', 'vm-web')).to.not.equal(undefined);
    await world.operator.kill();
    world.supervisor.objects.update(Machine, 'team-a/web', (machine) => {
      machine.status = {};
      delete machine.metadata?.annotations?.['vitistack.io/kubevirt-config'];
    });
    return world;
  };
  const west = ({ remotes }: MachinesWorld): MachinesWorld['remotes'][string] => remotes['west']!;
  const silence = (world: MachinesWorld): { remove(): void } =>
    west(world).faults.add({ on: {}, do: status(503, { message: 'away' }), times: Number.POSITIVE_INFINITY });
  const condition = (world: MachinesWorld, type: string): string => {
    const found = world.machine('web')?.status?.conditions?.find((candidate) => candidate.type === type);
    return `${found?.status} ${found?.reason}: ${found?.message}`;
  };
  const left = (world: MachinesWorld): number =>
    west(world).objects.list(RemoteVirtualMachine).length + west(world).objects.list(PersistentVolumeClaim).length;

  it('is deleted with what carries its marks', async () => {
    const world = await aForgetfulWorld();
    world.supervisor.objects.delete(Machine, 'team-a/web');
    await world.operator.restart();
    await world.operator.advance(20_000);
    expect(left(world)).to.equal(0);
    expect(world.machine('web')).to.equal(undefined);
  });

  it('is deleted with disks that carry its marks when the virtual machine is gone', async () => {
    const world = await aForgetfulWorld();
    west(world).objects.delete(RemoteVirtualMachine, 'team-a/vm-web');
    world.supervisor.objects.delete(Machine, 'team-a/web');
    await world.operator.restart();
    await world.operator.advance(20_000);
    expect(left(world)).to.equal(0);
    expect(world.machine('web')).to.equal(undefined);
  });

  it('waits with its deletion for a cluster that may have its objects, says so, and goes when that has answered', async () => {
    const world = await aForgetfulWorld();
    const fault = silence(world);
    world.supervisor.objects.delete(Machine, 'team-a/web');
    await world.operator.restart();
    await world.operator.advance(60_000);
    expect(world.machine('web')?.metadata?.finalizers).to.deep.equal([MACHINE_FINALIZER]);
    expect(condition(world, 'Deleting')).to.equal(
      `True WaitingForCluster: the placement of machine team-a/web is not recorded any more, and its objects may be on clusters that have not answered yet: west${GIVE_UP}`,
    );

    fault.remove();
    await world.operator.advance(60_000);
    expect(left(world)).to.equal(0);
    expect(world.machine('web')).to.equal(undefined);
  });

  it('waits for no cluster when its objects are given up', async () => {
    const world = await aForgetfulWorld();
    silence(world);
    world.supervisor.objects.update(Machine, 'team-a/web', ({ metadata }) => {
      metadata!.annotations = ORPHAN;
    });
    world.supervisor.objects.delete(Machine, 'team-a/web');
    await world.operator.restart();
    await world.operator.advance(5_000);
    expect(world.machine('web')).to.equal(undefined);
    expect(left(world)).to.equal(2);
  });

  it('says where they are and deletes nothing while two clusters have objects with its marks', async () => {
    const world = await aForgetfulWorld();
    const { metadata: { labels = {}, annotations = {} } = {} } = world.vm('west', 'vm-web')!;
    const copy = { metadata: { name: 'vm-web', namespace: 'team-a', labels, annotations }, spec: {} };
    world.remotes['east']!.objects.create(RemoteVirtualMachine, copy);
    world.supervisor.objects.delete(Machine, 'team-a/web');
    await world.operator.restart();
    await world.operator.advance(20_000);
    expect(condition(world, 'Deleting')).to.equal(
      `True WaitingForCluster: the placement of machine team-a/web is not recorded any more, and objects with its marks are on 2 clusters (east, west). Please set annotation 'vitistack.io/kubevirt-config' to one of them${GIVE_UP}`,
    );

    world.supervisor.objects.update(Machine, 'team-a/web', ({ metadata }) => {
      metadata!.annotations = { 'vitistack.io/kubevirt-config': 'west' };
    });
    await world.operator.advance(20_000);
    expect(world.machine('web')).to.equal(undefined);
    expect(left(world)).to.equal(0);
    expect(world.vm('east', 'vm-web')).to.not.equal(undefined);
  });

  it('gets no second virtual machine elsewhere while the cluster that has the first is silent', async () => {
    const world = await aForgetfulWorld();
    const fault = silence(world);
    world.supervisor.objects.update(Machine, 'team-a/web', ({ metadata }) => {
      metadata!.annotations = { 'vitistack.io/kubevirt-config': 'east' };
    });
    await world.operator.restart();
    await world.operator.advance(60_000);
    expect(world.vm('east', 'vm-web')).to.equal(undefined);
    expect(condition(world, 'Placed')).to.equal(
      'Unknown SearchIncomplete: the placement of machine team-a/web is not recorded any more, and its objects may be on clusters that have not answered yet: west',
    );

    fault.remove();
    await world.operator.advance(60_000);
    expect(world.machine('web')?.status?.kubevirtConfigRef?.name).to.equal('west');
    expect(world.vm('east', 'vm-web')).to.equal(undefined);
  });

  it('holds the config of the cluster with its objects until its record is written again', async () => {
    const world = await aForgetfulWorld();
    const fault = silence(world);
    world.supervisor.objects.delete(KubevirtConfig, 'default/west');
    await world.operator.restart();
    await world.operator.advance(30_000);
    const held = world.supervisor.objects.get(KubevirtConfig, 'default/west') as KubevirtConfig;
    const blocked = held.status?.conditions?.find(({ type }) => type === 'DeletionBlocked');
    expect(blocked?.message).to.match(/^Machines that lost the record of their placement may have objects on cluster west; .*orphan$/);
    expect(world.eventNotes('DeletionBlocked')).to.deep.equal([blocked?.message]);

    fault.remove();
    await world.operator.advance(60_000);
    expect(world.machine('web')?.status?.kubevirtConfigRef?.name).to.equal('west');
    world.supervisor.objects.delete(Machine, 'team-a/web');
    await world.operator.advance(20_000);
    expect(left(world)).to.equal(0);
    expect(world.supervisor.objects.get(KubevirtConfig, 'default/west')).to.equal(undefined);
  });

  it('is deleted where two configs lead to the one cluster that has its objects', async () => {
    const world = await aForgetfulWorld();
    const { data = {} } = world.supervisor.objects.get(Secret, 'default/west-kubeconfig') as Secret & { data?: Record<string, string> };
    world.supervisor.objects.create(Secret, { metadata: { name: 'again-kubeconfig', namespace: 'default' }, data });
    world.supervisor.objects.create(KubevirtConfig, {
      metadata: { name: 'again', namespace: 'default' },
      spec: { name: 'again', kubeconfigSecretRef: 'again-kubeconfig' },
    });
    world.supervisor.objects.delete(Machine, 'team-a/web');
    await world.operator.restart();
    await world.operator.advance(30_000);
    expect(left(world)).to.equal(0);
    expect(world.machine('web')).to.equal(undefined);
  });

  it('is served again where its marks are', async () => {
    const world = await aForgetfulWorld();
    await world.operator.restart();
    await world.operator.advance(20_000);
    expect(world.machine('web')?.status).to.deep.include({ virtualMachineRef: world.machine('web')?.status?.virtualMachineRef });
    expect(world.machine('web')?.status?.kubevirtConfigRef?.name).to.equal('west');
    expect(world.vm('east', 'vm-web')).to.equal(undefined);
  });
});
