import { expect } from 'chai';
import { PermanentError } from '../../../../src/framework/errors/handler-errors';
import { keyOf, type ObjectMeta } from '../../../../src/framework/kinds/object';
import { nullLogger } from '../../../../src/framework/logging/logger';
import { compileRetryOptions, type RetryOptions } from '../../../../src/framework/queue/backoff';
import type { CompiledFilters, DaemonSpec } from '../../../../src/framework/registry/handler-spec';
import type { DaemonContext } from '../../../../src/framework/runtime/context';
import { DaemonPool } from '../../../../src/framework/runtime/daemon-pool';
import { FilterJudge } from '../../../../src/framework/runtime/filter-judge';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { sleep } from '../../../../src/framework/time/sleep';
import { aWidget, Widget } from './controller-bench';

type Script = (object: Widget, ctx: DaemonContext) => Promise<void>;

const NO_FILTERS: CompiledFilters = { labels: [], annotations: [], fields: [], when: undefined };

/** Lives until it is told to end. */
const obedient: Script = (_object, { signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
/** Never ends. */
const stubborn: Script = () => new Promise(() => undefined);

/** A pool with a scripted method; objects come from the test's hand. */
class PoolBench {
  readonly clock = new FakeClock();
  readonly starts: { name: string; generation: number | undefined; attempt: number; atMs: number }[] = [];
  readonly ends: string[] = [];
  abandoned = 0;
  running = 0;
  readonly pool: DaemonPool;
  private readonly objects = new Map<string, Widget>();

  constructor(script: Script, { retry, ...options }: Partial<Omit<DaemonSpec, 'retry'>> & { retry?: RetryOptions } = {}) {
    const spec: DaemonSpec = {
      ...{ id: 'H.daemon', Class: class {}, method: 'daemon', decorator: 'Daemon', kind: Widget as unknown as DaemonSpec['kind'] },
      ...{ filters: NO_FILTERS, clusters: () => true, select: undefined, initialDelayMs: 0, stopMs: 10_000, maxRunning: 1_000 },
      ...{ retry: compileRetryOptions({ jitter: 0, ...retry }), ...options },
    };
    this.pool = new DaemonPool({
      spec,
      clock: this.clock,
      log: nullLogger,
      random: () => 0.5,
      filters: new FilterJudge(nullLogger),
      call: async (object, ctx) => {
        const { name, generation } = object.metadata!;
        this.starts.push({ name: name!, generation, attempt: ctx.attempt, atMs: this.clock.monotonicMs() });
        await script(object as Widget, ctx).finally(() => this.ends.push(name!));
      },
      contextFor: (object, signal, attempt) =>
        ({ signal, attempt, clock: this.clock, latest: () => this.objects.get(keyOf(object)) }) as unknown as DaemonContext,
      onRunning: (tasks) => {
        this.running = tasks;
      },
      onAbandoned: () => {
        this.abandoned++;
      },
    });
    this.pool.activate([]);
  }

  async put(object: Widget): Promise<void> {
    this.objects.set(keyOf(object), object);
    this.pool.observe(object);
    await this.clock.advance(0);
  }

  async remove(key = 'n/w'): Promise<void> {
    this.objects.delete(key);
    this.pool.forget(key);
    await this.clock.advance(0);
  }

  get startTimesMs(): number[] {
    return this.starts.map(({ atMs }) => atMs);
  }
}

const numbered = (number: number, meta: ObjectMeta = {}): Widget => aWidget({ name: `w${number}`, uid: `uid-${number}`, ...meta });

describe('@Daemon', () => {
  it('runs one task for each object, and none beside it when the object changes', async () => {
    const bench = new PoolBench(obedient);
    await bench.put(numbered(1));
    await bench.put(numbered(2));
    await bench.put(numbered(1, { generation: 2 }));

    expect(bench.starts.map(({ name }) => name)).to.deep.equal(['w1', 'w2']);
    expect(bench.running).to.equal(2);
  });

  it('takes up what is there when it becomes active', async () => {
    const bench = new PoolBench(obedient);
    await bench.pool.deactivate();
    bench.pool.observe(numbered(1));
    expect(bench.starts).to.have.length(0);

    bench.pool.activate([numbered(1), numbered(2)]);
    await bench.clock.advance(0);
    expect(bench.starts).to.have.length(2);
  });

  it('waits before the first start', async () => {
    const bench = new PoolBench(obedient, { initialDelayMs: 5_000 });
    await bench.put(aWidget());
    await bench.clock.advance(6_000);

    expect(bench.startTimesMs).to.deep.equal([5_000]);
  });

  it('ends the task when the object goes, stops matching or begins to terminate', async () => {
    const filters: CompiledFilters = { ...NO_FILTERS, labels: [['on', 'yes']] };
    const labels = { on: 'yes' };
    const bench = new PoolBench(obedient, { filters });
    for (const number of [1, 2, 3]) await bench.put(numbered(number, { labels }));
    await bench.remove('n/w1');
    await bench.put(numbered(2, { labels: { on: 'no' } }));
    await bench.put(numbered(3, { labels, deletionTimestamp: '2026-01-01T00:00:00Z' }));

    expect(bench.ends).to.deep.equal(['w1', 'w2', 'w3']);
    expect(bench.running).to.equal(0);
    expect(bench.clock.pendingTimers).to.equal(0);
  });

  it('starts again when the object matches again, even before the old task has ended', async () => {
    const lingering: Script = async (_object, { signal, clock }) => {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      await sleep(clock, 2_000);
    };
    const filters: CompiledFilters = { ...NO_FILTERS, labels: [['on', 'yes']] };
    const bench = new PoolBench(lingering, { filters });
    await bench.put(aWidget({ labels: { on: 'yes' } }));
    await bench.put(aWidget());
    await bench.put(aWidget({ labels: { on: 'yes' } }));
    expect(bench.starts).to.have.length(1);

    await bench.clock.advance(2_000);
    expect(bench.startTimesMs).to.deep.equal([0, 2_000]);
  });

  it('restarts after a throw by the retry rule', async () => {
    const bench = new PoolBench(async () => {
      throw new Error('lost connection');
    });
    await bench.put(aWidget());
    await bench.clock.advance(7_500);

    expect(bench.startTimesMs).to.deep.equal([0, 1_000, 3_000, 7_000]);
    expect(bench.starts.map(({ attempt }) => attempt)).to.deep.equal([1, 2, 3, 4]);
  });

  it('forgets earlier failures after a minute of life', async () => {
    let livesMs = 0;
    const bench = new PoolBench(async (_object, { clock }) => {
      await sleep(clock, livesMs);
      throw new Error('lost connection');
    });
    await bench.put(aWidget());
    await bench.clock.advance(2_500);
    livesMs = 60_000;
    await bench.clock.advance(500);
    livesMs = 0;
    await bench.clock.advance(61_000);

    expect(bench.startTimesMs).to.deep.equal([0, 1_000, 3_000, 64_000]);
  });

  it('restarts with the newest state of the object', async () => {
    const bench = new PoolBench(async () => {
      throw new Error('no');
    });
    await bench.put(aWidget());
    await bench.put(aWidget({ generation: 2 }));
    await bench.clock.advance(1_000);

    expect(bench.starts.map(({ generation }) => generation)).to.deep.equal([1, 2]);
  });

  it('rests after a normal return until the generation changes', async () => {
    const bench = new PoolBench(async () => undefined);
    await bench.put(aWidget());
    await bench.put(aWidget({ labels: { a: 'b' } }));
    await bench.clock.advance(3_600_000);
    expect(bench.starts).to.have.length(1);

    await bench.put(aWidget({ generation: 2 }));
    expect(bench.starts).to.have.length(2);
  });

  it('rests at the generation it had seen when it returned', async () => {
    const bench = new PoolBench((_object, { clock }) => sleep(clock, 5_000));
    await bench.put(aWidget());
    await bench.put(aWidget({ generation: 2 }));
    await bench.clock.advance(5_000);
    await bench.put(aWidget({ generation: 2, labels: { a: 'b' } }));

    expect(bench.starts).to.have.length(1);
  });

  it('rests for good for an object without a generation', async () => {
    const bench = new PoolBench(async () => undefined);
    const { generation: _, ...metadata } = aWidget().metadata!;
    await bench.put({ metadata });
    await bench.put({ metadata: { ...metadata, labels: { a: 'b' } } });

    expect(bench.starts).to.have.length(1);
  });

  it('rests until the object changes after an error that says so, or too many', async () => {
    for (const [error, retry, expected] of [
      [new PermanentError('wrong'), {}, 1],
      [new Error('no'), { maxAttempts: 3 }, 3],
    ] as const) {
      const bench = new PoolBench(
        async () => {
          throw error;
        },
        { retry },
      );
      await bench.put(aWidget());
      await bench.clock.advance(3_600_000);
      expect(bench.starts).to.have.length(expected);

      await bench.put(aWidget({ generation: 2 }));
      expect(bench.starts).to.have.length(expected + 1);
    }
  });

  it('lets objects wait for a place, first come first served', async () => {
    const bench = new PoolBench(obedient, { maxRunning: 2 });
    for (const number of [1, 2, 3, 4]) await bench.put(numbered(number));
    expect(bench.starts.map(({ name }) => name)).to.deep.equal(['w1', 'w2']);

    await bench.remove('n/w3');
    await bench.remove('n/w1');
    expect(bench.starts.map(({ name }) => name)).to.deep.equal(['w1', 'w2', 'w4']);
    expect(bench.running).to.equal(2);
  });

  it('abandons a task that ignores its signal, and gives its place away', async () => {
    const bench = new PoolBench((object, ctx) => (object.metadata!.name === 'w1' ? stubborn : obedient)(object, ctx), {
      maxRunning: 1,
      stopMs: 3_000,
    });
    await bench.put(numbered(1));
    await bench.put(numbered(2));
    await bench.remove('n/w1');
    await bench.clock.advance(2_999);
    expect([bench.abandoned, bench.starts.length]).to.deep.equal([0, 1]);

    await bench.clock.advance(1);
    expect([bench.abandoned, bench.starts.length]).to.deep.equal([1, 2]);
  });

  it('starts the task of a re-created object only after that of the old one has ended', async () => {
    let release = (): void => undefined;
    const bench = new PoolBench((object, ctx) => {
      if (object.metadata!.uid !== 'uid-1') return obedient(object, ctx);
      return new Promise((resolve) => {
        release = resolve;
      });
    });
    await bench.put(aWidget());
    await bench.remove();
    await bench.put(aWidget({ uid: 'uid-2' }));
    expect(bench.starts).to.have.length(1);

    release();
    await bench.clock.advance(0);
    expect(bench.starts).to.have.length(2);
    expect(bench.running).to.equal(1);
  });

  it('ends all tasks when leadership is lost and leaves no timer', async () => {
    const bench = new PoolBench(obedient);
    for (const number of [1, 2]) await bench.put(numbered(number));
    const stopped = bench.pool.deactivate();
    await bench.clock.advance(0);

    expect(await stopped).to.equal(0);
    expect(bench.running).to.equal(0);
    expect(bench.clock.pendingTimers).to.equal(0);
    await bench.put(numbered(3));
    expect(bench.starts).to.have.length(2);
  });

  it('counts what does not end, and starts nothing beside it in the next term', async () => {
    const bench = new PoolBench(stubborn, { stopMs: 1_000 });
    await bench.put(aWidget());
    const stopped = bench.pool.deactivate();
    await bench.clock.advance(1_000);
    expect(await stopped).to.equal(1);
    expect(bench.clock.pendingTimers).to.equal(0);

    bench.pool.activate([aWidget()]);
    await bench.clock.advance(60_000);
    expect(bench.starts).to.have.length(1);
  });
});
