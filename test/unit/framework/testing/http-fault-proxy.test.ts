import { expect } from 'chai';
import {
  closeAtOnce,
  delayMs,
  dropBookmarks,
  duplicateEvents,
  expireContinue,
  type FakeApiServerOptions,
  FakeClock,
  garbageLine,
  gone,
  HttpFaultProxy,
  loseResponse,
  reset,
  slowBytes,
  stall,
  status,
  truncateLine,
} from '../../../../src/framework/testing';
import { aConfigMap, CONFIG_MAPS, ConfigMap, outcomeOf, Servers } from './fixtures';
import { call, type ServerUnderTest, until, Watch } from './http-client';

describe('HTTP fault proxy', () => {
  const servers = new Servers();
  afterEach(() => servers.stopAll());

  async function proxied(options: FakeApiServerOptions = {}, clock?: FakeClock) {
    const { fake } = await servers.start({ tls: true, ...options });
    const proxy = await HttpFaultProxy.start({
      target: fake.url,
      ...(fake.ca === undefined ? {} : { targetCa: fake.ca }),
      ...(clock === undefined ? {} : { clock }),
    });
    servers.onStop(() => proxy.stop());
    const server: ServerUnderTest = { baseUrl: proxy.url, ca: proxy.ca };
    return { fake, proxy, server };
  }

  const watching = async (server: ServerUnderTest, query = ''): Promise<Watch> =>
    servers.closing(await Watch.open(server, `${CONFIG_MAPS}?watch=1${query}`));

  it('passes requests, tokens, bodies, errors and watches through its own TLS', async () => {
    const { fake, server } = await proxied();
    fake.auth.addUser({ token: 't', name: 'op' });
    expect((await call(server, 'GET', CONFIG_MAPS, { token: 'wrong' })).status).to.equal(401);
    const created = await call(server, 'POST', CONFIG_MAPS, { body: aConfigMap('a'), token: 't' });
    expect([created.status, created.body['data']]).to.deep.equal([201, { a: '1' }]);
    const watch = servers.closing(await Watch.open({ ...server, token: 't' }, `${CONFIG_MAPS}?watch=1`));
    expect((await watch.take(1))[0]?.type).to.equal('ADDED');
    expect((await call(server, 'DELETE', `${CONFIG_MAPS}/a`, { token: 't', body: { preconditions: { uid: 'x' } } })).status).to.equal(409);
  });

  it('answers errors in place of the server', async () => {
    const { fake, proxy, server } = await proxied();
    proxy.faults.add({ on: { verb: 'create', kind: ConfigMap }, do: status(503, { retryAfterS: 3 }) });
    proxy.faults.add({ on: { verb: 'list' }, do: gone({ as: 'status' }) });
    proxy.faults.add({ on: { verb: 'list' }, do: expireContinue() });
    const refused = await call(server, 'POST', CONFIG_MAPS, { body: aConfigMap('a') });
    expect([refused.status, refused.headers['retry-after']]).to.deep.equal([503, '3']);
    expect((await call(server, 'GET', CONFIG_MAPS)).status).to.equal(410);
    for (const name of ['a', 'b']) fake.objects.create(ConfigMap, aConfigMap(name));
    const page = await call(server, 'GET', `${CONFIG_MAPS}?limit=1`);
    const token = (page.body['metadata'] as Record<string, string>)['continue'];
    expect((await call(server, 'GET', `${CONFIG_MAPS}?continue=${token}`)).status).to.equal(410);
    expect(fake.journal.count({ verb: 'create' })).to.equal(0);
  });

  it('loses the answer of a write that happened, and resets what it never sent', async () => {
    const { fake, proxy, server } = await proxied();
    proxy.faults.add({ on: { verb: 'create' }, do: loseResponse() });
    expect(await outcomeOf(call(server, 'POST', CONFIG_MAPS, { body: aConfigMap('a') }))).to.equal('ECONNRESET');
    expect(fake.objects.list(ConfigMap)).to.have.length(1);
    proxy.faults.add({ on: { verb: 'delete' }, do: reset() });
    expect(await outcomeOf(call(server, 'DELETE', `${CONFIG_MAPS}/a`))).to.equal('ECONNRESET');
    expect(fake.objects.list(ConfigMap)).to.have.length(1);
  });

  it('rewrites the version of a watch, so that the real server answers 410', async () => {
    const { fake, proxy, server } = await proxied();
    const takeBack = proxy.rewrite({ on: ({ verb }) => verb === 'watch', resourceVersion: () => '1' });
    const watch = await watching(server, `&resourceVersion=${fake.currentVersion}`);
    await until(() => watch.ended);
    expect(watch.events[0]?.object['code']).to.equal(410);
    takeBack();
    const healthy = await watching(server, `&resourceVersion=${fake.currentVersion}`);
    fake.objects.create(ConfigMap, aConfigMap('a'));
    await healthy.take(1);
  });

  it('strips bookmarks, by rewrite or by fault', async () => {
    const clock = new FakeClock();
    const { fake, proxy, server } = await proxied({ clock });
    const takeBack = proxy.rewrite({ stripBookmarks: true });
    const stripped = await watching(server, '&allowWatchBookmarks=true');
    takeBack();
    proxy.faults.add({ on: { verb: 'watch' }, do: dropBookmarks() });
    const dropped = await watching(server, '&allowWatchBookmarks=true');
    const whole = await watching(server, '&allowWatchBookmarks=true');
    await until(() => fake.openWatches === 3);
    await clock.advance(60_000);
    await until(() => whole.events.length === 1);
    fake.objects.create(ConfigMap, aConfigMap('a'));
    await Promise.all([stripped, dropped, whole].map((watch) => watch.take(1)));
    expect([stripped, dropped, whole].map(({ events }) => events.map(({ type }) => type))).to.deep.equal([
      ['ADDED'],
      ['ADDED'],
      ['BOOKMARK', 'ADDED'],
    ]);
  });

  it('does to watches what the fake does', async () => {
    const { fake, proxy, server } = await proxied();
    const faults = [
      reset({ afterEvents: 1 }),
      closeAtOnce({ afterEvents: 1 }),
      truncateLine({ afterEvents: 1 }),
      garbageLine({ afterEvents: 1 }),
      gone({ afterEvents: 1 }),
      duplicateEvents(),
      stall({ afterEvents: 1 }),
    ];
    for (const fault of faults) proxy.faults.add({ on: { verb: 'watch' }, do: fault });
    const watches: Watch[] = [];
    for (const _ of faults) watches.push(await watching(server));
    fake.objects.create(ConfigMap, aConfigMap('a'));
    await Promise.all(watches.map((watch) => watch.take(1)));
    fake.objects.create(ConfigMap, aConfigMap('b'));
    const [resetOne, closed, cut, garbled, expired, doubled, silent] = watches as [Watch, Watch, Watch, Watch, Watch, Watch, Watch];
    await until(() => [resetOne, closed, cut, expired].every(({ ended }) => ended));
    await doubled.take(4);
    await garbled.take(2);
    expect((resetOne.error as { code?: string } | undefined)?.code).to.equal('ECONNRESET');
    expect([closed.error, closed.events.length]).to.deep.equal([undefined, 1]);
    expect([cut.error, cut.garbage.length]).to.deep.equal([undefined, 1]);
    expect(garbled.garbage).to.have.length(1);
    expect(expired.events.map(({ type }) => type)).to.deep.equal(['ADDED', 'ERROR']);
    expect([silent.events.length, silent.ended]).to.deep.equal([1, false]);
  });

  it('delays requests and trickles bodies on its clock', async () => {
    const clock = new FakeClock();
    const { fake, proxy, server } = await proxied({}, clock);
    proxy.faults.add({ on: { verb: 'list' }, do: delayMs(5_000) });
    const answers: number[] = [];
    void call(server, 'GET', CONFIG_MAPS).then((answer) => answers.push(answer.status));
    await until(() => clock.pendingTimers === 1);
    expect(fake.journal.count()).to.equal(0);
    await clock.advance(5_000);
    await until(() => answers.length === 1);
    proxy.faults.add({ on: { verb: 'watch' }, do: slowBytes(100) });
    const watch = await watching(server);
    fake.objects.create(ConfigMap, aConfigMap('a'));
    await until(() => clock.pendingTimers === 1);
    await clock.advance(1_000);
    expect(watch.events).to.have.length(0);
    await clock.advance(30_000);
    await watch.take(1);
  });

  it('resets the client when the target is not there, and leaves nothing behind after stop', async () => {
    const { fake, proxy, server } = await proxied();
    const watch = await watching(server);
    await fake.pause();
    await until(() => watch.ended);
    expect(await outcomeOf(call(server, 'GET', '/version'))).to.equal('ECONNRESET');
    await proxy.stop();
    expect(await outcomeOf(call(server, 'GET', '/version'))).to.equal('ECONNREFUSED');
  });
});
