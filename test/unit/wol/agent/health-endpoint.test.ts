import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { RecordingLogger } from '../../../../src/framework/testing/recording-logger';
import { HealthEndpoint, type ReadinessCheck } from '../../../../src/wol/agent/health-endpoint';
import { poll } from '../../../harness/poll';

describe('health endpoint', () => {
  let clock: FakeClock;
  let logger: RecordingLogger;
  let checks: ReadinessCheck[];
  let stop: AbortController;
  let holder: Server | undefined;
  const open: HealthEndpoint[] = [];

  beforeEach(() => {
    clock = new FakeClock();
    logger = new RecordingLogger();
    checks = [];
    stop = new AbortController();
  });

  afterEach(() => {
    stop.abort();
    for (const endpoint of open.splice(0)) endpoint.close();
    holder?.close();
    holder = undefined;
  });

  const anEndpoint = (port: number): HealthEndpoint => {
    const endpoint = new HealthEndpoint({
      address: { host: '127.0.0.1', port },
      checks,
      metrics: { contentType: 'text/plain; version=0.0.4; charset=utf-8', text: async () => 'up 1\n' },
      clock,
      logger,
    });
    open.push(endpoint);
    return endpoint;
  };
  const takenPort = async (): Promise<number> => {
    holder = createServer();
    await new Promise<void>((resolve) => holder?.listen(0, '127.0.0.1', resolve));
    return (holder.address() as AddressInfo).port;
  };

  it('answers 503 with one line per cause, and every check when asked for details', async () => {
    checks = [
      { name: 'port 9', problem: () => undefined },
      { name: 'port 7', problem: () => 'in use' },
      { name: 'manager', problem: () => 'not connected' },
    ];
    const base = `http://127.0.0.1:${await anEndpoint(0).listen(stop.signal)}`;
    const short = await fetch(`${base}/readyz`);
    const long = await fetch(`${base}/readyz?verbose`);

    expect([short.status, await short.text()]).to.deep.equal([503, 'port 7: in use\nmanager: not connected']);
    expect([long.status, await long.text()]).to.deep.equal([503, '[+] port 9\n[-] port 7: in use\n[-] manager: not connected']);
  });

  for (const [method, path, code, body] of [
    ['GET', '/healthz', 200, 'ok'],
    ['GET', '/readyz', 200, 'ready'],
    ['GET', '/metrics', 200, 'up 1\n'],
    ['HEAD', '/healthz', 200, ''],
    ['GET', '/', 404, 'not found'],
    ['GET', '/metrics/../etc', 404, 'not found'],
    ['POST', '/healthz', 405, 'method not allowed'],
  ] as const) {
    it(`answers ${method} ${path} with ${code}`, async () => {
      const answer = await fetch(`http://127.0.0.1:${await anEndpoint(0).listen(stop.signal)}${path}`, { method });
      expect([answer.status, await answer.text()]).to.deep.equal([code, body]);
    });
  }

  it('gets an address that becomes free within 60 s', async () => {
    const port = await takenPort();
    const listening = anEndpoint(port).listen(stop.signal);
    await poll('said so', () => logger.lines.length > 0);
    await new Promise((resolve) => holder?.close(resolve));
    let got: number | undefined;
    void listening.then((bound) => {
      got = bound;
    });
    await poll('listening', async () => {
      await clock.advance(1_000);
      return got === port;
    });

    expect(logger.messages('warn')).to.deep.equal(['health address in use; trying again for 60 s']);
  });

  it('gives up an address that is in use for 60 s', async () => {
    const listening = anEndpoint(await takenPort()).listen(stop.signal);
    let failure: NodeJS.ErrnoException | undefined;
    listening.catch((error: NodeJS.ErrnoException) => {
      failure = error;
    });
    await poll('gave up', async () => {
      await clock.advance(1_000);
      return failure !== undefined;
    });

    expect(failure?.code).to.equal('EADDRINUSE');
    expect(clock.monotonicMs()).to.be.at.least(60_000);
  });

  it('stops waiting for an address when the agent ends', async () => {
    const listening = anEndpoint(await takenPort()).listen(stop.signal);
    await poll('waiting', () => clock.pendingTimers === 1);
    stop.abort(new Error('ending'));
    expect(((await listening.catch((error: unknown) => error)) as Error).message).to.equal('ending');
    expect(clock.pendingTimers).to.equal(0);
  });
});
