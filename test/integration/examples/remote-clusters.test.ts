/** Example 15 as its README runs it: a process against two real control planes, with the rights that its handlers ask for. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane';
import { AdminApi } from '../../harness/admin-api';
import { applyRights } from '../../harness/apply-rights';
import { TestProcess } from '../../harness/child-process';
import { poll } from '../../harness/poll';
import { objectsIn, ROOT, type TestObject } from '../../harness/steward-cluster';

const CRDS = join(ROOT, 'examples', 'crds');
const RUN = join(ROOT, 'build', 'examples', 'run.js');
const EXAMPLE = '15-remote-clusters';
const BANNERS = '/apis/example.org/v1/banners';

interface Banner extends TestObject {
  status?: { clusters?: Record<string, string> };
}

describe('15-remote-clusters on two real control planes', () => {
  let home: ControlPlane;
  let remote: ControlPlane;
  let api: AdminApi;
  let remoteApi: AdminApi;
  let operator: TestProcess | undefined;

  const putBanner = (text: string): Promise<unknown> =>
    api.ask({
      method: 'PATCH',
      path: `${BANNERS}/hello?fieldManager=test`,
      body: { apiVersion: 'example.org/v1', kind: 'Banner', metadata: { name: 'hello' }, spec: { text } },
      contentType: 'application/apply-patch+yaml',
    });
  const clusters = async (): Promise<unknown> => (await api.ask<Banner>({ path: `${BANNERS}/hello` })).status?.clusters;
  const shown = async (): Promise<unknown> => {
    const metadata = { namespace: 'default', name: 'banner-hello' };
    return (await remoteApi.get<TestObject & { data?: { text: string } }>({ apiVersion: 'v1', kind: 'ConfigMap', metadata }))?.data?.text;
  };

  /** A service account over there that may do what the example does and no more, and a Secret here with its kubeconfig. */
  async function engage(name: string): Promise<void> {
    const metadata = { namespace: 'default', name: 'banners' };
    const group = 'rbac.authorization.k8s.io';
    await remoteApi.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata });
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] }];
    const subjects = [{ kind: 'ServiceAccount', name: 'banners', namespace: 'default' }];
    const roleRef = { apiGroup: group, kind: 'Role', name: 'banners' };
    const role = { apiVersion: `${group}/v1`, kind: 'Role', metadata, rules };
    const binding = { apiVersion: `${group}/v1`, kind: 'RoleBinding', metadata, roleRef, subjects };
    await applyRights(remoteApi, [role, binding], 'system:serviceaccount:default:banners');
    const kubeconfig = await remote.serviceAccountKubeconfig('default', 'banners');
    await api.ask({
      method: 'POST',
      path: '/api/v1/namespaces/fleet/secrets',
      body: {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'kubeconfigs' },
        stringData: { [name]: kubeconfig },
      },
    });
  }

  before(async () => {
    [home, remote] = await Promise.all([startControlPlane({ controllerManager: false }), startControlPlane({ controllerManager: false })]);
    [api, remoteApi] = [new AdminApi(home), new AdminApi(remote)];
    // All of them, as the README says: none may be refused.
    for (const file of await readdir(CRDS)) {
      for (const crd of objectsIn(await readFile(join(CRDS, file), 'utf8'))) {
        await api.apply(crd);
        await api.waitForCondition(crd, 'Established');
      }
    }
    for (const name of ['fleet', 'default']) await api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    await api.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'default', name: EXAMPLE } });
    const { stdout: rights } = await promisify(execFile)(process.execPath, [RUN, EXAMPLE, '--rbac']);
    await applyRights(api, objectsIn(rights), `system:serviceaccount:default:${EXAMPLE}`);

    const kubeconfig = await home.serviceAccountKubeconfig('default', EXAMPLE);
    const KUBECONFIG = home.writeFile('example.kubeconfig', kubeconfig);
    operator = new TestProcess('example', [RUN, EXAMPLE], { KUBECONFIG });
    await operator.until('running', () => operator?.log.includes('operator started'));
  });

  after(async () => {
    await operator?.kill();
    await Promise.all([home?.stop(), remote?.stop()]);
  });

  it('shows a banner on a cluster whose kubeconfig is put into a Secret', async () => {
    await putBanner('Hello');
    await engage('east');
    await poll('the banner is shown', async () => (await shown()) === 'Hello');
    await poll('the status says so', async () => JSON.stringify(await clusters()) === '{"east":"Shown"}');
  });

  it('puts up again what was torn down over there', async () => {
    await remoteApi.delete({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name: 'banner-hello' } });
    await poll('the banner is back', async () => (await shown()) === 'Hello');
  });

  it('makes up for an outage over there', async () => {
    await remote.stopApiServer();
    await putBanner('Good bye');
    await poll('the status tells of the outage', async () => JSON.stringify(await clusters()) !== '{"east":"Shown"}');
    await remote.startApiServer();
    await poll('the new banner is shown', async () => (await shown()) === 'Good bye');
  });

  it('takes the banner down over there before it goes here', async () => {
    await api.ask({ method: 'DELETE', path: `${BANNERS}/hello` });
    await poll('the banner is gone here', async () => (await home.request({ path: `${BANNERS}/hello` })).status === 404);
    expect(await shown()).to.equal(undefined);
  });

  it('needed no right that its handlers do not ask for', async () => {
    const refused = /forbidden: User .*serviceaccount:default:15-remote-clusters/;
    expect(operator?.log.split('\n').filter((line) => refused.test(line))).to.deep.equal([]);
    expect(await operator?.stop()).to.deep.equal({ code: 0, signal: null });
  });
});
