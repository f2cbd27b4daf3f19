import { expect } from 'chai';
import { Namespace } from '../../../../src/framework';
import { KubevirtConfig } from '../../../../src/machines/kinds';
import { aMachinesWorld, endMachinesWorlds, type MachinesWorld } from '../passes/machines-world';

describe('a KubevirtConfig that is made anew', function () {
  this.timeout(300_000);
  afterEach(endMachinesWorlds);

  const idOf = ({ remotes }: MachinesWorld, name: string): string =>
    remotes[name]!.objects.get(Namespace, 'kube-system')?.metadata?.uid ?? '';
  const config = ({ supervisor }: MachinesWorld): KubevirtConfig | undefined => supervisor.objects.get(KubevirtConfig, 'default/east');
  const condition = (world: MachinesWorld, type: string): string => {
    const found = world.machine('web')?.status?.conditions?.find((candidate) => candidate.type === type);
    return `${found?.status} ${found?.reason}`;
  };
  /** A Machine on cluster east, whose config was given up and is made anew, with the kubeconfig of this cluster. */
  const anew = async (to: string): Promise<MachinesWorld> => {
    const world = await aMachinesWorld({ remotes: ['east', 'west'] });
    world.create('web', { annotations: { 'vitistack.io/kubevirt-config': 'east' } });
    await world.operator.advance(5_000);
    expect(world.machine('web')?.status?.kubevirtConfigRef?.clusterID).to.equal(idOf(world, 'east'));
    world.supervisor.objects.update(KubevirtConfig, 'default/east', ({ metadata }) => {
      metadata!.annotations = { ...metadata!.annotations, 'vitistack.io/deletion-policy': 'orphan' };
    });
    world.supervisor.objects.delete(KubevirtConfig, 'default/east');
    await world.operator.advance(5_000);
    expect(config(world)).to.equal(undefined);
    world.supervisor.objects.create(KubevirtConfig, {
      metadata: { name: 'east', namespace: 'default' },
      spec: { name: 'east', kubeconfigSecretRef: `${to}-kubeconfig` },
    });
    await world.operator.advance(20_000);
    return world;
  };

  it('serves the Machines that were placed on its cluster', async () => {
    const world = await anew('east');
    expect(condition(world, 'RemoteUnreachable')).to.equal('False Reachable');
    expect(config(world)?.metadata?.annotations).to.include({ 'vitistack.io/cluster-id': idOf(world, 'east') });
  });

  it('leads no Machine to another cluster than it was placed on before somebody accepts that', async () => {
    const world = await anew('west');
    const [old, now] = [idOf(world, 'east'), idOf(world, 'west')];
    expect(world.vm('west', 'vm-web')).to.equal(undefined);
    expect(config(world)?.status).to.include({ status: 'ClusterChanged' });
    expect(config(world)?.status?.message).to.equal(
      `KubevirtConfig east now points to cluster ${now}, but 1 Machines were placed on cluster ${old}; set annotation vitistack.io/accept-cluster-id: ${now} to accept it`,
    );
    expect(config(world)?.metadata?.annotations ?? {}).to.not.have.property('vitistack.io/cluster-id');
    expect(condition(world, 'RemoteUnreachable')).to.equal('True ClusterChanged');

    world.supervisor.objects.update(KubevirtConfig, 'default/east', ({ metadata }) => {
      metadata!.annotations = { ...metadata!.annotations, 'vitistack.io/accept-cluster-id': now };
    });
    await world.operator.advance(20_000);
    expect(world.vm('west', 'vm-web')).to.not.equal(undefined);
    expect(world.machine('web')?.status?.kubevirtConfigRef?.clusterID).to.equal(now);
    expect(config(world)?.metadata?.annotations).to.deep.equal({ 'vitistack.io/cluster-id': now });
  });
});
