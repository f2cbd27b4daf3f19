import { expect } from 'chai';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane';
import { HttpFaultProxy, loseResponse, reset, status, TcpFaultProxy } from '../../../src/framework/testing';
import { poll } from '../../harness/poll';
import { call, type Json, type ServerUnderTest, until, Watch } from '../../unit/framework/testing/http-client';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const configMap = (name: string): Json => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: {} });

describe('fault proxies in front of a real API server', () => {
  let controlPlane: ControlPlane;
  let direct: ServerUnderTest;
  const stops: (() => Promise<void>)[] = [];

  before(async function () {
    this.timeout(600_000);
    controlPlane = await startControlPlane({ controllerManager: false });
    direct = { baseUrl: controlPlane.server, token: controlPlane.adminToken, ca: controlPlane.ca };
  });

  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });

  after(() => controlPlane?.stop());

  async function httpProxy(): Promise<{ proxy: HttpFaultProxy; server: ServerUnderTest }> {
    const proxy = await HttpFaultProxy.start({ target: controlPlane.server, targetCa: controlPlane.ca });
    stops.push(() => proxy.stop());
    return { proxy, server: { baseUrl: proxy.url, ca: proxy.ca, token: controlPlane.adminToken } };
  }

  it('HTTP: passes the token on, and a watch line by line', async () => {
    const { server } = await httpProxy();
    const watch = await Watch.open(server, `${CONFIG_MAPS}?watch=1&resourceVersion=0&fieldSelector=metadata.name%3Dpassed`);
    await call(server, 'POST', CONFIG_MAPS, { body: configMap('passed') });
    expect((await watch.take(1))[0]?.type).to.equal('ADDED');
    watch.close();
    expect((await call({ ...server, token: 'wrong' }, 'GET', CONFIG_MAPS)).status).to.equal(401);
  });

  it('HTTP: provokes a real 410 by rewriting the version of a watch', async () => {
    const { proxy, server } = await httpProxy();
    proxy.rewrite({ on: ({ verb }) => verb === 'watch', resourceVersion: () => '1' });
    const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const group = 'proxied.test';
    const names = { kind: 'Thing', plural: 'things' };
    const schema = { openAPIV3Schema: { type: 'object' } };
    const spec = { group, names, scope: 'Cluster', versions: [{ name: 'v1', served: true, storage: true, schema }] };
    await call(direct, 'POST', crds, {
      body: { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `things.${group}` }, spec },
    });
    const things = `/apis/${group}/v1/things`;
    await poll('the kind is served', async () => (await call(direct, 'GET', things)).status === 200);
    // Until its cache is filled the API server refuses watches for another reason.
    await poll('it can be watched', async () => {
      const first = await Watch.open(direct, `${things}?watch=1&resourceVersion=0`);
      first.close();
      return first.status === 200;
    });
    const version = ((await call(direct, 'GET', things)).body['metadata'] as Json)['resourceVersion'];
    const watch = await Watch.open(server, `${things}?watch=1&resourceVersion=${version}`);
    await until(() => watch.ended);
    expect(watch.events.map(({ type, object }) => [type, object['code']])).to.deep.equal([['ERROR', 410]]);
  });

  it('HTTP: loses the answer of a write that happened, and answers errors of its own', async () => {
    const { proxy, server } = await httpProxy();
    proxy.faults.add({ on: { verb: 'create', kind: 'configmaps' }, do: loseResponse() });
    const lost = await call(server, 'POST', CONFIG_MAPS, { body: configMap('lost') }).catch((error: { code?: string }) => error.code);
    expect(lost).to.equal('ECONNRESET');
    expect((await call(direct, 'GET', `${CONFIG_MAPS}/lost`)).status).to.equal(200);
    proxy.faults.add({ on: { verb: 'get' }, do: status(503, { retryAfterS: 1 }) });
    expect((await call(server, 'GET', `${CONFIG_MAPS}/lost`)).status).to.equal(503);
  });

  it('HTTP: resets a watch after an event', async () => {
    const { proxy, server } = await httpProxy();
    proxy.faults.add({ on: { verb: 'watch' }, do: reset({ afterEvents: 1 }) });
    await call(direct, 'POST', CONFIG_MAPS, { body: configMap('seen') });
    const watch = await Watch.open(server, `${CONFIG_MAPS}?watch=1&fieldSelector=metadata.name%3Dseen`);
    await until(() => watch.ended);
    expect([watch.events.length, (watch.error as { code?: string } | undefined)?.code]).to.deep.equal([1, 'ECONNRESET']);
  });

  it('TCP: cuts, holds and heals TLS connections it cannot read', async () => {
    const { hostname, port } = new URL(controlPlane.server);
    const proxy = await TcpFaultProxy.start({ target: { host: hostname, port: Number(port) } });
    stops.push(() => proxy.stop());
    const server = { ...direct, baseUrl: `https://127.0.0.1:${proxy.port}` };
    const watch = await Watch.open(server, `${CONFIG_MAPS}?watch=1&fieldSelector=metadata.name%3Dheld&resourceVersion=0`);
    proxy.halfOpen();
    await call(direct, 'POST', CONFIG_MAPS, { body: configMap('held') });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([watch.events.length, watch.ended]).to.deep.equal([0, false]);
    await proxy.heal();
    await watch.take(1);
    proxy.reset();
    await until(() => watch.ended);
    expect((watch.error as { code?: string } | undefined)?.code).to.equal('ECONNRESET');
    await proxy.refuse();
    expect(await call(server, 'GET', '/version').catch((error: { code?: string }) => error.code)).to.equal('ECONNREFUSED');
  });
});
