import { expect } from 'chai';
import { parse } from 'yaml';
import { CertificateAuthority, type ControlPlane, rest, startControlPlane } from '../../../hack/control-plane';
import { poll } from '../../harness/poll';

interface Kubeconfig {
  readonly clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }];
  readonly users: [{ user: { token: string } }];
  readonly contexts: [{ context: { namespace?: string } }];
}

describe('access to a control plane', () => {
  let controlPlane: ControlPlane;
  const create = async (path: string, body: unknown): Promise<unknown> => {
    const { status, body: created } = await controlPlane.request({ method: 'POST', path, body });
    expect(status, JSON.stringify(created)).to.equal(201);
    return created;
  };

  before(async function () {
    this.timeout(0);
    controlPlane = await startControlPlane();
  });

  after(() => controlPlane?.stop());

  it('is denied to a service account without a role, and granted once it has one', async () => {
    await create('/api/v1/namespaces', { metadata: { name: 'rbac' } });
    await create('/api/v1/namespaces/rbac/serviceaccounts', { metadata: { name: 'reader' } });
    const token = await controlPlane.serviceAccountToken('rbac', 'reader');
    const list = async (): Promise<number> => (await controlPlane.request({ path: '/api/v1/namespaces/rbac/configmaps' }, token)).status;
    expect(await list()).to.equal(403);

    await create('/apis/rbac.authorization.k8s.io/v1/namespaces/rbac/roles', {
      metadata: { name: 'reader' },
      rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }],
    });
    await create('/apis/rbac.authorization.k8s.io/v1/namespaces/rbac/rolebindings', {
      metadata: { name: 'reader' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
      subjects: [{ kind: 'ServiceAccount', name: 'reader', namespace: 'rbac' }],
    });

    await poll('the role in effect', async () => (await list()) === 200);
    expect((await controlPlane.request({ path: '/api/v1/namespaces/rbac/secrets' }, token)).status, 'anything else').to.equal(403);
  });

  it('is denied to an unknown token and to nobody', async () => {
    expect((await controlPlane.request({ path: '/api/v1/namespaces' }, 'made-up')).status).to.equal(401);
    expect((await controlPlane.request({ path: '/api/v1/namespaces' }, '')).status).to.equal(403);
  });

  it('works with a service account kubeconfig, which identifies the account', async () => {
    await create('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'manager' } });

    const kubeconfig = parse(await controlPlane.serviceAccountKubeconfig('default', 'manager')) as Kubeconfig;

    const [{ cluster }] = kubeconfig.clusters;
    expect(cluster.server).to.equal(controlPlane.server);
    expect(Buffer.from(cluster['certificate-authority-data'], 'base64').toString()).to.equal(controlPlane.ca);
    expect(kubeconfig.contexts[0].context.namespace).to.equal('default');
    const review = await controlPlane.request(
      {
        method: 'POST',
        path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
      },
      kubeconfig.users[0].user.token,
    );
    expect((review.body as { status: { userInfo: unknown } }).status.userInfo).to.include({
      username: 'system:serviceaccount:default:manager',
    });
  });

  it('says which service account does not exist', async () => {
    const failure = await controlPlane.serviceAccountToken('default', 'nobody').catch((error: Error) => error.message);

    expect(failure).to.equal('no token for service account default/nobody: serviceaccounts "nobody" not found');
  });

  it('lets the garbage collector delete what an owner leaves behind, where there is one', async () => {
    const configMaps = '/api/v1/namespaces/default/configmaps';
    const owner = (await create(configMaps, { metadata: { name: 'owner' } })) as { metadata: { uid: string } };
    const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata.uid }];
    await create(configMaps, { metadata: { name: 'owned', ownerReferences } });
    await create(configMaps, { metadata: { name: 'unrelated' } });

    await controlPlane.request({ method: 'DELETE', path: `${configMaps}/owner` });

    const expected = controlPlane.hasControllerManager ? 404 : 200;
    await poll(
      'the fate of the owned object',
      async () => (await controlPlane.request({ path: `${configMaps}/owned` })).status === expected,
    );
    expect((await controlPlane.request({ path: `${configMaps}/unrelated` })).status).to.equal(200);
  });

  it('lets the controllers make a Deployment into pods, where there are some', async () => {
    const labels = { app: 'sample' };
    await create('/apis/apps/v1/namespaces/default/deployments', {
      metadata: { name: 'sample' },
      spec: {
        replicas: 2,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'none' }] } },
      },
    });

    const expected = controlPlane.hasControllerManager ? 2 : 0;
    await poll('the pods', async () => {
      const { body } = await controlPlane.request({ path: '/api/v1/namespaces/default/pods?labelSelector=app%3Dsample' });
      return (body as { items: unknown[] }).items.length === expected;
    });
  });

  it('refuses a client that trusts another authority', async () => {
    const stranger = CertificateAuthority.create('stranger').keyPair.certificate;

    const failure = await rest({ server: controlPlane.server, ca: stranger }, { path: '/readyz' }).catch((error: Error) => error.message);

    expect(failure).to.match(/unable to verify|self.signed|unable to get/);
  });
});
