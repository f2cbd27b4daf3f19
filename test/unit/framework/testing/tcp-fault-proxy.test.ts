import { expect } from 'chai';
import { FakeClock, TcpFaultProxy, type TcpFaultProxyOptions } from '../../../../src/framework/testing';
import { aConfigMap, CONFIG_MAPS, ConfigMap, outcomeOf, Servers } from './fixtures';
import { type Answer, call, type ServerUnderTest, until, Watch } from './http-client';

describe('TCP fault proxy', () => {
  const servers = new Servers();
  afterEach(() => servers.stopAll());

  async function proxied(options: Partial<TcpFaultProxyOptions> = {}, tls = false) {
    const { fake, server: direct } = await servers.start({ tls });
    const proxy = await TcpFaultProxy.start({ target: { host: '127.0.0.1', port: fake.port }, ...options });
    servers.onStop(() => proxy.stop());
    const server: ServerUnderTest = { ...direct, baseUrl: direct.baseUrl.replace(/\d+$/, String(proxy.port)) };
    return { fake, proxy, server };
  }

  const ask = async (server: ServerUnderTest): Promise<number> => (await call(server, 'GET', '/version')).status;

  it('passes bytes through unchanged, TLS included', async () => {
    for (const tls of [false, true]) {
      const { fake, proxy, server } = await proxied({}, tls);
      const big = aConfigMap('big', { a: 'x'.repeat(1_000_000) });
      expect((await call(server, 'POST', CONFIG_MAPS, { body: big })).status).to.equal(201);
      expect((await call(server, 'GET', `${CONFIG_MAPS}/big`)).body['data']).to.deep.equal(big.data);
      expect(fake.objects.list(ConfigMap)).to.have.length(1);
      expect(proxy.accepted).to.equal(2);
    }
  });

  it('cuts and resets open connections, and lets new ones pass', async () => {
    const { proxy, server } = await proxied();
    for (const fault of ['cut', 'reset'] as const) {
      const watch = await Watch.open(server, `${CONFIG_MAPS}?watch=1`);
      proxy[fault]();
      await until(() => watch.ended && proxy.open === 0);
      expect(watch.error).to.not.equal(undefined);
      expect(await ask(server)).to.equal(200);
    }
  });

  it('holds a half-open connection without a byte, and goes on after heal', async () => {
    const { fake, proxy, server } = await proxied();
    const watch = servers.closing(await Watch.open(server, `${CONFIG_MAPS}?watch=1`));
    fake.objects.create(ConfigMap, aConfigMap('a'));
    await watch.take(1);
    proxy.halfOpen();
    fake.objects.create(ConfigMap, aConfigMap('b'));
    const late: number[] = [];
    void ask(server).then((status) => late.push(status));
    await until(() => proxy.open === 2);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect([watch.events.length, watch.ended, late]).to.deep.equal([1, false, []]);
    await proxy.heal();
    await watch.take(2);
    await until(() => late[0] === 200);
  });

  it('refuses new connections while open ones go on, and listens again on the same port', async () => {
    const { fake, proxy, server } = await proxied();
    const watch = servers.closing(await Watch.open(server, `${CONFIG_MAPS}?watch=1`));
    await proxy.refuse();
    expect(await outcomeOf(ask(server))).to.equal('ECONNREFUSED');
    fake.objects.create(ConfigMap, aConfigMap('a'));
    await watch.take(1);
    await proxy.heal();
    expect(await ask(server)).to.equal(200);
  });

  it('resets connections at the door', async () => {
    const { proxy, server } = await proxied();
    proxy.resetOnAccept();
    expect(await outcomeOf(ask(server))).to.equal('ECONNRESET');
    await proxy.heal();
    expect(await ask(server)).to.equal(200);
  });

  it('delays every byte on its clock', async () => {
    const clock = new FakeClock();
    const { fake, proxy, server } = await proxied({ clock });
    proxy.delay(2_000);
    const answers: Answer[] = [];
    void call(server, 'GET', '/version').then((answer) => answers.push(answer));
    await until(() => clock.pendingTimers === 1);
    await clock.advance(1_999);
    expect(fake.journal.count()).to.equal(0);
    await clock.advance(1);
    await until(() => fake.journal.count() === 1 && clock.pendingTimers > 0);
    await clock.advance(2_000);
    await until(() => answers[0]?.status === 200);
  });

  it('limits the bandwidth on its clock', async () => {
    const clock = new FakeClock();
    const { fake, proxy, server } = await proxied({ clock });
    fake.objects.create(ConfigMap, aConfigMap('big', { a: 'x'.repeat(20_000) }));
    proxy.bandwidth(10_000);
    const answers: Answer[] = [];
    void call(server, 'GET', `${CONFIG_MAPS}/big`).then((answer) => answers.push(answer));
    await until(() => fake.journal.count() === 1 && clock.pendingTimers > 0);
    await clock.advance(1_000);
    expect(answers).to.have.length(0);
    await until(() => {
      void clock.advance(100);
      return answers.length === 1;
    });
    expect(clock.monotonicMs()).to.be.at.least(2_000);
  });

  it('resets the client when the target is not there', async () => {
    const { fake, server } = await proxied();
    await fake.pause();
    expect(await outcomeOf(ask(server))).to.equal('ECONNRESET');
  });

  it('leaves nothing behind after stop', async () => {
    const { proxy, server } = await proxied();
    const watch = await Watch.open(server, `${CONFIG_MAPS}?watch=1`);
    proxy.halfOpen();
    await proxy.stop();
    await proxy.stop();
    await until(() => watch.ended && proxy.open === 0);
    expect(await outcomeOf(ask(server))).to.equal('ECONNREFUSED');
  });
});
