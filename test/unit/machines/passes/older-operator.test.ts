import { expect } from 'chai';
import { MACHINE_FINALIZER } from '../../../../src/machines/keys';
import { Machine } from '../../../../src/machines/kinds';
import { RemoteVirtualMachine } from '../../../../src/machines/virtual-machine/remote-objects';
import { aMachinesWorld, endMachinesWorlds, type MachinesWorld } from './machines-world';

const LEGACY = { 'managed-by': 'kubevirt-operator', 'source-machine': 'web' };
/** What the older operator showed of a virtual machine. */
const SHOWN = { state: 'Running', phase: 'Running', networkInterfaces: [{ name: 'default', macAddress: '02:00:00:00:00:01' }] };

describe('the deletion of a Machine that the older operator served and nobody has placed since', function () {
  this.timeout(300_000);
  afterEach(endMachinesWorlds);

  /** Deleted before this operator has ever seen it. */
  const deletedMachine = async (world: MachinesWorld, status: object, annotations: Record<string, string> = {}): Promise<void> => {
    await world.operator.kill();
    world.supervisor.objects.create(Machine, {
      metadata: { name: 'web', namespace: 'team-a', annotations, finalizers: [MACHINE_FINALIZER] },
      status,
    });
    world.supervisor.objects.delete(Machine, 'team-a/web');
    await world.operator.restart();
  };
  const legacyVm = (world: MachinesWorld, remote: string): void => {
    world.remotes[remote]!.objects.create(RemoteVirtualMachine, {
      metadata: { name: 'vm-web', namespace: 'team-a', labels: LEGACY },
      spec: {},
    });
  };
  const remoteReads = (world: MachinesWorld, remote: string): number =>
    world.remotes[remote]!.journal.entries().filter(({ path }) => path.includes('/namespaces/team-a/')).length;
  const deleting = (world: MachinesWorld): string | undefined =>
    world.machine('web')?.status?.conditions?.find(({ type }) => type === 'Deleting')?.message;

  it('searches for the virtual machine that its status shows, and deletes it where it is', async () => {
    const world = await aMachinesWorld({ remotes: ['east', 'west'] });
    legacyVm(world, 'west');
    await deletedMachine(world, SHOWN);
    await world.operator.advance(20_000);
    expect(world.vm('west', 'vm-web')).to.equal(undefined);
    expect(world.machine('web')).to.equal(undefined);
  });

  it('ends when all clusters have answered that there is none', async () => {
    const world = await aMachinesWorld({ remotes: ['east', 'west'] });
    await deletedMachine(world, SHOWN);
    await world.operator.advance(20_000);
    expect(world.machine('web')).to.equal(undefined);
    expect(world.eventNotes('PlacementFailed')).to.deep.equal([]);
  });

  it('waits while two clusters have one, and says how to give up', async () => {
    const world = await aMachinesWorld({ remotes: ['east', 'west'] });
    legacyVm(world, 'east');
    legacyVm(world, 'west');
    await deletedMachine(world, SHOWN);
    await world.operator.advance(5_000);
    expect(deleting(world)).to.match(
      /exists on 2 clusters \(east, west\).*To give up the remote objects set annotation vitistack\.io\/deletion-policy: orphan$/,
    );

    world.supervisor.objects.update(Machine, 'team-a/web', ({ metadata }) => {
      if (metadata !== undefined) metadata.annotations = { 'vitistack.io/deletion-policy': 'orphan' };
    });
    await world.operator.advance(5_000);
    expect(world.machine('web')).to.equal(undefined);
    expect(world.vm('east', 'vm-web')).to.not.equal(undefined);
  });

  it('goes by the annotation where there is one', async () => {
    const world = await aMachinesWorld({ remotes: ['east', 'west'] });
    legacyVm(world, 'east');
    legacyVm(world, 'west');
    await deletedMachine(world, SHOWN, { 'vitistack.io/kubevirt-config': 'west' });
    await world.operator.advance(20_000);
    expect(world.machine('web')).to.equal(undefined);
    expect(world.vm('west', 'vm-web')).to.equal(undefined);
    expect(world.vm('east', 'vm-web')).to.not.equal(undefined);
  });

  it('contacts no cluster where the status shows nothing of a virtual machine', async () => {
    const world = await aMachinesWorld({ remotes: ['east', 'west'] });
    const before = remoteReads(world, 'east');
    await deletedMachine(world, { phase: 'Failed', state: 'Failed' });
    await world.operator.advance(5_000);
    expect(world.machine('web')).to.equal(undefined);
    expect(remoteReads(world, 'east')).to.equal(before);
  });
});
