import { expect } from 'chai';
import { Secret } from '../../../../src/framework';
import { status } from '../../../../src/framework/testing';
import { KubevirtConfig } from '../../../../src/machines';
import { aClustersWorld, type ClustersWorld } from './clusters-world';

type Status = NonNullable<KubevirtConfig['status']>;

const statusOf = (world: ClustersWorld): Status => world.supervisor.objects.get(KubevirtConfig, 'default/east')!.status!;
const versionOf = (world: ClustersWorld): string =>
  world.supervisor.objects.get(Secret, 'default/east-kubeconfig')!.metadata!.resourceVersion!;
const credentialsValid = ({ conditions = [] }: Status): string | undefined =>
  conditions.find(({ type }) => type === 'CredentialsValid')?.status;

async function aConnectedWorld(): Promise<ClustersWorld> {
  const world = await aClustersWorld();
  world.secret('default', 'east-kubeconfig');
  world.config('east', 'default');
  await world.operator.advance(2_000);
  return world;
}

/** @returns the resourceVersion of the Secret then. */
async function replace(world: ClustersWorld, kubeconfig: string): Promise<string> {
  world.supervisor.objects.update(Secret, 'default/east-kubeconfig', (secret) => {
    secret.data = { kubeconfig: Buffer.from(kubeconfig).toString('base64') };
  });
  await world.operator.advance(2_000);
  return versionOf(world);
}

describe('the status of a KubevirtConfig', () => {
  it('names the Secret, as it was read, that the cluster was checked with', async () => {
    await using world = await aConnectedWorld();

    const origin = { namespace: 'default', name: 'east-kubeconfig', resourceVersion: versionOf(world) };
    // Connected; there is no KubeVirt, which takes nothing away from that.
    expect(statusOf(world)).to.deep.include({ status: 'KubeVirtNotReady', credentialsInUse: origin, observedCredentials: origin });
  });

  it('is not written again when the Secret changes and its kubeconfig does not', async () => {
    await using world = await aConnectedWorld();
    const before = statusOf(world);
    const writes = world.operator.writes().length;

    world.supervisor.objects.update(Secret, 'default/east-kubeconfig', (secret) => {
      secret.metadata!.labels = { of: 'somebody' };
    });
    await world.operator.advance(60_000);

    expect(versionOf(world)).to.not.equal(before.credentialsInUse?.resourceVersion);
    expect(statusOf(world)).to.deep.equal(before);
    expect(world.operator.writes().length).to.equal(writes);
  });

  it('names another token when the cluster was checked with it', async () => {
    await using world = await aConnectedWorld();
    const now = await replace(world, world.remote.kubeconfig('another-token'));

    expect(statusOf(world).credentialsInUse?.resourceVersion).to.equal(now);
    expect(statusOf(world).observedCredentials?.resourceVersion).to.equal(now);
  });

  it('goes on naming the token before while a new one is refused', async () => {
    await using world = await aConnectedWorld();
    const before = versionOf(world);
    world.remote.faults.add({ on: {}, do: status(401), times: 10_000 });
    const now = await replace(world, world.remote.kubeconfig('bad-token'));

    expect(statusOf(world)).to.include({ phase: 'Invalid', status: 'Unauthorized' });
    expect(statusOf(world).credentialsInUse?.resourceVersion).to.equal(before);
    expect(statusOf(world).observedCredentials?.resourceVersion).to.equal(now);
    expect(credentialsValid(statusOf(world))).to.equal('False');
  });

  it('goes on naming the kubeconfig before, and its server, while a new one may not be used', async () => {
    await using world = await aConnectedWorld();
    const before = versionOf(world);
    const now = await replace(world, 'apiVersion: v1');

    expect(statusOf(world)).to.include({ status: 'KubeVirtNotReady', server: world.remote.url });
    expect(statusOf(world).credentialsInUse?.resourceVersion).to.equal(before);
    expect(statusOf(world).observedCredentials?.resourceVersion).to.equal(now);
    expect(credentialsValid(statusOf(world))).to.equal('False');
  });

  it('names another server only after its connection has taken over', async () => {
    await using world = await aConnectedWorld();
    const before = versionOf(world);
    const nowhere = world.remote.kubeconfig('token').replace(world.remote.url, 'https://127.0.0.1:1');
    const lost = await replace(world, nowhere);
    expect(statusOf(world)).to.include({ status: 'KubeVirtNotReady', server: world.remote.url });
    expect(statusOf(world).credentialsInUse?.resourceVersion).to.equal(before);
    expect(statusOf(world).observedCredentials?.resourceVersion).to.equal(lost);

    const server = world.remote.url.replace('127.0.0.1', 'localhost');
    const now = await replace(world, world.remote.kubeconfig('token').replace(world.remote.url, server));
    await world.operator.advance(10_000);
    expect(statusOf(world)).to.include({ status: 'KubeVirtNotReady', server });
    expect(statusOf(world).credentialsInUse?.resourceVersion).to.equal(now);
  });

  it('names what was put back after something that does not connect', async () => {
    await using world = await aConnectedWorld();
    const good = world.remote.kubeconfig('token');
    await replace(world, good.replace(world.remote.url, 'https://127.0.0.1:1'));
    const now = await replace(world, good);

    const { credentialsInUse, observedCredentials } = statusOf(world);
    expect(observedCredentials?.resourceVersion).to.equal(now);
    expect(credentialsInUse).to.deep.equal(observedCredentials);
  });
});
