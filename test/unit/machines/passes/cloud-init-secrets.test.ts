import { expect } from 'chai';
import { Secret } from '../../../../src/framework';
import { status } from '../../../../src/framework/testing';
import { Machine } from '../../../../src/machines/kinds';
import { RemoteInstance, RemoteVirtualMachine } from '../../../../src/machines/virtual-machine/remote-objects';
import { aMachinesWorld, endMachinesWorlds, type MachinesWorld } from './machines-world';

const SPEC = { cloudInit: { userData: '#cloud-config\n' } };
const NOTE = 'vitistack.io/cloud-init-secrets';

describe('the cloud-init Secret of a Machine', function () {
  this.timeout(300_000);
  afterEach(endMachinesWorlds);

  const east = ({ remotes }: MachinesWorld): MachinesWorld['remotes'][string] => remotes['east']!;
  const pass = (world: MachinesWorld): Promise<void> => world.operator.advance(2_000);
  const secrets = (world: MachinesWorld): string[] =>
    east(world)
      .objects.list(Secret)
      .map(({ metadata }) => metadata?.name ?? '');
  const made = async (): Promise<MachinesWorld> => {
    const world = await aMachinesWorld();
    world.create('web', { spec: SPEC });
    await pass(world);
    expect(secrets(world)).to.have.length(1);
    return world;
  };

  it('is made again with a virtual machine that is built again', async () => {
    const world = await made();
    const [name] = secrets(world);
    east(world).objects.delete(Secret, `team-a/${name}`);
    east(world).objects.delete(RemoteVirtualMachine, 'team-a/vm-web');
    await pass(world);
    expect(world.vm('east', 'vm-web')).to.not.equal(undefined);
    expect(secrets(world)).to.deep.equal([name]);
  });

  it('is made again when its cluster comes back without it', async () => {
    const world = await made();
    const [name] = secrets(world);
    const fault = east(world).faults.add({ on: {}, do: status(503), times: Number.POSITIVE_INFINITY });
    east(world).cutConnections();
    await world.operator.advance(60_000);
    east(world).objects.delete(Secret, `team-a/${name}`);
    fault.remove();
    await world.operator.advance(60_000);
    expect(secrets(world)).to.deep.equal([name]);
  });

  it('costs no call when the manager starts while the machine runs', async () => {
    const world = await made();
    world.run('east', 'vm-web');
    await pass(world);
    const calls = (): number =>
      east(world)
        .journal.entries()
        .filter(({ resource }) => resource === 'secrets').length;
    const before = calls();
    await world.operator.restart();
    await pass(world);
    expect(world.machine('web')?.status?.phase).to.equal('Running');
    expect(calls()).to.equal(before);
    east(world).objects.delete(RemoteInstance, 'team-a/vm-web');
    await pass(world);
    expect(secrets(world)).to.have.length(1);
  });

  it('is deleted also when its name begins with what names of virtual machines began with before', async () => {
    const world = await aMachinesWorld();
    const longMachine = 'a-name-that-is-longer-than-fits-beside-the-rest';
    const old = [
      'old-web-cloud-init-0123456789',
      'web-cloud-init-0123456789',
      `${`old-${longMachine}`.slice(0, 41)}-cloud-init-0123456789`,
    ];
    for (const name of old) east(world).objects.create(Secret, { metadata: { name, namespace: 'team-a' } });
    world.create('web', { annotations: { [NOTE]: `${old[0]},${old[1]}` } });
    world.create(longMachine, { annotations: { [NOTE]: old[2]! } });
    await pass(world);
    expect(secrets(world)).to.deep.equal([]);
    expect(world.machine('web')?.metadata?.annotations).to.not.have.property(NOTE);
    expect(world.eventNotes('InvalidAnnotation')).to.deep.equal([]);
  });

  it('is deleted with the Machine under such a name', async () => {
    const world = await made();
    const name = 'old-web-cloud-init-0123456789';
    east(world).objects.create(Secret, { metadata: { name, namespace: 'team-a' } });
    world.supervisor.objects.update(Machine, 'team-a/web', ({ metadata }) => {
      metadata!.annotations![NOTE] += `,${name}`;
    });
    world.supervisor.objects.delete(Machine, 'team-a/web');
    await pass(world);
    expect(world.machine('web')).to.equal(undefined);
    expect(secrets(world)).to.deep.equal([]);
  });

  it('of another Machine is left, whoever else notes its name', async () => {
    const world = await aMachinesWorld();
    world.create('a-b', { spec: SPEC });
    await pass(world);
    const [other] = secrets(world);
    expect(other).to.match(/^vm-a-b-cloud-init-/);
    world.create('b', { annotations: { [NOTE]: other! } });
    await pass(world);
    expect(secrets(world)).to.deep.equal([other]);
    expect(world.eventNotes('InvalidAnnotation')).to.have.length(1);
  });
});
