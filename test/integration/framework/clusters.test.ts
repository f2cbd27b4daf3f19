import { readFileSync } from 'node:fs';
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
import { kubeconfigText, TcpFaultProxy } from '../../../src/framework/testing';
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
/** Why each run of the caller was made. */
const calls: string[] = [];
/** Runs of the caller whose call was answered. */
let answered = 0;

/** An object here that needs a cluster over there. */
@Handler()
class Caller {
  @Reconcile(ConfigMap, { select: { namespaces: ['callers'] }, resyncMs: 0 })
  async reconcile(_map: KubernetesObject, ctx: ReconcileContext): Promise<void> {
    calls.push([...ctx.reasons].join());
    await ctx.clusters.get('far')?.client.find(ConfigMap, 'shared/none');
    answered++;
  }
}

/** A probe that came late makes it Degraded, which takes nothing from it. */
const WORKING = ['Ready', 'Degraded'];

describe('two real clusters', () => {
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
  /** As the API server has logged them. */
  const listsOfMaps = (): number =>
    readFileSync(remote.auditLog, 'utf8')
      .split('\n')
      .filter((line) => line.includes('"verb":"list"') && line.includes('/configmaps')).length;
  const state = (): string | undefined => registry.get('remote')?.health.state;
  const health = { probeIntervalMs: 1_000, failures: 2, retryMs: 500, maxRetryMs: 1_000 };
  const options = { health, namespaces: ['shared'] };
  const reached = (name: string): Promise<boolean> => poll(`${name} was handled`, () => seen.includes(`remote ${name}`));

  before(async () => {
    const auditUsers = ['system:serviceaccount:shared:steward'];
    [home, remote] = await Promise.all([
      startControlPlane({ controllerManager: false }),
      startControlPlane({ controllerManager: false, auditUsers }),
    ]);
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
    operator = await createOperator({ name: 'test', handlers: [Shelf, Caller], kubeConfig, container: createContainer() });
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
    await poll('Unreachable', () => state() === 'Unreachable');
    expect(cluster.store(ConfigMap).get('shared/first')).not.to.equal(undefined);
    const refused = await cluster.client.find(ConfigMap, 'shared/first').catch((error: unknown) => error);
    expect(refused).to.include({ code: 'CLUSTER_UNAVAILABLE' });
    const { client }: { client: KubeClient } = registry.local;
    expect(await client.find(Namespace, 'default')).not.to.equal(undefined);

    await remote.startApiServer();
    await poll('Ready', () => state() === 'Ready');
    await put('third');
    await reached('third');
  });

  it('a revoked token is noticed, and a new one is swapped in', async () => {
    const deleted = await remote.request({ method: 'DELETE', path: '/api/v1/namespaces/shared/serviceaccounts/steward' });
    expect(deleted.status).to.equal(200);
    await poll('AuthFailed', () => state() === 'AuthFailed');

    await registry.engage('remote', await account(), options);
    await poll('Ready', () => state() === 'Ready');
    await put('fourth');
    await reached('fourth');
  });

  it('a token that is refused takes nothing from a cluster that works, and a good one takes its place with nothing listed anew', async () => {
    const cluster = registry.get('remote')!;
    let judgements = 0;
    const end = registry.subscribe(({ type }) => {
      if (type === 'judged') judgements++;
    });
    const before = listsOfMaps();
    expect(before).to.be.at.least(1);
    const refused = kubeconfigText({ server: remote.server, ca: remote.ca, token: 'nobody' });
    await registry.engage('remote', refused, { ...options, revision: 'refused' });
    await poll('it is known to be refused', () => cluster.health.problem !== undefined);
    expect(cluster.health.state).to.be.oneOf(WORKING);
    expect(cluster.health.problem).to.match(/^the cluster refuses the new credential, the one before stays in use: .*Unauthorized/);
    await put('with-old-one');
    await reached('with-old-one');
    expect(cluster.revision).to.equal(undefined);

    await registry.engage('remote', await remote.serviceAccountKubeconfig('shared', 'steward'), { ...options, revision: 'good' });
    await poll('the good one is in use', () => cluster.revision === 'good');
    await put('with-good-one');
    await reached('with-good-one');
    expect(cluster.health.problem).to.equal(undefined);
    expect(cluster.health.state).to.be.oneOf(WORKING);
    expect(judgements).to.equal(2);
    expect(listsOfMaps()).to.equal(before);
    end();
  });

  it('a disengaged cluster is left alone', async () => {
    await registry.disengage('remote');
    expect(registry.get('remote')).to.equal(undefined);
    // Another connection, to know when the change has come over.
    await registry.engage('other', await remote.serviceAccountKubeconfig('shared', 'steward'), options);
    await put('fifth');
    await poll('the other one has handled it', () => seen.includes('other fifth'));
    await registry.disengage('other');
    expect(seen).to.deep.equal([
      'remote first',
      'remote second',
      'remote third',
      'remote fourth',
      'remote with-old-one',
      'remote with-good-one',
      'other fifth',
    ]);
  });

  describe('one of which is not to be had', () => {
    let proxy: TcpFaultProxy;
    let token: string;

    const stateOf = (name: string): string | undefined => registry.get(name)?.health.state;
    const becomes = (name: string, wanted: string): Promise<boolean> =>
      poll(`${name} is ${wanted}`, () => stateOf(name) === wanted, {
        onTimeout: () => JSON.stringify(registry.get(name)?.health),
      });
    const through = (ca: string): string => kubeconfigText({ server: `https://127.0.0.1:${proxy.port}`, ca, token });
    const atHome = (method: 'PATCH' | 'POST', path: string, body: object): Promise<unknown> =>
      home.request({ method, path, body, contentType: method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' });

    before(async () => {
      proxy = await TcpFaultProxy.start({ target: { host: '127.0.0.1', port: Number(new URL(remote.server).port) } });
      token = await remote.serviceAccountToken('shared', 'steward');
      await atHome('POST', '/api/v1/namespaces', { metadata: { name: 'callers' } });
      await registry.engage('near', await remote.serviceAccountKubeconfig('shared', 'steward'), options);
      await registry.engage('far', through(remote.ca), options);
      await becomes('near', 'Ready');
      await becomes('far', 'Ready');
      await atHome('POST', '/api/v1/namespaces/callers/configmaps', { metadata: { name: 'caller' } });
      await poll('the caller was answered', () => answered === 1);
    });

    after(async () => {
      await proxy?.heal();
      for (const name of ['near', 'far', 'wrong']) await registry.disengage(name);
      await proxy?.stop();
    });

    for (const { what, begin } of [
      { what: 'black-holed', begin: async () => proxy.halfOpen() },
      {
        what: 'refused',
        begin: async () => {
          await proxy.refuse();
          proxy.reset();
        },
      },
    ]) {
      it(`a cluster that is ${what} is Unreachable; the others work on, and what waits for it goes on when it is back`, async () => {
        await begin();
        await becomes('far', 'Unreachable');
        const before = calls.length;
        const answeredBefore = answered;
        await atHome('PATCH', '/api/v1/namespaces/callers/configmaps/caller', { metadata: { labels: { while: what } } });
        await poll('the caller has called in vain', () => calls.length > before);
        await put(`while-${what}`);
        await poll('the neighbour works on', () => seen.includes(`near while-${what}`));
        // One call that takes too long degrades a cluster until the next one.
        await becomes('near', 'Ready');
        expect(stateOf('far')).to.equal('Unreachable');
        expect([
          ...registry
            .get('far')!
            .store(ConfigMap, { namespaces: ['shared'] })
            .list(),
        ]).not.to.deep.equal([]);
        expect(calls, 'it is parked').to.have.length(before + 1);

        await proxy.heal();
        proxy.reset();
        await becomes('far', 'Ready');
        await poll('the caller goes on', () => answered > answeredBefore);
        expect(calls.slice(before + 1)).to.deep.equal(['cluster']);
      });
    }

    it('a cluster whose certificate is of another authority is never talked to, and connects once the authority is right', async () => {
      const cluster = await registry.engage('wrong', through(home.ca), options);
      await becomes('wrong', 'Unreachable');
      expect(cluster.health.detail).to.match(/certificate|signature/i);
      expect(cluster.lastSeen).to.equal(undefined);
      await becomes('near', 'Ready');

      await registry.engage('wrong', through(remote.ca), options);
      await becomes('wrong', 'Ready');
    });
  });
});
