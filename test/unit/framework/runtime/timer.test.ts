import { expect } from 'chai';
import { Handler, OnTimer, type OnTimerOptions } from '../../../../src/framework/decorators';
import { PermanentError } from '../../../../src/framework/errors/handler-errors';
import type { HandlerContext } from '../../../../src/framework/runtime/context';
import { sleep } from '../../../../src/framework/time/sleep';
import { aWidget, Bench, Widget } from './controller-bench';

interface Timed {
  readonly atMs: number[];
  readonly reasons: string[][];
  errors: Error[];
  takesMs: number;
}

function timed(options: Partial<OnTimerOptions<Widget>> = {}): Timed {
  @Handler()
  class TimedHandler implements Timed {
    readonly atMs: number[] = [];
    readonly reasons: string[][] = [];
    errors: Error[] = [];
    takesMs = 0;

    @OnTimer(Widget, { intervalMs: 10_000, ...options })
    async beat(_object: Widget, ctx: HandlerContext<Widget>): Promise<void> {
      this.atMs.push(ctx.clock.monotonicMs());
      this.reasons.push([...ctx.reasons]);
      if (this.takesMs > 0) await sleep(ctx.clock, this.takesMs);
      const error = this.errors.shift();
      if (error !== undefined) throw error;
    }
  }
  return new TimedHandler();
}

describe('@OnTimer', () => {
  it('runs first after the delay plus up to a tenth of the interval', async () => {
    for (const [random, expected] of [
      [0, 3_000],
      [0.5, 3_500],
      [0.999, 3_999],
    ] as const) {
      const handler = timed({ initialDelayMs: 3_000 });
      const bench = await new Bench(handler, { random: () => random }).activate();
      await bench.put(aWidget());
      await bench.clock.advance(5_000);
      expect(handler.atMs.map(Math.round)).to.deep.equal([expected]);
      expect(handler.reasons).to.deep.equal([['timer']]);
    }
  });

  it('counts the interval from the end of a run', async () => {
    const handler = timed();
    handler.takesMs = 4_000;
    const bench = await new Bench(handler, { random: () => 0 }).activate();
    await bench.put(aWidget());
    await bench.clock.advance(30_000);

    expect(handler.atMs).to.deep.equal([0, 14_000, 28_000]);
  });

  it('counts a sharp interval from the start and skips beats that it missed', async () => {
    const handler = timed({ sharp: true });
    handler.takesMs = 4_000;
    const bench = await new Bench(handler, { random: () => 0 }).activate();
    await bench.put(aWidget());
    await bench.clock.advance(15_000);
    handler.takesMs = 25_000;
    await bench.clock.advance(50_000);

    expect(handler.atMs).to.deep.equal([0, 10_000, 20_000, 50_000]);
  });

  it('waits until the object has not changed for a while', async () => {
    const handler = timed({ idleMs: 15_000 });
    const bench = await new Bench(handler, { random: () => 0 }).activate();
    await bench.put(aWidget());
    await bench.clock.advance(12_000);
    await bench.put(aWidget({ generation: 2 }));
    await bench.clock.advance(14_999);
    expect(handler.atMs).to.deep.equal([]);

    await bench.clock.advance(1);
    expect(handler.atMs).to.deep.equal([27_000]);
  });

  it('does not let a change bring a beat forward', async () => {
    const handler = timed();
    const bench = await new Bench(handler, { random: () => 0 }).activate();
    await bench.put(aWidget());
    await bench.put(aWidget({ generation: 2 }));
    await bench.clock.advance(9_999);

    expect(handler.atMs).to.deep.equal([0]);
  });

  it('retries a failure by the retry rule, then goes on beating', async () => {
    const handler = timed();
    handler.errors.push(new Error('one'), new Error('two'));
    const bench = await new Bench(handler, { random: () => 0.5 }).activate();
    await bench.put(aWidget());
    await bench.clock.advance(15_000);

    expect(handler.atMs).to.deep.equal([500, 1_500, 3_500, 13_500]);
  });

  it('keeps its beat after a failure that is not to be retried', async () => {
    for (const sharp of [false, true]) {
      const handler = timed({ sharp });
      handler.takesMs = 2_000;
      handler.errors.push(new PermanentError('wrong'));
      const bench = await new Bench(handler, { random: () => 0 }).activate();
      await bench.put(aWidget());
      await bench.clock.advance(12_000);
      expect(handler.atMs).to.deep.equal(sharp ? [0, 10_000] : [0, 12_000]);
    }
  });

  it('stops when the object stops matching and starts anew when it matches again', async () => {
    const handler = timed({ labels: { on: 'yes' }, initialDelayMs: 5_000 });
    const bench = await new Bench(handler, { random: () => 0 }).activate();
    await bench.put(aWidget({ labels: { on: 'yes' } }));
    await bench.clock.advance(4_000);
    await bench.put(aWidget());
    await bench.clock.advance(60_000);
    expect(handler.atMs).to.deep.equal([]);

    await bench.put(aWidget({ labels: { on: 'yes' } }));
    await bench.clock.advance(4_999);
    expect(handler.atMs).to.deep.equal([]);
    await bench.clock.advance(1);
    expect(handler.atMs).to.deep.equal([69_000]);
  });

  it('ends with the object', async () => {
    const handler = timed();
    const bench = await new Bench(handler, { random: () => 0 }).activate();
    await bench.put(aWidget());
    await bench.remove();
    await bench.clock.advance(60_000);

    expect(handler.atMs).to.deep.equal([0]);
    expect(bench.clock.pendingTimers).to.equal(0);
  });

  it('rests while the object is Terminating', async () => {
    const handler = timed();
    const bench = await new Bench(handler, { random: () => 0 }).activate();
    await bench.put(aWidget());
    await bench.put(aWidget({ deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['other/one'] }));
    await bench.clock.advance(60_000);

    expect(handler.atMs).to.deep.equal([0]);
  });

  it('leaves no timer behind when leadership is lost, and starts anew with the next term', async () => {
    const handler = timed({ initialDelayMs: 5_000 });
    const bench = await new Bench(handler, { random: () => 0 }).activate();
    await bench.put(aWidget());
    await bench.clock.advance(5_000);
    await bench.deactivate();
    expect(bench.clock.pendingTimers).to.equal(0);

    await bench.clock.advance(60_000);
    await bench.activate();
    await bench.clock.advance(5_000);
    expect(handler.atMs).to.deep.equal([5_000, 70_000]);
  });

  it('keeps a beat that lies further ahead than the engine can set a timer', async () => {
    const intervalMs = 2 ** 31 - 1;
    const handler = timed({ intervalMs, initialDelayMs: intervalMs });
    const bench = await new Bench(handler, { random: () => 0.999 }).activate();
    const longest: number[] = [];
    const setTimer = bench.clock.setTimer.bind(bench.clock);
    bench.clock.setTimer = (delayMs, callback) => {
      longest.push(delayMs);
      return setTimer(delayMs, callback);
    };
    await bench.put(aWidget());
    await bench.clock.advance(1.2 * intervalMs);

    expect(handler.atMs).to.have.length(1);
    expect(Math.max(...longest)).to.be.at.most(2 ** 31 - 1);
  });
});
