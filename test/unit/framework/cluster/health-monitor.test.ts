import { expect } from 'chai';
import type { HealthState } from '../../../../src/framework/cluster/cluster-health';
import { compileEngageOptions } from '../../../../src/framework/cluster/engage-options';
import { HealthMonitor } from '../../../../src/framework/cluster/health-monitor';
import { MonitoredTransport } from '../../../../src/framework/cluster/monitored-transport';
import { apiErrorOf, TransportError } from '../../../../src/framework/errors/api-error';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';

const answered = (status: number): Error => apiErrorOf({ status, reason: '', message: '', method: 'GET', path: '/version' });
const LOST = new TransportError('headers', 'unknown', 'no answer');

function aMonitor(...outcomes: (Error | string)[]): {
  clock: FakeClock;
  monitor: HealthMonitor;
  probes: number[];
  changes: string[];
  turns: { taken: number; given: number };
} {
  const clock = new FakeClock();
  const probes: number[] = [];
  const changes: string[] = [];
  const turns = { taken: 0, given: 0 };
  const monitor = new HealthMonitor({
    clock,
    random: () => 0.5,
    numbers: compileEngageOptions().health,
    probe: async () => {
      probes.push(clock.monotonicMs());
      const outcome = outcomes.length > 1 ? outcomes.shift()! : outcomes[0]!;
      if (typeof outcome === 'string') return outcome;
      throw outcome;
    },
    connectTurn: async () => {
      turns.taken++;
      return () => void turns.given++;
    },
    onChange: (now: HealthState) => changes.push(now.state),
  });
  return { clock, monitor, probes, changes, turns };
}

describe('health monitor', () => {
  it('probes at once and then every thirty seconds while it is silent otherwise', async () => {
    const { clock, monitor, probes } = aMonitor('v1.36.3');
    monitor.start();
    await clock.advance(65_000);
    expect(probes).to.deep.equal([0, 30_000, 60_000]);
    expect(monitor.version).to.equal('v1.36.3');
    monitor.stop();
    expect(clock.pendingTimers).to.equal(0);
  });

  it('takes a turn for the first contact only, and gives it back however it ends', async () => {
    const { clock, monitor, turns, probes } = aMonitor(LOST, LOST, 'v1');
    monitor.start();
    await clock.advance(60_000);
    expect(probes.slice(0, 3)).to.deep.equal([0, 5_000, 15_000]);
    expect(turns).to.deep.equal({ taken: 3, given: 3 });
    monitor.stop();
  });

  it('never asks when it was not started, whatever it is told', async () => {
    const { clock, monitor, probes } = aMonitor('v1');
    for (let call = 0; call < 5; call++) monitor.feed({ type: 'transport-failed', detail: 'lost' });
    expect(monitor.health.state).to.equal('Unreachable');
    await clock.advance(600_000);
    expect(probes).to.deep.equal([]);
    expect(clock.pendingTimers).to.equal(0);
    monitor.feed({ type: 'success' });
    expect(monitor.health.state).to.equal('Ready');
  });

  for (const [status, state] of [
    [401, 'AuthFailed'],
    [403, 'Ready'],
    [404, 'Ready'],
    [429, 'Connecting'],
    [500, 'Connecting'],
    [503, 'Connecting'],
  ] as const) {
    it(`is ${state} after a first probe that is answered with ${status}`, async () => {
      const { clock, monitor } = aMonitor(answered(status));
      monitor.start();
      await clock.advance(0);
      expect(monitor.health.state).to.equal(state);
      monitor.stop();
    });
  }

  it('asks at once when other credentials came, and again when they came while it asked', async () => {
    const { clock, monitor, probes } = aMonitor('v1');
    monitor.start();
    await clock.advance(1_000);
    monitor.renewed();
    monitor.renewed();
    await clock.advance(0);
    expect(probes).to.deep.equal([0, 1_000, 1_000]);
    monitor.stop();
  });

  it('says since when it is in its state and when it heard something last', async () => {
    const { clock, monitor } = aMonitor('v1', LOST);
    expect(monitor.lastSeen).to.equal(undefined);
    monitor.start();
    await clock.advance(30_000);
    expect(monitor.health).to.deep.include({ state: 'Degraded', detail: 'no answer' });
    expect([monitor.since, monitor.lastSeen]).to.deep.equal(['2026-01-01T00:00:30Z', '2026-01-01T00:00:00Z']);
    monitor.stop();
  });

  it('tells nobody anything after it was stopped', async () => {
    const { clock, monitor, changes } = aMonitor('v1');
    monitor.start();
    monitor.stop();
    monitor.feed({ type: 'refused', detail: '' });
    await clock.advance(60_000);
    expect(changes).to.deep.equal([]);
  });
});

describe('monitored transport', () => {
  const told: string[] = [];
  const monitor = {
    feed: ({ type }: { type: string }) => void told.push(type),
    refusesCalls: false,
    health: { detail: 'gone' } as HealthState,
    lastSeen: '2026-01-01T00:00:00Z',
  };
  const request = { method: 'GET', path: '/' } as const;
  const failing = (error: unknown): MonitoredTransport =>
    new MonitoredTransport({
      cluster: 'a',
      monitor,
      gated: true,
      inner: { request: () => Promise.reject(error), stream: () => Promise.reject(error) },
    });

  beforeEach(() => {
    told.length = 0;
    monitor.refusesCalls = false;
  });

  for (const [what, error, expected] of [
    ['a call without an answer', LOST, ['transport-failed']],
    ['401', answered(401), ['unauthorized']],
    ['404', answered(404), ['success']],
    ['429', answered(429), ['success']],
    ['503', answered(503), []],
    ['an abort', new Error('aborted'), []],
  ] as const) {
    it(`tells of ${what} as ${expected[0] ?? 'nothing'}`, async () => {
      await failing(error)
        .request(request)
        .catch(() => undefined);
      await failing(error)
        .stream(request)
        .catch(() => undefined);
      expect(told).to.deep.equal([...expected, ...expected]);
    });
  }

  it('refuses calls while the cluster does not answer, but never those of informers', async () => {
    monitor.refusesCalls = true;
    const refused = await failing(LOST)
      .request(request)
      .catch((error: unknown) => error);
    expect(refused).to.have.property('message', 'cluster a has not answered since 2026-01-01T00:00:00Z; the call was not made (gone)');
    expect(told).to.deep.equal([]);
    const informers = new MonitoredTransport({ cluster: 'a', monitor, gated: false, inner: failingInner });
    await informers.request(request).catch(() => undefined);
    expect(told).to.deep.equal(['transport-failed']);
  });

  it('hears every chunk of a stream and takes no notice of how it ends', async () => {
    const closed: string[] = [];
    const inner = {
      request: () => Promise.reject(LOST),
      stream: async () => ({
        status: 200,
        headers: {},
        close: () => void closed.push('closed'),
        body: (async function* () {
          yield Buffer.from('a');
          yield Buffer.from('b');
          throw LOST;
        })(),
      }),
    };
    const stream = await new MonitoredTransport({ cluster: 'a', monitor, gated: true, inner }).stream(request);
    const read = async (): Promise<void> => {
      for await (const _ of stream.body);
    };
    await read().catch(() => undefined);
    stream.close();
    expect(told).to.deep.equal(['success', 'heard', 'heard']);
    expect(closed).to.deep.equal(['closed']);
  });

  const failingInner = { request: () => Promise.reject(LOST), stream: () => Promise.reject(LOST) };
});
