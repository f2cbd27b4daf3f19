import { expect } from 'chai';
import { status } from '../../../../src/framework/testing';
import { MACHINE_FINALIZER } from '../../../../src/machines/keys';
import { Machine, NetworkConfiguration } from '../../../../src/machines/kinds';
import { aMachinesWorld, endMachinesWorlds, type MachinesWorld } from './machines-world';

const ELSEWHERE = { provider: 'proxmox' };
const ALWAYS = Number.POSITIVE_INFINITY;

describe('a Machine of another provider', function () {
  this.timeout(300_000);
  afterEach(endMachinesWorlds);

  const pass = (world: MachinesWorld): Promise<void> => world.operator.advance(2_000);
  const finalizers = (world: MachinesWorld): readonly string[] | undefined => world.machine('web')?.metadata?.finalizers;
  const condition = (world: MachinesWorld, type: string): string => {
    const found = world.machine('web')?.status?.conditions?.find((candidate) => candidate.type === type);
    return `${found?.status} ${found?.reason}`;
  };
  /** As anybody does it, so that the server knows who has set what. */
  const send = async ({ supervisor }: MachinesWorld, method: string, path: string, body: object): Promise<void> => {
    const response = await fetch(`${supervisor.url}/apis/vitistack.io/v1alpha1/namespaces/team-a/machines${path}`, {
      method,
      headers: { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' },
      body: JSON.stringify(body),
    });
    expect(response.ok, await response.text()).to.equal(true);
  };
  const create = (world: MachinesWorld): Promise<void> =>
    send(world, 'POST', '', {
      ...{ apiVersion: 'vitistack.io/v1alpha1', kind: 'Machine' },
      metadata: { name: 'web', namespace: 'team-a' },
      spec: { instanceType: 'small' },
    });
  const toProxmox = (world: MachinesWorld): Promise<void> => send(world, 'PATCH', '/web', { spec: ELSEWHERE });

  it('keeps the finalizer that its own operator has set, whose name all of them share, and everything else while it is deleted', async () => {
    const world = await aMachinesWorld();
    const { metadata } = world.supervisor.objects.create(Machine, {
      metadata: { name: 'web', namespace: 'team-a', finalizers: [MACHINE_FINALIZER] },
      spec: ELSEWHERE,
    });
    const owner = { apiVersion: 'vitistack.io/v1alpha1', kind: 'Machine', name: 'web', uid: metadata?.uid ?? '', controller: true };
    world.supervisor.objects.create(NetworkConfiguration, {
      metadata: { name: 'web', namespace: 'team-a', ownerReferences: [owner] },
      spec: { name: 'web' },
    });
    await pass(world);
    expect(finalizers(world)).to.deep.equal([MACHINE_FINALIZER]);

    world.supervisor.objects.delete(Machine, 'team-a/web');
    await world.operator.advance(60_000);
    expect(finalizers(world)).to.deep.equal([MACHINE_FINALIZER]);
    expect(world.supervisor.objects.get(NetworkConfiguration, 'team-a/web')).to.not.equal(undefined);
    expect(world.machine('web')?.status).to.equal(undefined);
    expect(world.log.lines.filter(({ message }) => message.includes('was set by somebody else'))).to.have.length(1);
  });

  for (const isDeleted of [false, true])
    it(`loses the finalizer that we set before it was placed${isDeleted ? ', also when it is being deleted' : ''}`, async () => {
      const world = await aMachinesWorld();
      const fault = world.supervisor.faults.add({
        on: { verb: 'patch', when: ({ path }) => path.endsWith('/machines/web/status') },
        do: status(500),
        times: ALWAYS,
      });
      await create(world);
      await pass(world);
      expect(finalizers(world)).to.deep.equal([MACHINE_FINALIZER]);
      await toProxmox(world);
      if (isDeleted) world.supervisor.objects.delete(Machine, 'team-a/web');
      fault.remove();
      await world.operator.advance(30_000);
      if (isDeleted) expect(world.machine('web')).to.equal(undefined);
      else expect(finalizers(world) ?? []).to.deep.equal([]);
    });

  it('keeps our finalizer while it may have objects on a cluster that has not answered', async () => {
    const world = await aMachinesWorld();
    await create(world);
    await pass(world);
    await world.operator.kill();
    await send(world, 'PATCH', '/web/status', { status: null });
    await toProxmox(world);
    expect(world.machine('web')?.status?.kubevirtConfigRef).to.equal(undefined);
    const fault = world.remotes['east']!.faults.add({ on: {}, do: status(503), times: ALWAYS });
    await world.operator.restart();
    await world.operator.advance(30_000);
    expect(finalizers(world)).to.deep.equal([MACHINE_FINALIZER]);

    fault.remove();
    world.supervisor.objects.delete(Machine, 'team-a/web');
    await world.operator.advance(60_000);
    expect(world.machine('web')).to.equal(undefined);
    expect(world.vm('east', 'vm-web')).to.equal(undefined);
  });

  it('that is placed goes on to show how its virtual machine was, and says that the change is refused', async () => {
    const world = await aMachinesWorld();
    await create(world);
    await pass(world);
    world.run('east', 'vm-web');
    await pass(world);
    const { conditions: _, observedGeneration: _judged, ...before } = world.machine('web')?.status ?? {};
    await toProxmox(world);
    await pass(world);
    expect(condition(world, 'PlacementImmutable')).to.equal('True ProviderChangeRefused');
    expect(condition(world, 'Ready')).to.equal('True Running');
    const { conditions: __, observedGeneration: ___, ...after } = world.machine('web')?.status ?? {};
    expect(after).to.deep.equal(before);
  });
});
