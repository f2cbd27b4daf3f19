import { expect } from 'chai';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { CallSlots } from '../../../../src/wol/manager/call-slots';
import { SOURCE_GRACE_MS } from '../../../../src/wol/manager/limits';
import { RetryDelays } from '../../../../src/wol/manager/retry-delays';
import { StartLimits } from '../../../../src/wol/manager/start-limits';
import { type Admission, WakeDeduplication } from '../../../../src/wol/manager/wake-deduplication';
import { WakeMapReadiness } from '../../../../src/wol/manager/wake-map-readiness';

const never = new AbortController().signal;

describe('wake deduplication', () => {
  const admit = (dedup: WakeDeduplication<string>, clock: FakeClock, key = 'k'): Admission<string> =>
    dedup.admit(key, clock.monotonicMs(), () => `wake ${clock.monotonicMs()}`);

  it('remembers a success until the window from the arrival of the first packet is over, to the millisecond', async () => {
    const clock = new FakeClock();
    const dedup = new WakeDeduplication<string>(clock);
    admit(dedup, clock);
    await clock.advance(400);
    dedup.finish('k', 'success');

    await clock.advance(9_599);
    expect(admit(dedup, clock).kind).to.equal('duplicate');
    await clock.advance(1);
    expect(admit(dedup, clock).kind).to.equal('begun');
  });

  it('does not let repetitions extend the window', async () => {
    const clock = new FakeClock();
    const dedup = new WakeDeduplication<string>(clock);
    admit(dedup, clock);
    dedup.finish('k', 'success');
    for (let second = 1; second < 10; second++) {
      await clock.advance(1_000);
      expect(admit(dedup, clock).kind).to.equal('duplicate');
    }
    await clock.advance(1_000);
    expect(admit(dedup, clock).kind).to.equal('begun');
  });

  it('forgets a failure at once, and a success on request', () => {
    const clock = new FakeClock();
    const dedup = new WakeDeduplication<string>(clock);
    admit(dedup, clock);
    dedup.finish('k', 'failure');
    expect(admit(dedup, clock).kind).to.equal('begun');
    dedup.finish('k', 'success');
    dedup.forget('k');
    expect(admit(dedup, clock).kind).to.equal('begun');
  });

  it('shares the wake in flight, even when it takes longer than the window', async () => {
    const clock = new FakeClock();
    const dedup = new WakeDeduplication<string>(clock);
    expect(admit(dedup, clock)).to.deep.equal({ kind: 'begun', wake: 'wake 0' });
    await clock.advance(60_000);
    expect(admit(dedup, clock)).to.deep.equal({ kind: 'shared', wake: 'wake 0' });
    dedup.finish('k', 'success');
    expect(admit(dedup, clock).kind).to.equal('begun');
  });

  it('remembers nothing with a window of zero', () => {
    const clock = new FakeClock();
    const dedup = new WakeDeduplication<string>(clock, { windowMs: 0 });
    admit(dedup, clock);
    dedup.finish('k', 'success');
    expect(admit(dedup, clock).kind).to.equal('begun');
  });

  it('evicts the oldest success at its cap, and counts only those whose window was open', async () => {
    const clock = new FakeClock();
    const dedup = new WakeDeduplication<string>(clock, { maxRemembered: 3 });
    const succeed = (key: string): void => {
      admit(dedup, clock, key);
      dedup.finish(key, 'success');
    };
    for (const key of ['a', 'b', 'c', 'd']) succeed(key);

    expect(dedup.rememberedCount).to.equal(3);
    expect(dedup.evictions).to.equal(1);
    expect(admit(dedup, clock, 'a').kind).to.equal('begun');
    expect(admit(dedup, clock, 'b').kind).to.equal('duplicate');

    await clock.advance(10_000);
    expect(dedup.rememberedCount).to.equal(0);
    for (const key of ['e', 'f', 'g']) succeed(key);
    expect(dedup.evictions).to.equal(1);
  });

  it('refuses a wake beyond its cap of wakes in flight, and takes it once one has ended', () => {
    const clock = new FakeClock();
    const dedup = new WakeDeduplication<string>(clock, { maxInFlight: 2 });
    admit(dedup, clock, 'a');
    admit(dedup, clock, 'b');
    expect(admit(dedup, clock, 'c').kind).to.equal('overloaded');
    expect(admit(dedup, clock, 'a').kind).to.equal('shared');
    dedup.finish('a', 'failure');
    expect(admit(dedup, clock, 'c').kind).to.equal('begun');
  });
});

describe('start limits', () => {
  const lab = { name: 'lab', startsPerMinute: 60 };
  const drain = (limits: StartLimits, owner: typeof lab): number => {
    let taken = 0;
    while (limits.tryTake(owner)) taken++;
    return taken;
  };

  it('allow a burst of a minute, then one start at a time, evenly', async () => {
    const clock = new FakeClock();
    const limits = new StartLimits(clock);
    expect(drain(limits, lab)).to.equal(60);
    await clock.advance(999);
    expect(limits.tryTake(lab)).to.equal(false);
    await clock.advance(1);
    expect(drain(limits, lab)).to.equal(1);
    await clock.advance(3_600_000);
    expect(drain(limits, lab)).to.equal(60);
  });

  it('serve waiters in the order they came, each when its token is due', async () => {
    const clock = new FakeClock();
    const limits = new StartLimits(clock);
    drain(limits, lab);
    const served: string[] = [];
    for (const name of ['first', 'second'])
      void limits.wait(lab, never).then((granted) => served.push(`${name} ${granted} ${clock.monotonicMs()}`));
    expect(limits.waiting('lab')).to.equal(2);
    expect(limits.tryTake(lab)).to.equal(false);
    await clock.advance(2_000);
    expect(served).to.deep.equal(['first true 1000', 'second true 2000']);
    expect(clock.pendingTimers).to.equal(0);
  });

  it('give a token that has just become due to the waiter, not to one that comes at that moment', async () => {
    const clock = new FakeClock();
    const limits = new StartLimits(clock);
    drain(limits, lab);
    let overtook: boolean | undefined;
    clock.setTimer(1_000, () => {
      overtook = limits.tryTake(lab);
    });
    const waiting = limits.wait(lab, never);
    await clock.advance(1_000);
    expect([overtook, await waiting]).to.deep.equal([false, true]);
  });

  it('let one config that has used up its rate hold up no other', () => {
    const limits = new StartLimits(new FakeClock());
    drain(limits, lab);
    void limits.wait(lab, never);
    expect(limits.tryTake({ name: 'home', startsPerMinute: 1 })).to.equal(true);
    limits.forget('lab');
  });

  it('bound all configs together, and serve the one that has waited longest', async () => {
    const clock = new FakeClock();
    const limits = new StartLimits(clock, { maxPerMinute: 60 });
    const home = { name: 'home', startsPerMinute: 600 };
    expect(drain(limits, { ...lab, startsPerMinute: 600 })).to.equal(60);
    const served: string[] = [];
    void limits.wait(home, never).then(() => served.push('home'));
    void limits.wait({ ...lab, startsPerMinute: 600 }, never).then(() => served.push('lab'));
    await clock.advance(1_000);
    expect(served).to.deep.equal(['home']);
    await clock.advance(1_000);
    expect(served).to.deep.equal(['home', 'lab']);
  });

  it('know no bound for all configs together when it is zero', () => {
    const limits = new StartLimits(new FakeClock(), { maxPerMinute: 0 });
    expect(drain(limits, { name: 'lab', startsPerMinute: 5_000 })).to.equal(5_000);
  });

  it('send a waiter away after the longest wait, and one too many at once', async () => {
    const clock = new FakeClock();
    const slow = { name: 'slow', startsPerMinute: 1 };
    const limits = new StartLimits(clock, { maxWaitMs: 30_000, maxWaitingPerConfig: 2, maxWaiting: 3 });
    drain(limits, slow);
    const ends: string[] = [];
    void limits.wait(slow, never).then((granted) => ends.push(`${granted} ${clock.monotonicMs()}`));
    void limits.wait(slow, never).then((granted) => ends.push(`${granted} ${clock.monotonicMs()}`));
    expect(await limits.wait(slow, never)).to.equal(false);

    const other = { name: 'other', startsPerMinute: 1 };
    drain(limits, other);
    const last = limits.wait(other, never);
    expect(await limits.wait({ name: 'third', startsPerMinute: 1 }, never)).to.equal(false);

    await clock.advance(30_000);
    expect(ends).to.deep.equal(['false 30000', 'false 30000']);
    expect(await last).to.equal(false);
    expect(clock.pendingTimers).to.equal(0);
  });

  it('take a token back and hand it to the next in line', async () => {
    const clock = new FakeClock();
    const limits = new StartLimits(clock);
    drain(limits, lab);
    const waiting = limits.wait(lab, never);
    limits.giveBack('lab');
    expect(await waiting).to.equal(true);
    limits.giveBack('lab');
    expect(drain(limits, lab)).to.equal(1);
  });

  it('follow a changed rate, and end a wait that is called off', async () => {
    const clock = new FakeClock();
    const limits = new StartLimits(clock);
    expect(drain(limits, { ...lab, startsPerMinute: 10 })).to.equal(10);
    await clock.advance(1_000);
    expect(limits.tryTake({ ...lab, startsPerMinute: 600 })).to.equal(false);
    await clock.advance(1_000);
    expect(drain(limits, { ...lab, startsPerMinute: 600 })).to.equal(10);

    const off = new AbortController();
    const waiting = limits.wait(lab, off.signal);
    off.abort();
    expect(await waiting).to.equal(false);
    expect(limits.waiting('lab')).to.equal(0);
    expect(clock.pendingTimers).to.equal(0);
  });
});

describe('call slots', () => {
  it('run so many calls at once and the others in order, also after a failure', async () => {
    const slots = new CallSlots(2);
    const gates: PromiseWithResolvers<void>[] = [];
    const running: number[] = [];
    const results = [0, 1, 2, 3].map((n) =>
      slots.run(async () => {
        running.push(n);
        const gate = Promise.withResolvers<void>();
        gates.push(gate);
        await gate.promise;
        return n;
      }),
    );
    expect(running).to.deep.equal([0, 1]);
    gates[0]?.reject(new Error('lost'));
    expect(await results[0]?.catch((error: Error) => error.message)).to.equal('lost');
    await new Promise((resolve) => setImmediate(resolve));
    expect(running).to.deep.equal([0, 1, 2]);
    gates[1]?.resolve();
    gates[2]?.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    gates[3]?.resolve();
    expect(await Promise.all(results.slice(1))).to.deep.equal([1, 2, 3]);
  });
});

describe('retry delays', () => {
  const series = (random: number): number[] => {
    const delays = new RetryDelays(() => random);
    return Array.from({ length: 7 }, () => Math.round(delays.next()));
  };

  it('double from 200 ms to 5 s, within 20 % either way', () => {
    expect(series(0.5)).to.deep.equal([200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    expect(series(0)).to.deep.equal([160, 320, 640, 1_280, 2_560, 4_000, 4_000]);
    expect(series(0.999_999)).to.deep.equal([240, 480, 960, 1_920, 3_840, 6_000, 6_000]);
  });

  it('are at least what the server asks for', () => expect(new RetryDelays(() => 0.5).next(3_000)).to.equal(3_000));
});

describe('readiness of the wake map', () => {
  it('needs configs, local virtual machines and what else was to be read, and stays once reached', () => {
    const parts = { configs: false, local: false, prepared: false };
    const readiness = new WakeMapReadiness(
      { configsSynced: () => parts.configs, local: { ready: () => parts.local }, prepared: () => parts.prepared, others: [] },
      new FakeClock(),
    );
    expect(readiness.isReady()).to.equal(false);
    parts.local = true;
    expect(readiness.isReady()).to.equal(false);
    parts.configs = true;
    expect(readiness.isReady()).to.equal(false);
    parts.prepared = true;
    expect(readiness.isReady()).to.equal(true);
    parts.local = false;
    expect(readiness.isReady()).to.equal(true);
  });

  it('waits for the sources of other modules, but not longer than 30 s', async () => {
    const clock = new FakeClock();
    const ready = { ready: () => true };
    const readiness = new WakeMapReadiness(
      { configsSynced: () => true, local: ready, prepared: () => true, others: [ready, { ready: () => false }] },
      clock,
    );
    await clock.advance(SOURCE_GRACE_MS - 1);
    expect(readiness.isReady()).to.equal(false);
    await clock.advance(1);
    expect(readiness.isReady()).to.equal(true);
  });
});
