import { expect } from 'chai';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane';
import { PATIENCE_MS, poll } from '../../harness/poll';

describe('outages of a control plane on purpose', () => {
  let controlPlane: ControlPlane;

  before(async function () {
    this.timeout(0);
    controlPlane = await startControlPlane();
    const account = { metadata: { name: 'tester' } };
    await controlPlane.request({ method: 'POST', path: '/api/v1/namespaces/default/serviceaccounts', body: account });
  });

  after(() => controlPlane?.stop());

  /** @param timeoutMs for what is not going to be answered. @default patience */
  const statusOf = async (path: string, timeoutMs = PATIENCE_MS): Promise<number | string> =>
    controlPlane.request({ path, timeoutMs }).then(
      ({ status }) => status,
      (error: NodeJS.ErrnoException) => error.code ?? error.name,
    );

  const createNamespace = async (name: string): Promise<number> =>
    (await controlPlane.request({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name } } })).status;

  it('refuses connections while the API server is stopped, and has port, data and tokens again afterwards', async () => {
    await createNamespace('before-api-outage');
    const token = await controlPlane.serviceAccountToken('default', 'tester');
    const { server } = controlPlane;

    await controlPlane.stopApiServer();
    expect(await statusOf('/readyz')).to.equal('ECONNREFUSED');
    expect([...controlPlane.pids.keys()])
      .to.include('etcd')
      .and.not.to.include('kube-apiserver');
    await controlPlane.startApiServer();

    expect(controlPlane.server).to.equal(server);
    expect(await statusOf('/api/v1/namespaces/before-api-outage')).to.equal(200);
    expect((await controlPlane.request({ path: '/api' }, token)).status, 'a token from before the outage').to.equal(200);
  });

  it('works with controllers again after an outage of the API server', async () => {
    await controlPlane.stopApiServer();
    await controlPlane.startApiServer();

    await createNamespace('after-api-outage');

    const madeByControllers = '/api/v1/namespaces/after-api-outage/serviceaccounts/default';
    const expected = controlPlane.hasControllerManager ? 200 : 404;
    await poll('the default service account of a new namespace', async () => (await statusOf(madeByControllers)) === expected);
  });

  it('answers no reads while etcd is stopped, and has the data again afterwards', async () => {
    await createNamespace('before-etcd-outage');

    await controlPlane.stopEtcd();
    expect(await statusOf('/api/v1/namespaces/before-etcd-outage', 3_000)).not.to.equal(200);
    expect(controlPlane.pids.has('kube-apiserver'), 'the API server runs').to.equal(true);
    await controlPlane.startEtcd();

    expect(await statusOf('/api/v1/namespaces/before-etcd-outage')).to.equal(200);
    expect(await createNamespace('after-etcd-outage')).to.equal(201);
  });

  it('leaves a running server alone when it is started again', async () => {
    const before = new Map(controlPlane.pids);

    await controlPlane.startApiServer();
    await controlPlane.startEtcd();

    expect(new Map(controlPlane.pids)).to.deep.equal(before);
  });
});
