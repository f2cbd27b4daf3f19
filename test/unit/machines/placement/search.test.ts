import { expect } from 'chai';
import { Namespace, Secret } from '../../../../src/framework';
import { type Fault, stall, status } from '../../../../src/framework/testing';
import { KubevirtConfig } from '../../../../src/machines/kinds';
import { RemoteVirtualMachine } from '../../../../src/machines/virtual-machine/remote-objects';
import { aMachinesWorld, endMachinesWorlds, type MachinesWorld } from '../passes/machines-world';

describe('the search for the virtual machine of a Machine', function () {
  this.timeout(300_000);
  afterEach(endMachinesWorlds);

  /** A second config for the cluster of the first. */
  const connectAgain = (world: MachinesWorld, name: string, to: string): void => {
    const { data = {} } = world.supervisor.objects.get(Secret, `default/${to}-kubeconfig`) as Secret & { data?: Record<string, string> };
    world.supervisor.objects.create(Secret, { metadata: { name: `${name}-kubeconfig`, namespace: 'default' }, data });
    world.supervisor.objects.create(KubevirtConfig, {
      metadata: { name, namespace: 'default' },
      spec: { name, kubeconfigSecretRef: `${name}-kubeconfig` },
    });
  };

  it('counts a cluster that two configs lead to once, under the smaller name', async () => {
    const world = await aMachinesWorld({ remotes: ['east', 'west'] });
    connectAgain(world, 'far-east', 'east');
    await world.operator.advance(5_000);
    const east = world.remotes['east']!.objects;
    expect(east.get(Namespace, 'kube-system')).to.not.equal(undefined);
    const labels = { 'managed-by': 'kubevirt-operator', 'source-machine': 'web' };
    east.create(RemoteVirtualMachine, { metadata: { name: 'vm-web', namespace: 'team-a', labels }, spec: {} });

    world.create('web');
    await world.operator.advance(5_000);
    expect(world.machine('web')?.status?.kubevirtConfigRef).to.include({ name: 'east', rule: 'Search' });
  });

  /** Two configs for one cluster with the machine, a third cluster without, and a manager that starts while a Machine is there. */
  const restartedWith = async (faultOf: Fault, times: number): Promise<MachinesWorld & { mend(): void }> => {
    const world = await aMachinesWorld({ remotes: ['east', 'west'] });
    connectAgain(world, 'far-east', 'east');
    await world.operator.advance(5_000);
    await world.operator.kill();
    const east = world.remotes['east']!;
    const labels = { 'managed-by': 'kubevirt-operator', 'source-machine': 'web' };
    east.objects.create(RemoteVirtualMachine, { metadata: { name: 'vm-web', namespace: 'team-a', labels }, spec: {} });
    world.create('web');
    const fault = east.faults.add({ on: { when: ({ path }) => path === '/api/v1/namespaces/kube-system' }, do: faultOf, times });
    await world.operator.restart();
    return { ...world, mend: () => fault.remove() };
  };

  it('calls one machine no duplicate before it is known that two configs lead to one cluster', async () => {
    const world = await restartedWith(status(500), Number.POSITIVE_INFINITY);
    await world.operator.advance(1_000);
    const placed = world.machine('web')?.status?.conditions?.find(({ type }) => type === 'Placed');
    expect(`${placed?.status} ${placed?.reason}`).to.equal('Unknown SearchIncomplete');
    expect(placed?.message).to.contain('could not search east, far-east');

    world.mend();
    // Before the search is repeated: the check tells.
    await world.operator.advance(12_000);
    expect(world.machine('web')?.status?.kubevirtConfigRef).to.include({ name: 'east', rule: 'Search' });
    expect(world.eventNotes('PlacementFailed')).to.deep.equal([]);
  });

  it('does not wait for a check where the clusters themselves tell which they are', async () => {
    const world = await restartedWith(stall(), 2);
    await world.operator.advance(1_000);
    expect(world.machine('web')?.status?.kubevirtConfigRef).to.include({ name: 'east', rule: 'Search' });
  });
});
