import { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'chai';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane';
import {
  ClusterRegistry,
  ConfigMap,
  createContainer,
  createOperator,
  Handler,
  type KubeClient,
  type KubernetesObject,
  Reconcile,
  type ReconcileContext,
  type StewardOperator,
} from '../../../src/framework';
import { Namespace } from '../../../src/framework/kinds/core-kinds';
import { poll } from '../../harness/poll';

const seen: string[] = [];

@Handler()
class Shelf {
  constructor(readonly clusters: ClusterRegistry) {
    registry = clusters;
  }

  @Reconcile(ConfigMap, { clusters: 'remotes', select: { namespaces: ['shared'] } })
  async reconcile(map: KubernetesObject & { data?: Record<string, string> }, ctx: ReconcileContext): Promise<void> {
    const { name } = map.metadata!;
    if (map.data?.['written'] === 'yes' || name === 'kube-root-ca.crt') return;
    await ctx.client.patch(ConfigMap, ctx.key, [{ op: 'add', path: '/data', value: { written: 'yes' } }]);
    seen.push(`${ctx.cluster.name} ${name}`);
  }
}

let registry: ClusterRegistry;

describe('two real clusters', function () {
  this.timeout(180_000);
  let home: ControlPlane;
  let remote: ControlPlane;
  let operator: StewardOperator;

  const post = (path: string, body: object): Promise<{ status: number; body: unknown }> => remote.request({ method: 'POST', path, body });
  const put = (name: string): Promise<unknown> =>
    post('/api/v1/namespaces/shared/configmaps', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
  const account = async (): Promise<string> => {
    const created = await post('/api/v1/namespaces/shared/serviceaccounts', {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'steward' },
    });
    expect(created.status).to.equal(201);
    return remote.serviceAccountKubeconfig('shared', 'steward');
  };
  const state = (): string | undefined => registry.get('remote')?.health.state;
  const health = { probeIntervalMs: 1_000, failures: 2, retryMs: 500, maxRetryMs: 1_000 };
  const options = { health, namespaces: ['shared'] };
  const reached = (name: string): Promise<boolean> =>
    poll(`${name} was handled`, () => seen.includes(`remote ${name}`), { timeoutMs: 60_000 });

  before(async () => {
    [home, remote] = await Promise.all([startControlPlane({ controllerManager: false }), startControlPlane({ controllerManager: false })]);
    await post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shared' } });
    await post('/apis/rbac.authorization.k8s.io/v1/namespaces/shared/roles', {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'steward' },
      rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch', 'patch'] }],
    });
    await post('/apis/rbac.authorization.k8s.io/v1/namespaces/shared/rolebindings', {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'steward' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'steward' },
      subjects: [{ kind: 'ServiceAccount', name: 'steward', namespace: 'shared' }],
    });
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromString(home.kubeconfig);
    operator = await createOperator({ name: 'test', handlers: [Shelf], kubeConfig, container: createContainer() });
    await operator.start();
  });

  after(async () => {
    await operator?.stop();
    await Promise.all([home?.stop(), remote?.stop()]);
  });

  it('a change over there reaches a handler here, which writes back', async () => {
    await put('first');
    const cluster = await registry.engage('remote', await account(), options);
    await reached('first');
    await put('second');
    await reached('second');

    expect(cluster.version).to.match(/^v1\.\d+/);
    const { body } = await remote.request({ path: '/api/v1/namespaces/shared/configmaps/second' });
    expect((body as { data?: unknown }).data).to.deep.equal({ written: 'yes' });
  });

  it('an outage over there leaves the cache readable and is made up for', async () => {
    const cluster = registry.get('remote')!;
    await remote.stopApiServer();
    await poll('Unreachable', () => state() === 'Unreachable', { timeoutMs: 30_000 });
    expect(cluster.store(ConfigMap).get('shared/first')).not.to.equal(undefined);
    const refused = await cluster.client.find(ConfigMap, 'shared/first').catch((error: unknown) => error);
    expect(refused).to.include({ code: 'CLUSTER_UNAVAILABLE' });
    const { client }: { client: KubeClient } = registry.local;
    expect(await client.find(Namespace, 'default')).not.to.equal(undefined);

    await remote.startApiServer();
    await poll('Ready', () => state() === 'Ready', { timeoutMs: 60_000 });
    await put('third');
    await reached('third');
  });

  it('a revoked token is noticed, and a new one is swapped in', async () => {
    const deleted = await remote.request({ method: 'DELETE', path: '/api/v1/namespaces/shared/serviceaccounts/steward' });
    expect(deleted.status).to.equal(200);
    await poll('AuthFailed', () => state() === 'AuthFailed', { timeoutMs: 90_000 });

    await registry.engage('remote', await account(), options);
    await poll('Ready', () => state() === 'Ready', { timeoutMs: 30_000 });
    await put('fourth');
    await reached('fourth');
  });

  it('a disengaged cluster is left alone', async () => {
    await registry.disengage('remote');
    expect(registry.get('remote')).to.equal(undefined);
    await put('fifth');
    expect((await remote.request({ path: '/api/v1/namespaces/shared/configmaps/fifth' })).status).to.equal(200);
    expect(seen).to.deep.equal(['remote first', 'remote second', 'remote third', 'remote fourth']);
  });
});
