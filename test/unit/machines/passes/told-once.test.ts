import { expect } from 'chai';
import { status } from '../../../../src/framework/testing';
import { Machine } from '../../../../src/machines/kinds';
import { RemoteVirtualMachine } from '../../../../src/machines/virtual-machine/remote-objects';
import { aMachinesWorld, endMachinesWorlds, type MachinesWorld } from './machines-world';

describe('an Event about a Machine that goes on to be true', function () {
  this.timeout(300_000);
  afterEach(endMachinesWorlds);

  const annotate = (world: MachinesWorld, value: string): void => {
    world.supervisor.objects.update(Machine, 'team-a/web', ({ metadata }) => {
      if (metadata !== undefined) metadata.annotations = { ...metadata.annotations, poke: value };
    });
  };

  /** Events of the KubevirtConfig have the same reasons. */
  const about = (world: MachinesWorld, reason: string): string[] =>
    world.supervisor.journal
      .writes()
      .map(({ path, body }) => ({ path, event: body as { reason?: string; note?: string; regarding?: { kind?: string } } | undefined }))
      .filter(({ path, event }) => path.includes('/events') && event?.reason === reason && event.regarding?.kind === 'Machine')
      .map(({ event }) => event?.note ?? '');

  it('is told once while a virtual machine is stuck in its deletion', async () => {
    const world = await aMachinesWorld();
    world.create('web');
    await world.operator.advance(2_000);
    world.remotes['east']!.objects.update(RemoteVirtualMachine, 'team-a/vm-web', ({ metadata }) => {
      if (metadata !== undefined) metadata.finalizers = ['kubevirt.io/stuck'];
    });
    world.supervisor.objects.delete(Machine, 'team-a/web');
    await world.operator.advance(590_000);
    expect(world.eventNotes('DeletionWaiting')).to.deep.equal([]);

    await world.operator.advance(60_000);
    const note = 'VirtualMachine vm-web is being deleted; it is held by kubevirt.io/stuck';
    expect([...new Set(world.eventNotes('DeletionWaiting'))]).to.deep.equal([note]);
    expect(world.eventNotes('DeletionWaiting')).to.have.length(1);
  });

  it('is told once while a placement fails for the same reason, and again for another one', async () => {
    const world = await aMachinesWorld();
    world.create('web', { annotations: { 'vitistack.io/kubevirt-config': 'north' } });
    await world.operator.advance(2_000);
    annotate(world, 'one');
    await world.operator.advance(2_000);
    expect(world.eventNotes('PlacementFailed')).to.deep.equal(['KubevirtConfig north not found in namespace default']);

    world.supervisor.objects.update(Machine, 'team-a/web', ({ metadata }) => {
      if (metadata !== undefined) metadata.annotations = { 'vitistack.io/kubevirt-config': 'south' };
    });
    await world.operator.advance(2_000);
    expect(world.eventNotes('PlacementFailed')[1]).to.equal('KubevirtConfig south not found in namespace default');
  });

  it('is told once while a cluster refuses a virtual machine', async () => {
    const world = await aMachinesWorld();
    world.remotes['east']!.faults.add({
      on: { verb: 'create', kind: RemoteVirtualMachine },
      do: status(422, { reason: 'Invalid', message: 'no such size' }),
      times: Number.POSITIVE_INFINITY,
    });
    world.create('web');
    await world.operator.advance(2_000);
    annotate(world, 'one');
    await world.operator.advance(2_000);
    annotate(world, 'two');
    await world.operator.advance(2_000);
    expect(world.machine('web')?.status?.phase).to.equal('Failed');
    expect(world.eventNotes('CreateFailed')).to.have.length(1);
  });

  it('is no recovery of a cluster that was never away', async () => {
    const world = await aMachinesWorld();
    world.create('web', { spec: { disks: [{ name: 'os' }] } });
    await world.operator.advance(2_000);
    expect(world.machine('web')?.status?.phase).to.equal('Failed');
    world.supervisor.objects.update(Machine, 'team-a/web', (machine) => {
      machine.spec = {};
    });
    await world.operator.advance(2_000);
    expect(world.vm('east', 'vm-web')).to.not.equal(undefined);
    expect(world.eventNotes('RemoteRecovered')).to.deep.equal([]);
  });

  it('is told of an outage, and of its end, once each', async () => {
    const world = await aMachinesWorld();
    world.create('web');
    await world.operator.advance(2_000);
    const fault = world.remotes['east']!.faults.add({ on: {}, do: status(503), times: Number.POSITIVE_INFINITY });
    world.remotes['east']!.cutConnections();
    await world.operator.advance(60_000);
    annotate(world, 'one');
    await world.operator.advance(2_000);
    expect(about(world, 'RemoteUnreachable')).to.have.length(1);

    fault.remove();
    await world.operator.advance(60_000);
    annotate(world, 'two');
    await world.operator.advance(2_000);
    expect(about(world, 'RemoteRecovered')).to.deep.equal(['cluster east can be used again']);
  });

  it('is forgotten with the Machine, however that went', async () => {
    const world = await aMachinesWorld();
    world.create('web', { spec: { cloudInit: { userData: '#cloud-config' } } });
    world.create('db', { spec: { disks: [{ name: 'os' }] } });
    await world.operator.advance(2_000);
    expect(world.remembered()).to.be.greaterThan(0);
    for (const name of ['web', 'db']) world.supervisor.objects.remove(Machine, `team-a/${name}`);
    await world.operator.advance(2_000);
    expect(world.remembered()).to.equal(0);
  });
});
