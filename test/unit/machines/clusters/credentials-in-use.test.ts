import { expect } from 'chai';
import { Secret } from '../../../../src/framework';
import { KubevirtConfig } from '../../../../src/machines';
import { aClustersWorld, type ClustersWorld } from './clusters-world';

type Status = NonNullable<KubevirtConfig['status']>;
type Condition = NonNullable<Status['conditions']>[number];

const statusOf = (world: ClustersWorld): Status => world.supervisor.objects.get(KubevirtConfig, 'default/east')!.status!;
const versionOf = (world: ClustersWorld): string =>
  world.supervisor.objects.get(Secret, 'default/east-kubeconfig')!.metadata!.resourceVersion!;
const credentialsValid = ({ conditions = [] }: Status): Condition | undefined => conditions.find(({ type }) => type === 'CredentialsValid');
const eventNotes = ({ supervisor }: ClustersWorld, reason: string): string[] =>
  supervisor.journal
    .writes()
    .filter(({ path, body }) => path.includes('/events') && (body as { reason?: string } | undefined)?.reason === reason)
    .map(({ body }) => (body as { note?: string }).note ?? '');

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
    expect(eventNotes(world, 'CredentialsRotated')).to.deep.equal(['another kubeconfig is in use']);
  });

  it('says that a new token is refused, and goes on with the one before', async () => {
    await using world = await aConnectedWorld();
    const before = versionOf(world);
    world.remote.auth.addUser({ token: 'token', name: 'steward' });
    const now = await replace(world, world.remote.kubeconfig('bad-token'));

    // The cluster is as it was: there is no KubeVirt.
    expect(statusOf(world)).to.include({ status: 'KubeVirtNotReady' });
    expect(statusOf(world).credentialsInUse?.resourceVersion).to.equal(before);
    expect(statusOf(world).observedCredentials?.resourceVersion).to.equal(now);
    expect(credentialsValid(statusOf(world))).to.deep.include({ status: 'False', reason: 'NotConnected' });
    const said = credentialsValid(statusOf(world))?.message;
    expect(said).to.include('the cluster refuses the new credential, the one before stays in use: ');
    await world.operator.advance(120_000);
    expect(statusOf(world)).to.include({ status: 'KubeVirtNotReady' });
    world.supervisor.objects.update(KubevirtConfig, 'default/east', (config) => {
      config.spec.name = 'looked-at-again';
    });
    await world.operator.advance(2_000);
    expect(await world.rotations('refused')).to.equal(1);
    expect(await world.rotations('used')).to.equal(0);
    expect(eventNotes(world, 'CredentialsNotUsed')).to.deep.equal([said]);
    expect(eventNotes(world, 'CredentialsRotated')).to.deep.equal([]);
  });

  it('names a token that was refused once the cluster has come to know it', async () => {
    await using world = await aConnectedWorld();
    world.remote.auth.addUser({ token: 'token', name: 'steward' });
    const now = await replace(world, world.remote.kubeconfig('late-token'));
    world.remote.auth.addUser({ token: 'late-token', name: 'steward' });
    await world.operator.advance(60_000);

    expect(statusOf(world).credentialsInUse?.resourceVersion).to.equal(now);
    expect(credentialsValid(statusOf(world))).to.deep.include({ status: 'True', reason: 'Valid' });
    expect(eventNotes(world, 'CredentialsRotated')).to.have.length(1);
    expect(await world.rotations('used')).to.equal(1);
  });

  it('is Unauthorized when the token in use is revoked after a new one was refused, until either is let in', async () => {
    await using world = await aConnectedWorld();
    world.remote.auth.addUser({ token: 'token', name: 'steward' });
    const now = await replace(world, world.remote.kubeconfig('late-token'));
    world.remote.auth.revoke('token');
    await world.operator.advance(60_000);
    expect(statusOf(world)).to.include({ phase: 'Invalid', status: 'Unauthorized' });
    expect(credentialsValid(statusOf(world))).to.deep.include({ status: 'False', reason: 'NotConnected' });

    world.remote.auth.addUser({ token: 'late-token', name: 'steward' });
    await world.operator.advance(60_000);
    expect(statusOf(world)).to.include({ status: 'KubeVirtNotReady' });
    expect(statusOf(world).credentialsInUse?.resourceVersion).to.equal(now);
  });

  it('goes on naming the kubeconfig before, and its server, while a new one may not be used', async () => {
    await using world = await aConnectedWorld();
    const before = versionOf(world);
    const now = await replace(world, 'apiVersion: v1');

    expect(statusOf(world)).to.include({ status: 'KubeVirtNotReady', server: world.remote.url });
    expect(statusOf(world).credentialsInUse?.resourceVersion).to.equal(before);
    expect(statusOf(world).observedCredentials?.resourceVersion).to.equal(now);
    expect(credentialsValid(statusOf(world))?.status).to.equal('False');
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
