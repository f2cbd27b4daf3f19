import { connect } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'chai';
import { FakeApiServer } from '../../../../src/framework/testing';
import { aConfigMap, CONFIG_MAPS, ConfigMap, outcomeOf, Servers } from './fixtures';
import { call, until, Watch } from './http-client';

describe('fake API server: life', () => {
  const servers = new Servers();
  afterEach(() => servers.stopAll());

  it('leaves no socket and no listener behind after stop, watches or not', async () => {
    const fake = await FakeApiServer.start();
    const server = { baseUrl: fake.url };
    const watch = await Watch.open(server, `${CONFIG_MAPS}?watch=1`);
    await fake.stop();
    await fake.stop();
    await until(() => watch.ended);
    expect([fake.openSockets, fake.openWatches]).to.deep.equal([0, 0]);
    expect(await outcomeOf(call(server, 'GET', '/version'))).to.equal('ECONNREFUSED');
  });

  it('can be down for a while and come back on the same port with its objects', async () => {
    const { fake, server } = await servers.start();
    fake.objects.create(ConfigMap, aConfigMap('a'));
    const watch = await Watch.open(server, `${CONFIG_MAPS}?watch=1`);
    await fake.pause();
    await until(() => watch.ended);
    expect(watch.error).to.not.equal(undefined);
    expect(await outcomeOf(call(server, 'GET', CONFIG_MAPS))).to.equal('ECONNREFUSED');
    await fake.resume();
    expect((await call(server, 'GET', `${CONFIG_MAPS}/a`)).status).to.equal(200);
  });

  it('cuts connections without going away', async () => {
    const { fake, server } = await servers.start();
    const watch = await Watch.open(server, `${CONFIG_MAPS}?watch=1`);
    fake.cutConnections();
    await until(() => watch.ended && fake.openSockets === 0);
    expect((await call(server, 'GET', '/version')).status).to.equal(200);
  });

  it('speaks TLS with an authority of its own', async () => {
    const { fake, server } = await servers.start({ tls: true });
    expect(server.baseUrl).to.match(/^https:/);
    expect((await call(server, 'GET', '/version')).status).to.equal(200);
    expect(await outcomeOf(call({ baseUrl: fake.url }, 'GET', '/version'))).to.equal('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  it('rotates its certificate, and its authority if asked to', async () => {
    const { fake, server } = await servers.start({ tls: true });
    fake.rotateCertificate();
    expect((await call(server, 'GET', '/version')).status).to.equal(200);
    fake.rotateCertificate({ newAuthority: true });
    expect(await outcomeOf(call(server, 'GET', '/version'))).to.not.equal('answered');
    expect((await call({ ...server, ca: fake.ca! }, 'GET', '/version')).status).to.equal(200);
    const plain = await servers.start();
    expect(() => plain.fake.rotateCertificate()).to.throw(TypeError, 'tls: true');
  });

  it('resets TLS connections, too', async () => {
    const { fake, server } = await servers.start({ tls: true });
    const watch = await Watch.open(server, `${CONFIG_MAPS}?watch=1`);
    fake.faults.strike({}, { kind: 'reset', afterEvents: 0 });
    await until(() => watch.ended);
    expect((watch.error as { code?: string } | undefined)?.code).to.equal('ECONNRESET');
  });

  it('writes a kubeconfig that the client library understands', async () => {
    const { fake } = await servers.start({ tls: true });
    const config = new KubeConfig();
    config.loadFromString(fake.kubeconfig('secret-token'));
    expect(config.getCurrentCluster()?.server).to.equal(fake.url);
    expect(Buffer.from(config.getCurrentCluster()?.caData ?? '', 'base64').toString()).to.equal(fake.ca);
    expect(config.getCurrentUser()?.token).to.equal('secret-token');
  });

  it('drops a body above 3 MiB and garbage instead of HTTP without harm', async () => {
    const { fake, server } = await servers.start();
    const big = await call(server, 'POST', CONFIG_MAPS, { body: aConfigMap('big', { a: 'x'.repeat(3 * 1024 * 1024) }) });
    expect(big.body['reason']).to.equal('RequestEntityTooLarge');
    const socket = connect(fake.port, '127.0.0.1');
    socket.on('error', () => undefined).write('\0\0\0 not http \r\n\r\n');
    await until(() => socket.destroyed || socket.readableEnded || fake.openSockets === 0);
    socket.destroy();
    expect((await call(server, 'GET', '/version')).status).to.equal(200);
  });

  it('compresses large answers for clients that accept it', async () => {
    const { fake, server } = await servers.start();
    fake.objects.create(ConfigMap, aConfigMap('big', { a: 'x'.repeat(200_000) }));
    const plain = await call(server, 'GET', `${CONFIG_MAPS}/big`);
    expect(plain.headers['content-encoding']).to.equal(undefined);
    const response = await fetch(`${fake.url}${CONFIG_MAPS}/big`, { headers: { 'accept-encoding': 'gzip' } });
    expect(response.headers.get('content-encoding')).to.equal('gzip');
    expect(((await response.json()) as { data: { a: string } }).data.a).to.have.length(200_000);
  });
});
