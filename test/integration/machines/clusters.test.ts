import { expect } from 'chai';
import { poll } from '../../harness/poll';
import { RemoteKubeVirt } from '../../harness/remote-kubevirt';
import { StewardCluster, type TestObject } from '../../harness/steward-cluster';
import { type ManagerProcess, startManager } from '../../harness/steward-processes';

const NAMESPACE = 'default';

interface Config extends TestObject {
  status?: {
    phase?: string;
    status?: string;
    message?: string;
    server?: string;
    clusterID?: string;
    kubeVirtVersion?: string;
    kubernetesVersion?: string;
    machines?: number;
    conditions?: { type: string; status: string; reason: string; message: string }[];
  };
}

const config = (name: string, annotations: Record<string, string> = {}): TestObject => ({
  apiVersion: 'vitistack.io/v1alpha1',
  kind: 'KubevirtConfig',
  metadata: { name, namespace: NAMESPACE, annotations },
  spec: { name, kubeconfigSecretRef: `${name}-kubeconfig` },
});
const secret = (name: string, kubeconfig: string): TestObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: `${name}-kubeconfig`, namespace: NAMESPACE },
  data: { kubeconfig: Buffer.from(kubeconfig).toString('base64') },
});

describe('KubevirtConfigs of a supervisor with two remote clusters', function () {
  this.timeout(240_000);
  let supervisor: StewardCluster;
  let east: RemoteKubeVirt;
  let west: RemoteKubeVirt;
  let manager: ManagerProcess;

  const read = async (name: string): Promise<Config> => (await supervisor.api.get<Config>(config(name)))!;
  const until = (name: string, status: string): Promise<Config> =>
    poll(
      `KubevirtConfig ${name} to be ${status}`,
      async () => {
        const found = await read(name);
        return found.status?.status === status ? found : undefined;
      },
      { timeoutMs: 90_000, intervalMs: 100, onTimeout: () => manager.process.log.slice(-6_000) },
    );
  const conditionOf = ({ status }: Config, type: string): string | undefined => {
    const found = status?.conditions?.find((condition) => condition.type === type);
    return found && `${found.status} ${found.reason}`;
  };

  before(async () => {
    [supervisor, east, west] = await Promise.all([
      StewardCluster.start({ kubevirt: false }),
      RemoteKubeVirt.start(),
      RemoteKubeVirt.start(),
    ]);
    manager = await startManager(supervisor, { modules: 'machines' });
  });

  after(async () => {
    await manager?.process.stop();
    await Promise.all([supervisor?.stop(), east?.stop(), west?.stop()]);
  });

  it('become Ready once their Secret is there, and tell server, versions and identity', async () => {
    await supervisor.api.apply(config('east'));
    expect((await until('east', 'SecretNotFound')).status).to.include({ phase: 'Invalid' });

    await supervisor.api.apply(secret('east', await east.kubeconfig()));
    const ready = await until('east', 'Connected');

    expect(ready.status).to.include({ phase: 'Ready', message: '', server: east.controlPlane.server, clusterID: await east.id() });
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
});
