import { expect } from 'chai';
import { Machine, NetworkConfiguration } from '../../../../src/machines/kinds';
import { RemoteVirtualMachine } from '../../../../src/machines/virtual-machine/remote-objects';
import { aMachinesWorld, endMachinesWorlds, type MachinesWorld } from './machines-world';

const MAC = '02:00:00:00:00:09';
const OTHER_MAC = '02:00:00:00:00:0a';
const EAST = { annotations: { 'vitistack.io/kubevirt-config': 'east' } };
const WEST = { annotations: { 'vitistack.io/kubevirt-config': 'west' } };

describe('Machines for which the same address was reserved by hand', function () {
  this.timeout(300_000);
  afterEach(endMachinesWorlds);

  const aWorld = (): Promise<MachinesWorld> => aMachinesWorld({ remotes: ['east', 'west'] });
  const pass = (world: MachinesWorld): Promise<void> => world.operator.advance(2_000);
  const reserve = ({ supervisor }: MachinesWorld, name: string, macAddress = MAC): void => {
    supervisor.objects.create(NetworkConfiguration, {
      metadata: { name, namespace: 'team-a' },
      spec: { name, networkInterfaces: [{ name: 'default', macAddress }] },
    });
  };
  const change = ({ supervisor }: MachinesWorld, name: string, macAddress: string): void => {
    supervisor.objects.update(NetworkConfiguration, `team-a/${name}`, ({ spec }) => {
      spec.networkInterfaces![0]!.macAddress = macAddress;
    });
  };
  const told = (world: MachinesWorld, name: string): string => {
    const found = world.machine(name)?.status?.conditions?.find(({ type }) => type === 'NetworkReady');
    return `${found?.status} ${found?.reason}: ${found?.message}`;
  };
  const notes = (world: MachinesWorld): string[] => world.eventNotes('MacAddressConflict');
  const machinesOf = (world: MachinesWorld): string[] =>
    Object.entries(world.remotes).flatMap(([name, remote]) =>
      remote.objects.list(RemoteVirtualMachine).map(({ metadata }) => `${name} ${metadata?.name}`),
    );
  /** The older one on a cluster of its own. */
  const twoMachines = async (world: MachinesWorld): Promise<void> => {
    reserve(world, 'old');
    reserve(world, 'young', MAC.toUpperCase().replaceAll(':', '-'));
    await world.operator.settle();
    world.create('old', WEST);
    await world.operator.advance(1_000);
    world.create('young', EAST);
    await pass(world);
  };
  const OLD = `macAddress ${MAC} is also that of Machine team-a/young; it belongs to this Machine, which is older`;
  const YOUNG = `macAddress ${MAC} is also that of Machine team-a/old, which is older; give one of the two another address`;

  it('are told of each other, and the older one alone is built, whatever clusters they are on', async () => {
    const world = await aWorld();
    await twoMachines(world);
    expect(machinesOf(world)).to.deep.equal(['west vm-old']);
    expect(told(world, 'old')).to.equal(`True Configured: ${OLD}`);
    expect(told(world, 'young')).to.equal(`False NetworkConfigurationError: ${YOUNG}`);
    expect(world.machine('young')?.status).to.include({ phase: 'Failed', message: YOUNG });
    expect(world.machine('old')?.status?.message).to.not.contain('macAddress');
    expect(notes(world).sort()).to.deep.equal([YOUNG, OLD].sort());
  });

  it('stay as they are through restarts and passes without a cause', async () => {
    const world = await aWorld();
    await twoMachines(world);
    const shown = (): unknown => ['old', 'young'].map((name) => world.machine(name)?.metadata?.resourceVersion);
    const before = shown();
    await world.operator.advance(30 * 60_000);
    expect(shown()).to.deep.equal(before);
    await world.operator.kill();
    await world.operator.restart();
    await world.operator.advance(5_000);
    expect(shown()).to.deep.equal(before);
    expect(machinesOf(world)).to.deep.equal(['west vm-old']);
  });

  it('are both served once one of them has another address', async () => {
    const world = await aWorld();
    await twoMachines(world);
    change(world, 'young', OTHER_MAC);
    await pass(world);
    expect(machinesOf(world)).to.have.members(['west vm-old', 'east vm-young']);
    expect([told(world, 'old'), told(world, 'young')]).to.deep.equal(['True Configured: ', 'True Configured: ']);

    change(world, 'young', MAC);
    await pass(world);
    expect(told(world, 'old')).to.equal(`True Configured: ${OLD}`);
  });

  it('leave the address to the other one when the one that had it is gone', async () => {
    const world = await aWorld();
    await twoMachines(world);
    world.supervisor.objects.delete(Machine, 'team-a/old');
    await pass(world);
    expect(world.machine('old')).to.equal(undefined);
    expect(machinesOf(world)).to.deep.equal(['east vm-young']);
    expect(told(world, 'young')).to.equal('True Configured: ');
  });

  it('go by the virtual machine that has the address already, and lose none that is there', async () => {
    const world = await aWorld();
    reserve(world, 'old', OTHER_MAC);
    reserve(world, 'young');
    await world.operator.settle();
    await world.operator.kill();
    world.create('old', WEST);
    await world.clock.advance(1_000);
    await world.operator.restart();
    world.create('young', EAST);
    await pass(world);
    expect(machinesOf(world)).to.have.members(['west vm-old', 'east vm-young']);

    change(world, 'old', MAC);
    await pass(world);
    expect(machinesOf(world)).to.have.members(['west vm-old', 'east vm-young']);
    expect(told(world, 'young')).to.equal(`False NetworkConfigurationError: ${YOUNG}`);
    expect(told(world, 'old')).to.equal(`True Configured: ${OLD}`);
    world.create('third', EAST);
    reserve(world, 'third');
    await pass(world);
    expect(told(world, 'third')).to.match(
      /^False NetworkConfigurationError: macAddress .* is also that of Machine team-a\/old, which is older/,
    );
    expect(machinesOf(world)).to.have.members(['west vm-old', 'east vm-young']);
  });

  it('give it to an older Machine no more once a younger one has a virtual machine with it', async () => {
    const world = await aWorld();
    world.create('old', { annotations: { 'vitistack.io/kubevirt-config': 'north' } });
    await world.operator.advance(1_000);
    reserve(world, 'young');
    await world.operator.settle();
    world.create('young', EAST);
    await pass(world);
    reserve(world, 'old');
    world.supervisor.objects.update(Machine, 'team-a/old', ({ metadata }) => {
      metadata!.annotations = { ...WEST.annotations };
    });
    await pass(world);
    expect(machinesOf(world)).to.deep.equal(['east vm-young']);
    expect(told(world, 'old')).to.equal(
      `False NetworkConfigurationError: macAddress ${MAC} is also that of Machine team-a/young, which has a virtual machine with it; give one of the two another address`,
    );
    expect(told(world, 'young')).to.match(/^True Configured: .*; it belongs to this Machine, which has a virtual machine with it$/);
  });

  it('are no conflict with an address that is reserved for a Machine that does not exist', async () => {
    const world = await aWorld();
    reserve(world, 'later');
    reserve(world, 'web');
    await world.operator.settle();
    world.create('web', EAST);
    await pass(world);
    expect(machinesOf(world)).to.deep.equal(['east vm-web']);
    expect(notes(world)).to.deep.equal([]);
  });
});
