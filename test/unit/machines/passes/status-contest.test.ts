import { expect } from 'chai';
import { Secret } from '../../../../src/framework';
import { Machine } from '../../../../src/machines/kinds';
import { RemoteInstance, RemoteVirtualMachine } from '../../../../src/machines/virtual-machine/remote-objects';
import { aMachinesWorld, endMachinesWorlds, type MachinesWorld } from './machines-world';

describe('the status of a Machine that somebody else keeps writing, too', function () {
  this.timeout(300_000);
  afterEach(endMachinesWorlds);

  const running = async (): Promise<MachinesWorld> => {
    const world = await aMachinesWorld();
    world.create('web');
    await world.operator.advance(3_000);
    world.run('east', 'vm-web');
    await world.operator.advance(3_000);
    expect(phase(world)).to.equal('Running');
    return world;
  };
  const phase = (world: MachinesWorld): string | undefined => world.machine('web')?.status?.phase;
  const writes = ({ supervisor }: MachinesWorld): number =>
    supervisor.journal.writes().filter(({ path }) => path.endsWith('/machines/web/status')).length;
  /** As the older operator does it: by an update of its own. */
  const overwrite = (world: MachinesWorld, change: (status: NonNullable<Machine['status']>) => void): void => {
    world.supervisor.objects.update(Machine, 'team-a/web', (machine) => {
      machine.status ??= {};
      change(machine.status);
    });
  };
  /** Each time our answer is there. */
  const overwriteTimes = async (world: MachinesWorld, times: number, each = 1_000): Promise<void> => {
    for (let round = 0; round < times; round++) {
      overwrite(world, (status) => {
        status.phase = `Other${round}`;
      });
      await world.operator.advance(each);
    }
  };

  it('is set right at once while that happens now and then', async () => {
    const world = await running();
    const before = writes(world);
    await overwriteTimes(world, 6, 20_000);
    expect(phase(world)).to.equal('Running');
    expect(writes(world) - before).to.equal(6);
    expect(world.eventNotes('StatusContested')).to.deep.equal([]);
  });

  it('is written once a minute after five changes within a minute, and one Event names who it is', async () => {
    const world = await running();
    const before = writes(world);
    await overwriteTimes(world, 20);
    expect(writes(world) - before).to.equal(4);
    expect(world.eventNotes('StatusContested')).to.deep.equal([
      'test keeps changing the status of this Machine; until it stops, the status is written once a minute at most',
    ]);

    await world.operator.advance(60_000);
    expect(phase(world)).to.equal('Running');
    expect(writes(world) - before).to.equal(5);
    await overwriteTimes(world, 180);
    expect(writes(world) - before).to.be.within(7, 8);
    expect(world.eventNotes('StatusContested')).to.have.length(1);
  });

  it('is written as usual again, until a further contest, once a write has stood for a minute', async () => {
    const world = await running();
    await overwriteTimes(world, 10);
    await world.operator.advance(125_000);
    const before = writes(world);
    await overwriteTimes(world, 1);
    expect(phase(world)).to.equal('Running');
    expect(writes(world) - before).to.equal(1);

    await overwriteTimes(world, 20);
    expect(writes(world) - before).to.equal(4);
  });

  it('shows what happened meanwhile with the next write', async () => {
    const world = await running();
    await overwriteTimes(world, 10);
    world.remotes['east']!.objects.update(RemoteInstance, 'team-a/vm-web', (vmi) => {
      vmi.status = { ...vmi.status, phase: 'Failed' };
    });
    await world.operator.advance(60_000);
    expect(world.machine('web')?.status).to.include({ phase: 'Failed', state: 'Failed' });
  });

  it('tells that the cluster is lost, and that the Machine is being deleted, with the next write too', async () => {
    const world = await running();
    await overwriteTimes(world, 10);
    world.supervisor.objects.delete(Secret, 'default/east-kubeconfig');
    await world.operator.advance(90_000);
    const shown = (type: string): string | undefined => world.machine('web')?.status?.conditions?.find((one) => one.type === type)?.status;
    expect(shown('RemoteUnreachable')).to.equal('True');
    await overwriteTimes(world, 10);
    world.supervisor.objects.delete(Machine, 'team-a/web');
    await world.operator.advance(70_000);
    expect(shown('Deleting')).to.equal('True');
  });

  it('is no contest with those who add conditions of their own, or with what we write ourselves', async () => {
    const world = await running();
    const before = writes(world);
    for (let round = 0; round < 10; round++) {
      overwrite(world, (status) => {
        status.conditions = [...(status.conditions ?? []), { type: 'Backup', status: 'True', reason: `Round${round}` }];
      });
      await world.operator.advance(1_000);
    }
    for (const next of ['Scheduling', 'Running', 'Scheduling', 'Running', 'Scheduling', 'Running', 'Failed']) {
      world.remotes['east']!.objects.update(RemoteInstance, 'team-a/vm-web', (vmi) => {
        vmi.status = { ...vmi.status, phase: next };
      });
      await world.operator.advance(1_000);
      expect(phase(world)).to.equal(next);
    }
    expect(writes(world) - before).to.equal(7);
    expect(world.eventNotes('StatusContested')).to.deep.equal([]);
  });

  it('is not fought over by way of the recorded placement either, which an operator that does not know it drops', async () => {
    const world = await running();
    const before = writes(world);
    for (let round = 0; round < 30; round++) {
      world.supervisor.objects.update(Machine, 'team-a/web', (machine) => {
        machine.status = { phase: 'Running', state: `Other${round}` };
      });
      await world.operator.advance(1_000);
    }
    expect(world.eventNotes('StatusContested')).to.have.length(1);
    const contested = writes(world);
    expect(contested - before).to.be.at.most(10);
    for (let round = 0; round < 120; round++) {
      world.supervisor.objects.update(Machine, 'team-a/web', (machine) => {
        machine.status = { phase: 'Running', state: `Later${round}` };
      });
      await world.operator.advance(1_000);
    }
    expect(writes(world) - contested).to.be.at.most(3);
    // Nothing was lost, and no second machine made.
    expect(world.remotes['east']!.objects.list(RemoteVirtualMachine)).to.have.length(1);
    await world.operator.advance(130_000);
    expect(world.machine('web')?.status?.kubevirtConfigRef?.name).to.equal('east');
    expect(world.machine('web')?.status?.virtualMachineRef?.name).to.equal('vm-web');
  });
});
