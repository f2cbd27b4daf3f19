import { expect } from 'chai';
import { TcpFaultProxy } from '../../../src/framework/testing';
import { poll } from '../../harness/poll';
import { RemoteKubeVirt } from '../../harness/remote-kubevirt';
import { StewardCluster, type TestObject } from '../../harness/steward-cluster';
import { type ManagerProcess, startManager } from '../../harness/steward-processes';
import { eventsAbout } from '../../harness/wol-objects';

const NAMESPACE = 'default';

interface Config extends TestObject {
  metadata: TestObject['metadata'] & { annotations?: Record<string, string>; finalizers?: string[] };
  status?: {
    phase?: string;
    status?: string;
    message?: string;
    server?: string;
    clusterID?: string;
    kubeVirtVersion?: string;
    kubernetesVersion?: string;
    machines?: number;
    credentialsInUse?: { resourceVersion: string };
    observedCredentials?: { resourceVersion: string };
    conditions?: { type: string; status: string; reason: string; message: string }[];
  };
}

const config = (name: string, annotations?: Record<string, string>): TestObject => ({
  apiVersion: 'vitistack.io/v1alpha1',
  kind: 'KubevirtConfig',
  metadata: { name, namespace: NAMESPACE, ...(annotations === undefined ? {} : { annotations }) },
  spec: { name, kubeconfigSecretRef: `${name}-kubeconfig` },
});
const secret = (name: string, kubeconfig: string): TestObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: `${name}-kubeconfig`, namespace: NAMESPACE },
  data: { kubeconfig: Buffer.from(kubeconfig).toString('base64') },
});
const secretRef = (name: string): TestObject => ({ ...secret(name, ''), data: {} });

describe('KubevirtConfigs of a supervisor with two remote clusters', () => {
  let supervisor: StewardCluster;
  let east: RemoteKubeVirt;
  let west: RemoteKubeVirt;
  let proxy: TcpFaultProxy;
  let manager: ManagerProcess;

  const read = async (name: string): Promise<Config> => (await supervisor.api.get<Config>(config(name)))!;
  const untilTrue = (name: string, what: string, isIt: (found: Config) => boolean): Promise<Config> => {
    let last: Config | undefined;
    return poll(
      `KubevirtConfig ${name} ${what}`,
      async () => {
        last = await read(name);
        return isIt(last) ? last : undefined;
      },
      { intervalMs: 100, onTimeout: () => `${JSON.stringify(last)}\n${manager.process.log.slice(-4_000)}` },
    );
  };
  const until = (name: string, status: string): Promise<Config> =>
    untilTrue(name, `to be ${status}`, (found) => found.status?.status === status);
  const versionOf = async (name: string): Promise<unknown> => (await supervisor.api.get(secretRef(name)))!.metadata['resourceVersion'];
  const conditionOf = ({ status }: Config, type: string): string | undefined => {
    const found = status?.conditions?.find((condition) => condition.type === type);
    return found && `${found.status} ${found.reason}`;
  };
  const untilEvent = (name: string, reason: string): Promise<unknown> =>
    poll(
      `Event ${reason} about ${name}`,
      async () => (await eventsAbout(supervisor.api, 'KubevirtConfig', name)).find((event) => event.reason === reason),
      { intervalMs: 200 },
    );

  before(async () => {
    [supervisor, east, west] = await Promise.all([
      StewardCluster.start({ modules: 'machines', kubevirt: false }),
      RemoteKubeVirt.start(),
      RemoteKubeVirt.start(),
    ]);
    proxy = await TcpFaultProxy.start({ target: { host: '127.0.0.1', port: Number(new URL(east.controlPlane.server).port) } });
    manager = await startManager(supervisor, { env: { CLUSTER_CHECK_INTERVAL: '10s' } });
  });

  after(async () => {
    await manager?.process.stop();
    await proxy?.stop();
    await Promise.all([supervisor?.stop(), east?.stop(), west?.stop()]);
  });

  it('become Ready once their Secret is there, and tell server, versions and identity', async () => {
    await supervisor.api.apply(config('east'));
    expect((await until('east', 'SecretNotFound')).status).to.include({ phase: 'Invalid' });

    const server = `https://127.0.0.1:${proxy.port}`;
    await supervisor.api.apply(secret('east', await east.kubeconfig('virt-steward', server)));
    const ready = await until('east', 'Connected');

    expect(ready.status).to.include({ phase: 'Ready', message: '', server, clusterID: await east.id() });
    expect(ready.status).to.include({ kubeVirtVersion: 'v1.8.1', machines: 0 });
    expect(ready.status?.kubernetesVersion).to.match(/^v1\./);
    for (const [type, expected] of Object.entries({
      Ready: 'True Connected',
      CredentialsValid: 'True Valid',
      Connected: 'True Connected',
      KubeVirtAvailable: 'True Available',
      CDIAvailable: 'True Installed',
      PermissionsGranted: 'True Granted',
      CRDVersionsMatch: 'True Match',
    })) {
      expect(conditionOf(ready, type), type).to.equal(expected);
    }
  });

  it('show a malicious kubeconfig with the field and the remedy, and nothing of it is executed or contacted', async () => {
    const good = await west.kubeconfig();
    const evil = good.replace(/token: .*/, 'exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/false}');
    await supervisor.api.apply(secret('west', evil));
    await supervisor.api.apply(config('west'));
    const refused = await until('west', 'InvalidKubeconfig');

    expect(refused.status?.phase).to.equal('Invalid');
    expect(refused.status?.message).to.equal(
      'failed to create REST config from kubeconfig: kubeconfig of cluster west: uses exec; only a token or client certificate data is allowed',
    );
    expect(refused.status?.server).to.equal(undefined);

    await supervisor.api.apply(secret('west', good));
    expect((await until('west', 'Connected')).status?.clusterID).to.equal(await west.id());
  });

  it('stay Ready with the connection before when a new kubeconfig is bad, and say so', async () => {
    await supervisor.api.apply(secret('west', 'apiVersion: v1'));
    const found = await untilTrue(
      'west',
      'to have bad credentials',
      (config) => conditionOf(config, 'CredentialsValid')?.startsWith('False') === true,
    );

    expect(found.status).to.include({ phase: 'Ready', status: 'Connected' });
    expect(conditionOf(found, 'CredentialsValid')).to.equal('False InvalidKubeconfig');

    await supervisor.api.apply(secret('west', await west.kubeconfig()));
    await untilTrue('west', 'to have good credentials', (config) => conditionOf(config, 'CredentialsValid') === 'True Valid');
  });

  it('stay Ready with the credential before while the cluster refuses a new one, say so, and take a good one when it comes', async () => {
    const good = await west.kubeconfig();
    const before = await versionOf('west');
    await untilTrue('west', 'to use what its Secret holds', ({ status }) => status?.credentialsInUse?.resourceVersion === before);
    await supervisor.api.apply(secret('west', good.replace(/token: .*/, 'token: nobody')));
    const refused = await untilTrue('west', 'to have a credential that is refused', (found) => {
      return conditionOf(found, 'CredentialsValid') === 'False NotConnected';
    });
    expect(refused.status).to.include({ phase: 'Ready', status: 'Connected' });
    expect(refused.status?.conditions?.find(({ type }) => type === 'CredentialsValid')?.message).to.include('the cluster refuses the new');
    expect(refused.status?.credentialsInUse?.resourceVersion).to.equal(before);
    expect(refused.status?.observedCredentials?.resourceVersion).to.equal(await versionOf('west'));
    await untilEvent('west', 'CredentialsNotUsed');

    // Only who is let in can tell that KubeVirt has changed.
    await west.setKubeVirtAvailable('False');
    await until('west', 'KubeVirtNotReady');
    await west.setKubeVirtAvailable('True');
    await until('west', 'Connected');

    await supervisor.api.apply(secret('west', good));
    const version = await versionOf('west');
    const used = await untilTrue('west', 'to use the good one', ({ status }) => status?.credentialsInUse?.resourceVersion === version);
    expect(used.status).to.include({ phase: 'Ready', status: 'Connected' });
    expect(conditionOf(used, 'CredentialsValid')).to.equal('True Valid');
    const states = manager.process.logLines('cluster changed its state').filter(({ cluster }) => cluster === 'west');
    expect(states.map(({ state }) => state)).to.not.include('AuthFailed');
  });

  it('go on with replaced credentials after the old ones were revoked, without ever being lost', async () => {
    const server = `https://127.0.0.1:${proxy.port}`;
    await supervisor.api.apply(secret('east', await east.kubeconfig('virt-steward-next', server)));
    await untilEvent('east', 'CredentialsRotated');
    const before = await read('east');
    await east.revoke('virt-steward');

    // Checked again with the new credentials, several times.
    await east.setKubeVirtAvailable('False');
    expect((await until('east', 'KubeVirtNotReady')).status).to.include({
      phase: 'Unreachable',
      message: "Cluster 'east': KubeVirt CR is not in Ready state",
    });
    await east.setKubeVirtAvailable('True');
    await until('east', 'Connected');
    expect(conditionOf(before, 'CredentialsValid')).to.equal('True Valid');
    // Events of one object are sent one after the other.
    await untilEvent('east', 'RemoteRecovered');
    const events = await eventsAbout(supervisor.api, 'KubevirtConfig', 'east');
    expect(events.map(({ reason }) => reason)).to.not.include('CredentialsRejected');
  });

  it('are Invalid when their credentials are revoked, and recover with new ones', async () => {
    await west.revoke();
    const refused = await until('west', 'Unauthorized');
    expect(refused.status?.phase).to.equal('Invalid');
    expect(conditionOf(refused, 'CredentialsValid')).to.equal('False Unauthorized');
    await untilEvent('west', 'CredentialsRejected');

    await supervisor.api.apply(secret('west', await west.kubeconfig()));
    await until('west', 'Connected');
  });

  it('are Unreachable while packets are dropped, disturb no other cluster, and recover by themselves', async () => {
    proxy.halfOpen();
    const lost = await until('east', 'Disconnected');
    expect(lost.status).to.include({ phase: 'Unreachable' });
    expect(conditionOf(lost, 'Connected')).to.equal('False Disconnected');
    await untilEvent('east', 'RemoteUnreachable');

    await west.setKubeVirtAvailable('False');
    await until('west', 'KubeVirtNotReady');
    await west.setKubeVirtAvailable('True');
    await until('west', 'Connected');
    expect((await read('east')).status?.status).to.equal('Disconnected');

    proxy.heal();
    await until('east', 'Connected');
    await untilEvent('east', 'RemoteRecovered');
  });

  it('refuse to be another cluster than Machines were placed on, until somebody accepts it', async () => {
    const [oldId, newId] = [await west.id(), await east.id()];
    await supervisor.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team-a' } });
    await supervisor.api.apply({
      apiVersion: 'vitistack.io/v1alpha1',
      kind: 'Machine',
      metadata: { name: 'web', namespace: 'team-a' },
      spec: { provider: 'somebody-else' },
    });
    await supervisor.api.ask({
      method: 'PATCH',
      path: '/apis/vitistack.io/v1alpha1/namespaces/team-a/machines/web/status',
      body: { status: { kubevirtConfigRef: { name: 'west', namespace: NAMESPACE, clusterID: oldId, rule: 'Annotation' } } },
      contentType: 'application/merge-patch+json',
    });
    await supervisor.api.mergePatch(config('west'), { metadata: { annotations: { 'vitistack.io/cluster-id': oldId } } });
    await untilTrue('west', 'to count its Machine and be held', (found) => {
      return found.status?.machines === 1 && found.metadata.finalizers?.includes('kubevirtconfig.vitistack.io/finalizer') === true;
    });

    await supervisor.api.apply(secret('west', await east.kubeconfig('virt-steward-next')));
    const changed = await until('west', 'ClusterChanged');
    expect(changed.status?.message).to.equal(
      `KubevirtConfig west now points to cluster ${newId}, but 1 Machines were placed on cluster ${oldId}; set annotation vitistack.io/accept-cluster-id: ${newId} to accept it`,
    );
    await untilTrue('west', 'to be a duplicate', (found) => conditionOf(found, 'DuplicateCluster') === 'True SameCluster');

    await supervisor.api.mergePatch(config('west'), { metadata: { annotations: { 'vitistack.io/accept-cluster-id': newId } } });
    const accepted = await until('west', 'Connected');
    expect(accepted.metadata.annotations).to.deep.equal({ 'vitistack.io/cluster-id': newId });
  });

  it('cannot be deleted while a Machine is placed there, and go with the last one', async () => {
    await supervisor.api.delete(config('west'));
    const blocked = await untilTrue('west', 'to be blocked', (found) => conditionOf(found, 'DeletionBlocked') === 'True InUse');
    expect(blocked.status?.conditions?.find(({ type }) => type === 'DeletionBlocked')?.message).to.equal(
      '1 Machines are placed here: team-a/web',
    );

    await supervisor.api.delete({ apiVersion: 'vitistack.io/v1alpha1', kind: 'Machine', metadata: { name: 'web', namespace: 'team-a' } });
    await poll('KubevirtConfig west to be gone', async () => (await supervisor.api.get(config('west'))) === undefined);
  });

  it('are left when their Secret goes, and taken up again when it comes back', async () => {
    await supervisor.api.delete(secretRef('east'));
    await until('east', 'SecretNotFound');
    await poll('the cluster to be left', () =>
      manager.process.logLines('cluster was disengaged').some(({ cluster }) => cluster === 'east'),
    );

    await supervisor.api.apply(secret('east', await east.kubeconfig('virt-steward-next')));
    await until('east', 'Connected');
  });

  it('keep credentials out of status, Events and log', async () => {
    const [text, events] = [
      JSON.stringify(await read('east')),
      JSON.stringify(await eventsAbout(supervisor.api, 'KubevirtConfig', 'east')),
    ];
    for (const place of [text, events, manager.process.log]) expect(place).to.not.match(/eyJ[A-Za-z0-9_-]{10}/);
  });
});
