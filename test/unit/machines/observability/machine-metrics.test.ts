import { expect } from 'chai';
import { KubevirtConfig, Machine } from '../../../../src/machines/kinds';
import { RemoteInstance, RemoteVirtualMachine } from '../../../../src/machines/virtual-machine/remote-objects';
import { aMachinesWorld, endMachinesWorlds, type MachinesWorld } from '../passes/machines-world';

describe('metrics of Machines', function () {
  this.timeout(300_000);
  afterEach(endMachinesWorlds);

  const pass = (world: MachinesWorld): Promise<void> => world.operator.advance(2_000);
  const shown = (world: MachinesWorld): Promise<number | undefined> =>
    world.metric('steward_machines_status_latency_seconds_count{cluster="east"}');

  it('measure how long a remote change takes to show, once for each write of a status', async () => {
    const world = await aMachinesWorld();
    world.create('web');
    await pass(world);
    world.run('east', 'vm-web', 'Scheduling');
    await pass(world);
    const before = (await shown(world)) ?? 0;

    world.remotes['east']!.objects.update(RemoteInstance, 'team-a/vm-web', (vmi) => {
      vmi.status = { ...vmi.status, phase: 'Running' };
    });
    await pass(world);
    expect(world.machine('web')?.status?.phase).to.equal('Running');
    expect(await shown(world)).to.equal(before + 1);

    world.remotes['east']!.objects.update(RemoteVirtualMachine, 'team-a/vm-web', ({ metadata }) => {
      if (metadata !== undefined) metadata.labels = { ...metadata.labels, unseen: 'here' };
    });
    await pass(world);
    expect(await shown(world)).to.equal(before + 1);
    expect(await world.metric('steward_machines_objects{cluster="east",phase="Running"}')).to.equal(1);
    expect(await world.metric('steward_machines_not_ready_seconds_max{cluster="east"}')).to.equal(0);
  });

  it('count an adoption, and a Machine whose remote objects were given up, once', async () => {
    const world = await aMachinesWorld();
    const labels = { 'managed-by': 'kubevirt-operator', 'source-machine': 'web' };
    world.remotes['east']!.objects.create(RemoteVirtualMachine, { metadata: { name: 'vm-web', namespace: 'team-a', labels }, spec: {} });
    world.create('web', { annotations: { 'vitistack.io/deletion-policy': 'orphan' } });
    await pass(world);
    expect(await world.metric('steward_machines_adoptions_total{cluster="east"}')).to.equal(1);
    expect(await world.metric('steward_machines_orphaned_total{cluster="east"}')).to.equal(0);

    world.supervisor.objects.delete(Machine, 'team-a/web');
    await pass(world);
    expect(world.machine('web')).to.equal(undefined);
    expect(await world.metric('steward_machines_adoptions_total{cluster="east"}')).to.equal(1);
    expect(await world.metric('steward_machines_orphaned_total{cluster="east"}')).to.equal(1);
  });

  it('have no series of a cluster whose config is gone', async () => {
    const world = await aMachinesWorld({ remotes: ['east', 'west'] });
    expect(await world.metric('steward_machines_objects{cluster="west",phase="Running"}')).to.equal(0);
    expect(await world.metric('steward_machines_mac_collisions_total')).to.equal(0);

    world.supervisor.objects.delete(KubevirtConfig, 'default/west');
    await pass(world);
    expect(await world.metric('steward_machines_objects{cluster="west",phase="Running"}')).to.equal(undefined);
    expect(await world.metric('steward_machines_adoptions_total{cluster="west"}')).to.equal(undefined);
    expect(await world.metric('steward_machines_status_latency_seconds_count{cluster="west"}')).to.equal(undefined);
  });
});
