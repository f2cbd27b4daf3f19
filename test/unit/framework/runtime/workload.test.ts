import { expect } from 'chai';
import { Handler, OnShutdown, OnStartup } from '../../../../src/framework/decorators';
import { rootContainer } from '../../../../src/framework/decorators/container';
import type { DaemonContext, ProcessContext } from '../../../../src/framework/index';
import { nullLogger } from '../../../../src/framework/logging/logger';
import { KeyedQueue } from '../../../../src/framework/queue/keyed-queue';
import { buildRegistry, isHook } from '../../../../src/framework/registry/registry';
import type { Dispatcher } from '../../../../src/framework/runtime/dispatcher';
import { Instances } from '../../../../src/framework/runtime/instances';
import { ProcessHooks } from '../../../../src/framework/runtime/process-hooks';
import { type LeaderOnly, Workload } from '../../../../src/framework/runtime/workload';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { sleep } from '../../../../src/framework/time/sleep';

const journal: string[] = [];
let startUp: (ctx: ProcessContext) => Promise<void> | void = () => undefined;

@Handler()
class Hooks {
  @OnStartup({ phase: 'leader', order: 2 })
  later(): void {
    journal.push('leader start 2');
  }

  @OnStartup({ phase: 'leader', order: 1 })
  async sooner(ctx: ProcessContext): Promise<void> {
    journal.push('leader start 1');
    await startUp(ctx);
  }

  @OnShutdown({ phase: 'leader' })
  end(): void {
    journal.push('leader end');
  }

  @OnStartup()
  everywhere(): void {
    journal.push('process start');
  }
}

/** A queue with one key, whose run takes a while. */
class Work implements LeaderOnly {
  readonly queue: KeyedQueue;

  constructor(clock: FakeClock, runMs: number, signal?: AbortSignal) {
    this.queue = new KeyedQueue({
      name: 'work',
      clock,
      run: async () => {
        journal.push('run begins');
        await sleep(clock, runMs, signal).catch(() => undefined);
        journal.push('run ends');
      },
    });
  }

  activate(): void {
    journal.push('activate');
    this.queue.add('key', 'low');
    this.queue.start();
  }

  deactivate(): void {
    journal.push('deactivate');
    this.queue.pause();
    this.queue.clear();
  }
}

describe('the work of a leader', () => {
  let clock: FakeClock;
  let daemonsLeft: number;
  let daemonsEndAfterMs: number;

  const workloadOf = (...work: LeaderOnly[]): Workload => {
    const instances = new Instances(rootContainer.createChildContainer());
    const registry = buildRegistry({ handlers: [Hooks] });
    instances.build(registry.classes);
    const stopDaemons = async (): Promise<number> => {
      if (daemonsEndAfterMs > 0) await sleep(clock, daemonsEndAfterMs);
      return daemonsLeft;
    };
    const dispatcher = { controllers: [], activate: () => undefined, stopDaemons };
    const workload = new Workload({
      dispatcher: () => dispatcher as unknown as Dispatcher,
      hooks: new ProcessHooks(registry.specs.filter(isHook), instances, clock),
      context: (signal) => ({ signal, log: nullLogger, clock }) as unknown as ProcessContext & DaemonContext,
      clock,
      steps: () => ({ done: () => undefined }),
    });
    for (const one of work) workload.join(one);
    return workload;
  };

  beforeEach(() => {
    clock = new FakeClock();
    daemonsLeft = 0;
    daemonsEndAfterMs = 0;
    journal.length = 0;
    startUp = () => undefined;
  });

  it('begins with the leader hooks in their order and then lets queues run; process hooks are no part of it', async () => {
    await workloadOf(new Work(clock, 0)).begin(new AbortController().signal);
    await clock.advance(0);

    expect(journal).to.deep.equal(['leader start 1', 'leader start 2', 'activate', 'run begins', 'run ends']);
  });

  it('lets no queue run when the term is lost while its hooks run', async () => {
    const term = new AbortController();
    const workload = workloadOf(new Work(clock, 0));
    startUp = () => sleep(clock, 1_000);
    const begun = workload.begin(term.signal);
    term.abort();
    await clock.advance(1_000);
    await begun.catch(() => undefined);

    expect(journal).to.not.include('activate');
  });

  it('rejects with the error of a start-up hook and lets no queue run', async () => {
    startUp = () => {
      throw new Error('no port');
    };
    const error = await workloadOf(new Work(clock, 0))
      .begin(new AbortController().signal)
      .catch((caught: unknown) => caught);

    expect((error as Error).message).to.equal('no port');
    expect(journal).to.deep.equal(['leader start 1']);
  });

  it('gives daemons and runs their time to end side by side when it is drained', async () => {
    daemonsEndAfterMs = 10_000;
    const term = new AbortController();
    const workload = workloadOf(new Work(clock, 60_000, term.signal));
    await workload.begin(term.signal);
    await clock.advance(0);
    let abortedMs = 0;
    const drained = workload.drain(15_000, () => {
      abortedMs = clock.monotonicMs();
      term.abort();
    });
    await clock.advance(15_000);

    expect(await drained).to.equal(true);
    expect(abortedMs).to.equal(15_000);
  });

  it('ends when runs have ended, after which the shutdown hooks run, once', async () => {
    const workload = workloadOf(new Work(clock, 500));
    await workload.begin(new AbortController().signal);
    await clock.advance(0);
    journal.length = 0;
    const ended = workload.end();
    await clock.advance(500);

    expect(await ended).to.equal(true);
    expect(await workload.endHooks()).to.equal(true);
    expect(journal).to.deep.equal(['deactivate', 'run ends', 'leader end']);
  });

  it('begins again after it ended', async () => {
    const workload = workloadOf(new Work(clock, 0));
    for (let term = 1; term <= 2; term++) {
      await workload.begin(new AbortController().signal);
      await clock.advance(0);
      await workload.end();
    }

    expect(journal.filter((line) => line === 'run ends')).to.have.length(2);
    expect(journal.filter((line) => line === 'leader end')).to.have.length(2);
  });

  it('says that something was given up when a daemon ignores its signal', async () => {
    daemonsLeft = 1;
    const workload = workloadOf();
    await workload.begin(new AbortController().signal);

    expect(await workload.end()).to.equal(false);
  });

  it('lets runs finish at shutdown, aborts them when the time is over, and gives up after 3 more seconds', async () => {
    for (const [runMs, honoursSignal, takesMs, ended] of [
      [4_000, false, 4_000, true],
      [60_000, true, 15_000, true],
      [60_000, false, 18_000, false],
    ] as const) {
      const stop = new AbortController();
      const workload = workloadOf(new Work(clock, runMs, honoursSignal ? stop.signal : undefined));
      await workload.begin(new AbortController().signal);
      await clock.advance(0);
      const startMs = clock.monotonicMs();
      let doneMs = 0;
      const done = workload
        .drain(15_000, () => stop.abort())
        .then((result) => {
          doneMs = clock.monotonicMs() - startMs;
          return result;
        });
      await clock.advance(20_000);

      expect(await done).to.equal(ended);
      expect(doneMs).to.equal(takesMs);
    }
  });

  it('activates a queue that joins while work goes on', async () => {
    const workload = workloadOf();
    await workload.begin(new AbortController().signal);
    workload.join(new Work(clock, 0));
    await clock.advance(0);

    expect(journal).to.include('run ends');
  });
});
