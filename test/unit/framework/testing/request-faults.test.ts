import { expect } from 'chai';
import {
  closeAtOnce,
  delayMs,
  expireContinue,
  FakeClock,
  garbageLine,
  gone,
  loseResponse,
  reset,
  slowBytes,
  stall,
  status,
  truncateLine,
} from '../../../../src/framework/testing';
import { aConfigMap, CONFIG_MAPS, ConfigMap, MACHINES, Machine, outcomeOf, Servers } from './fixtures';
import { type Answer, call, until } from './http-client';

describe('fake API server: faults of requests', () => {
  const servers = new Servers();
  afterEach(() => servers.stopAll());

  it('resets the connection and does not execute the request', async () => {
    const { fake, server } = await servers.start();
    fake.faults.add({ on: { verb: 'create' }, do: reset() });
    expect(await outcomeOf(call(server, 'POST', CONFIG_MAPS, { body: aConfigMap('a') }))).to.equal('ECONNRESET');
    expect(fake.objects.list(ConfigMap)).to.deep.equal([]);
  });

  it('executes the request and loses the answer', async () => {
    const { fake, server } = await servers.start();
    fake.faults.add({ on: { verb: 'create', kind: ConfigMap }, do: loseResponse() });
    expect(await outcomeOf(call(server, 'POST', CONFIG_MAPS, { body: aConfigMap('a') }))).to.equal('ECONNRESET');
    expect(fake.objects.get(ConfigMap, 'default/a')?.data).to.deep.equal({ a: '1' });
    expect(fake.journal.writes().map(({ status: code, fault }) => [code, fault])).to.deep.equal([[201, 'loseResponse']]);
  });

  it('answers an error with Retry-After instead of executing', async () => {
    const { fake, server } = await servers.start();
    fake.faults.add({ on: { verb: ['create', 'update'] }, do: status(429, { retryAfterS: 7 }) });
    const { status: code, headers, body } = await call(server, 'POST', CONFIG_MAPS, { body: aConfigMap('a') });
    expect([code, headers['retry-after'], body['reason'], body['details']]).to.deep.equal([
      429,
      '7',
      'TooManyRequests',
      { retryAfterSeconds: 7 },
    ]);
    expect(fake.objects.list(ConfigMap)).to.deep.equal([]);
  });

  it('strikes the nth matching request, as often as asked, and says how often it did', async () => {
    const { fake, server } = await servers.start();
    const fault = fake.faults.add({ on: { verb: 'list', kind: 'machines.test.io', nth: 2 }, do: status(503), times: 2 });
    const codes: number[] = [];
    for (let i = 0; i < 5; i++) {
      codes.push((await call(server, 'GET', MACHINES)).status);
      await call(server, 'GET', CONFIG_MAPS);
    }
    expect(codes).to.deep.equal([200, 503, 503, 200, 200]);
    expect(fault.strikes).to.equal(2);
  });

  it('matches namespace, name, subresource, user and a condition', async () => {
    const { fake, server } = await servers.start();
    fake.objects.create(Machine, { metadata: { name: 'a', namespace: 'default' } });
    fake.faults.add({
      on: { name: 'a', namespace: 'default', subresource: 'status', user: 'system:admin', when: ({ query }) => query.has('mark') },
      do: status(500),
    });
    const codes: number[] = [];
    for (const path of [`${MACHINES}/a`, `${MACHINES}/a/status`, `${MACHINES}/a?mark=1`, `${MACHINES}/a/status?mark=1`]) {
      codes.push((await call(server, 'GET', path)).status);
    }
    expect(codes).to.deep.equal([200, 200, 200, 500]);
  });

  it('forgets a rule that was removed, and all rules on clear', async () => {
    const { fake, server } = await servers.start();
    const handle = fake.faults.add({ on: {}, do: status(500), times: Number.POSITIVE_INFINITY });
    expect((await call(server, 'GET', MACHINES)).status).to.equal(500);
    handle.remove();
    expect((await call(server, 'GET', MACHINES)).status).to.equal(200);
    fake.faults.add({ on: {}, do: status(500) });
    fake.faults.clear();
    expect((await call(server, 'GET', MACHINES)).status).to.equal(200);
  });

  it('delays the execution on its own clock', async () => {
    const clock = new FakeClock();
    const { fake, server } = await servers.start({ clock });
    fake.faults.add({ on: { verb: 'create' }, do: delayMs(5_000) });
    const answer = call(server, 'POST', CONFIG_MAPS, { body: aConfigMap('a') });
    await until(() => clock.pendingTimers === 1);
    await clock.advance(4_999);
    expect(fake.objects.list(ConfigMap)).to.have.length(0);
    await clock.advance(1);
    expect((await answer).status).to.equal(201);
  });

  it('never answers a stalled request, and keeps the connection', async () => {
    const { fake, server } = await servers.start();
    fake.faults.add({ on: { verb: 'get' }, do: stall() });
    const abort = new AbortController();
    const answer = outcomeOf(call(server, 'GET', `${CONFIG_MAPS}/a`, { signal: abort.signal }));
    await until(() => fake.journal.count({ verb: 'get' }) === 1 && fake.openSockets === 1);
    abort.abort();
    expect(await answer).to.equal('ABORT_ERR');
  });

  it('spoils a body in three ways', async () => {
    const { fake, server } = await servers.start();
    for (const fault of [truncateLine(), garbageLine({ bytes: 100 }), closeAtOnce()]) fake.faults.add({ on: { verb: 'list' }, do: fault });
    const texts: string[] = [];
    for (let i = 0; i < 3; i++) texts.push((await call(server, 'GET', MACHINES)).text);
    expect(() => JSON.parse(texts[0]!)).to.throw(SyntaxError);
    expect(texts[0]).to.include('"items"');
    expect(texts[1]).to.equal('}'.repeat(100));
    expect(texts[2]).to.equal('');
  });

  it('trickles a body on its own clock', async () => {
    const clock = new FakeClock();
    const { fake, server } = await servers.start({ clock });
    fake.objects.create(ConfigMap, aConfigMap('a', { text: 'x'.repeat(1_000) }));
    fake.faults.add({ on: { verb: 'get' }, do: slowBytes(400) });
    const answers: Answer[] = [];
    void call(server, 'GET', `${CONFIG_MAPS}/a`).then((answer) => answers.push(answer));
    await until(() => clock.pendingTimers === 1);
    await clock.advance(2_000);
    expect(answers).to.deep.equal([]);
    await clock.advance(10_000);
    await until(() => answers.length === 1);
    expect((answers[0]!.body['data'] as Record<string, string>)['text']).to.have.length(1_000);
  });

  it('answers 410 to lists, and to continue tokens only when they are there', async () => {
    const { fake, server } = await servers.start();
    for (const name of ['a', 'b', 'c']) fake.objects.create(ConfigMap, aConfigMap(name));
    fake.faults.add({ on: { verb: 'list' }, do: gone() });
    expect((await call(server, 'GET', CONFIG_MAPS)).body['reason']).to.equal('Expired');
    fake.faults.add({ on: { verb: 'list' }, do: expireContinue() });
    const first = await call(server, 'GET', `${CONFIG_MAPS}?limit=1`);
    const token = (first.body['metadata'] as Record<string, string>)['continue'];
    const second = await call(server, 'GET', `${CONFIG_MAPS}?limit=1&continue=${token}`);
    expect([first.status, second.status]).to.deep.equal([200, 410]);
    const fresh = (second.body['metadata'] as Record<string, string>)['continue'];
    const rest = await call(server, 'GET', `${CONFIG_MAPS}?continue=${fresh}`);
    expect((rest.body['items'] as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name)).to.deep.equal(['b', 'c']);
  });
});
