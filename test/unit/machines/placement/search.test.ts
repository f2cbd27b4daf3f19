import { expect } from 'chai';
import { Namespace, Secret } from '../../../../src/framework';
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
});
