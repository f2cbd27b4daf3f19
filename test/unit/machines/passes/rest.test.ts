import { expect } from 'chai';
import { asKind } from '../../../../src/framework/kinds/virtual-kind';
import { PlacedMachine } from '../../../../src/machines/handlers/placed-machine-source';
import { KubevirtConfig, Machine } from '../../../../src/machines/kinds';
import { aMachinesWorld, endMachinesWorlds, type MachinesWorld } from './machines-world';

describe('Machines at rest', function () {
  this.timeout(300_000);
  afterEach(endMachinesWorlds);

  const NAMES = ['a', 'b', 'c'];
  const steady = async (): Promise<MachinesWorld> => {
    const world = await aMachinesWorld();
    for (const name of NAMES) world.create(name);
    await world.operator.advance(3_000);
    for (const name of NAMES) world.run('east', `vm-${name}`);
    await world.operator.advance(3_000);
    expect(NAMES.map((name) => world.machine(name)?.status?.phase)).to.deep.equal(['Running', 'Running', 'Running']);
    return world;
  };
  /** Runs of the handlers that work on these Machines, with what caused them. */
  const runs = (world: MachinesWorld, ...names: string[]): string[] =>
    names.flatMap((name) =>
      [Machine, asKind(PlacedMachine)].flatMap((kind) =>
        world.operator.key(kind, `team-a/${name}`).history.map(({ controller, reasons }) => `${name} ${controller}: ${reasons.join(', ')}`),
      ),
    );

  it('are not looked at, however many there are', async () => {
    const world = await steady();
    const before = runs(world, ...NAMES);
    await world.operator.advance(60_000);
    expect(runs(world, ...NAMES)).to.deep.equal(before);
  });

  it('are not looked at because of another one', async () => {
    const world = await steady();
    const before = runs(world, 'a', 'b');
    world.supervisor.objects.update(Machine, 'team-a/c', (machine) => {
      machine.spec = { instanceType: 'large' };
    });
    world.create('d');
    await world.operator.advance(3_000);
    expect(world.vm('east', 'vm-d')).to.not.equal(undefined);
    expect(world.supervisor.objects.get(KubevirtConfig, 'default/east')?.status?.machines).to.equal(4);
    expect(runs(world, 'a', 'b')).to.deep.equal(before);
  });
});
