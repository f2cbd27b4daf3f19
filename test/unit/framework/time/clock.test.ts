import { expect } from 'chai';
import { SystemClock } from '../../../../src/framework/time/clock';

const fired = (clock: SystemClock, delayMs: number): Promise<void> => new Promise((resolve) => clock.setTimer(delayMs, resolve));

describe('the machine’s clock', () => {
  it('measures time that never runs backwards', async () => {
    const clock = new SystemClock();
    const before = clock.monotonicMs();
    await fired(clock, 5);

    // A timer may fire a fraction of a millisecond before the finer clock says so.
    expect(clock.monotonicMs() - before).to.be.at.least(4);
    const [least, now, most] = [Date.now(), clock.now(), Date.now()];
    expect(now).to.be.within(least, most);
  });

  it('does not call a timer that was cancelled, and bears cancelling twice and after the call', async () => {
    const clock = new SystemClock();
    let calls = 0;
    const cancelled = clock.setTimer(1, () => calls++);
    cancelled.cancel();
    cancelled.cancel();
    const counted = clock.setTimer(1, () => calls++);
    await fired(clock, 10);
    counted.cancel();

    expect(calls).to.equal(1);
  });

  it('takes a time that is past for now, without a warning', async () => {
    const clock = new SystemClock();
    const warnings: string[] = [];
    const listen = ({ name }: Error): void => void warnings.push(name);
    process.on('warning', listen);
    try {
      let isWithinCall = true;
      await new Promise<void>((resolve) => {
        clock.setTimer(-5.13, () => {
          expect(isWithinCall).to.equal(false);
          resolve();
        });
        isWithinCall = false;
      });
      await fired(clock, 1);
    } finally {
      process.off('warning', listen);
    }

    expect(warnings).to.deep.equal([]);
  });

  for (const delayMs of [2 ** 31, 2 ** 40, Number.POSITIVE_INFINITY]) {
    it(`does not take a delay of ${delayMs} ms, too long for the platform’s timers, for none`, async () => {
      const clock = new SystemClock();
      let calls = 0;
      const timer = clock.setTimer(delayMs, () => calls++);
      await fired(clock, 20);
      timer.cancel();

      expect(calls).to.equal(0);
    });
  }
});
