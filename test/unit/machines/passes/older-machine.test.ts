import { expect } from 'chai';
import type { KubernetesObject } from '../../../../src/framework';
import { status } from '../../../../src/framework/testing';
import { CONFIG_FINALIZER, MACHINE_FINALIZER } from '../../../../src/machines/keys';
import { KubevirtConfig, Machine, NetworkConfiguration } from '../../../../src/machines/kinds';
import { RemoteVirtualMachine } from '../../../../src/machines/virtual-machine/remote-objects';
import { aMachinesWorld, endMachinesWorlds, type MachinesWorld } from './machines-world';

/** What the older operator writes on its objects with MANAGED_BY=acme, which the manager of these tests has too. */
const LABELS = { 'managed-by': 'acme', 'source-machine': 'web' };
const OLD_VM = { metadata: { name: 'vm-web', namespace: 'team-a', labels: LABELS }, spec: { runStrategy: 'Always' } };
const ALWAYS = Number.POSITIVE_INFINITY;

describe('a Machine with the finalizer and without a record', function () {
  this.timeout(300_000);
  afterEach(endMachinesWorlds);

  /** The manager is not running yet, and cluster west answers nobody. */
  const aWorld = async (metadata: KubernetesObject['metadata'], state?: Machine['status']): Promise<MachinesWorld> => {
    const world = await aMachinesWorld({ remotes: ['east', 'west'], env: { MANAGED_BY: 'acme' } });
    await world.operator.kill();
    world.remotes['west']!.faults.add({ on: {}, do: status(503, { message: 'away' }), times: ALWAYS });
    world.supervisor.objects.create(Machine, {
      metadata: { name: 'web', namespace: 'team-a', finalizers: [MACHINE_FINALIZER], ...metadata },
      ...(state === undefined ? {} : { status: state }),
    });
    return world;
  };
  const reserve = ({ supervisor }: MachinesWorld, labels?: Record<string, string>): void => {
    supervisor.objects.create(NetworkConfiguration, {
      metadata: { name: 'web', namespace: 'team-a', ...(labels === undefined ? {} : { labels }) },
      spec: { name: 'web', networkInterfaces: [{ name: 'eth0', macAddress: '02:00:00:00:00:01' }] },
    });
  };
  const NAMED = { annotations: { 'vitistack.io/kubevirt-config': 'east' } };

  it('is placed where its annotation says, and waits for no other cluster, when the older operator made it', async () => {
    const world = await aWorld(NAMED, { phase: 'Running', state: 'Running' });
    reserve(world, LABELS);
    world.remotes['east']!.objects.create(RemoteVirtualMachine, OLD_VM);
    await world.operator.restart();
    await world.operator.advance(20_000);
    expect(world.machine('web')?.status?.kubevirtConfigRef).to.include({ name: 'east', rule: 'Annotation' });
  });

  it('takes a virtual machine of the older operator along that never ran', async () => {
    const world = await aWorld(NAMED, { phase: 'Pending', state: 'Scheduling' });
    reserve(world, LABELS);
    world.remotes['east']!.objects.create(RemoteVirtualMachine, OLD_VM);
    world.supervisor.objects.delete(Machine, 'team-a/web');
    await world.operator.restart();
    await world.operator.advance(30_000);
    expect(world.machine('web')).to.equal(undefined);
    expect(world.vm('east', 'vm-web')).to.equal(undefined);
  });

  for (const [what, state] of [
    ['failed to be placed', { phase: 'Failed', state: 'Failed' }],
    ['has no status at all', undefined],
  ] as const)
    it(`goes at once, with an address reserved by hand and a silent cluster, when it ${what}`, async () => {
      const world = await aWorld({}, state);
      reserve(world);
      world.supervisor.objects.delete(Machine, 'team-a/web');
      await world.operator.restart();
      await world.operator.advance(5_000);
      expect(world.machine('web')).to.equal(undefined);
    });

  it('does not hold the config of a silent cluster', async () => {
    const world = await aWorld({ annotations: { 'vitistack.io/kubevirt-config': 'mistyped' } }, { phase: 'Failed', state: 'Failed' });
    reserve(world);
    world.supervisor.objects.update(KubevirtConfig, 'default/west', ({ metadata }) => {
      metadata!.finalizers = [CONFIG_FINALIZER];
    });
    world.supervisor.objects.delete(KubevirtConfig, 'default/west');
    await world.operator.restart();
    await world.operator.advance(30_000);
    expect(world.supervisor.objects.get(KubevirtConfig, 'default/west')).to.equal(undefined);
  });
});
