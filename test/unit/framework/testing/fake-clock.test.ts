import { expect } from 'chai';
import fc from 'fast-check';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';

describe('fake clock', () => {
  it('stands still until it is moved', () => {
    const clock = new FakeClock();

    expect([clock.now(), clock.monotonicMs()]).to.deep.equal([Date.UTC(2026, 0, 1), 0]);
    expect([clock.now(), clock.monotonicMs()]).to.deep.equal([Date.UTC(2026, 0, 1), 0]);
  });

  it('moves both clocks by what it is advanced', async () => {
    const clock = new FakeClock(1_000);
    await clock.advance(250);

    expect([clock.now(), clock.monotonicMs()]).to.deep.equal([1_250, 250]);
  });

  it('moves only the wall clock when that jumps', async () => {
    const clock = new FakeClock(1_000);
    let fired = false;
    clock.setTimer(10, () => (fired = true));
    clock.jumpWallClock(3_600_000);
    await clock.advance(0);
    expect([clock.now(), clock.monotonicMs(), fired]).to.deep.equal([3_601_000, 0, false]);

    clock.jumpWallClock(-7_200_000);
    expect(clock.now()).to.equal(1_000 - 3_600_000);
  });

  it('runs due timers at their time, in order of due time and then of setting', async () => {
    const clock = new FakeClock();
    const ran: [string, number][] = [];
    for (const [name, delayMs] of [
      ['late', 30],
      ['early', 10],
      ['also early', 10],
      ['not yet', 31],
    ] as const) {
      clock.setTimer(delayMs, () => ran.push([name, clock.monotonicMs()]));
    }
    await clock.advance(30);

    expect(ran).to.deep.equal([
      ['early', 10],
      ['also early', 10],
      ['late', 30],
    ]);
    expect(clock.pendingTimers).to.equal(1);
  });

  it('runs timers set by timers within the same advance when they fall due in it', async () => {
    const clock = new FakeClock();
    const ran: number[] = [];
    const tick = (): void => {
      ran.push(clock.monotonicMs());
      clock.setTimer(10, tick);
    };
    clock.setTimer(10, tick);
    await clock.advance(35);

    expect(ran).to.deep.equal([10, 20, 30]);
    expect(clock.monotonicMs()).to.equal(35);
  });

  it('lets chains of promises settle before the next timer', async () => {
    const clock = new FakeClock();
    const order: string[] = [];
    clock.setTimer(1, () => {
      void Promise.resolve()
        .then(() => undefined)
        .then(() => undefined)
        .then(() => order.push('reaction'));
    });
    clock.setTimer(2, () => order.push('second timer'));
    await clock.advance(2);

    expect(order).to.deep.equal(['reaction', 'second timer']);
  });

  it('does not run a cancelled timer, also one cancelled by a timer of the same instant', async () => {
    const clock = new FakeClock();
    const ran: string[] = [];
    const victim = { cancel: (): void => undefined };
    clock.setTimer(5, () => {
      ran.push('first');
      victim.cancel();
    });
    const timer = clock.setTimer(5, () => ran.push('victim'));
    victim.cancel = () => timer.cancel();
    await clock.advance(10);
    timer.cancel();

    expect(ran).to.deep.equal(['first']);
    expect(clock.pendingTimers).to.equal(0);
  });

  it('refuses to run backwards and refuses delays that are no number', async () => {
    const clock = new FakeClock();
    const refusal = await clock.advance(-1).then(
      () => undefined,
      (error: unknown) => error,
    );

    expect(refusal).to.be.instanceOf(RangeError);
    expect(() => clock.setTimer(Number.NaN, () => undefined)).to.throw(RangeError, 'delay of a timer is NaN');
  });

  it('runs every timer exactly once and never early, however the way is cut into steps', async () => {
    const delays = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 10 });
    const steps = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(delays, steps, async (given, cuts) => {
        const clock = new FakeClock();
        const ran: [number, number][] = [];
        for (const delayMs of given) clock.setTimer(delayMs, () => ran.push([delayMs, clock.monotonicMs()]));
        for (const step of cuts) await clock.advance(step);
        await clock.advance(50);
        expect(ran.map(([delayMs]) => delayMs)).to.deep.equal([...given].sort((a, b) => a - b));
        for (const [delayMs, atMs] of ran) expect(atMs).to.equal(delayMs);
      }),
      { numRuns: 40 },
    );
  });

  it('takes the turns that are asked for, one after the other, while time stands still, and none that was cancelled', async () => {
    const clock = new FakeClock();
    const seen: string[] = [];
    clock.nextTurn(() => {
      seen.push('first');
      clock.nextTurn(() => seen.push('second'));
    });
    clock.nextTurn(() => seen.push('cancelled')).cancel();
    await clock.advance(0);

    expect(seen).to.deep.equal(['first', 'second']);
    expect(clock.monotonicMs()).to.equal(0);
  });
});
