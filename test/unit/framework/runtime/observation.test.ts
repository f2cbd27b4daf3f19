import { expect } from 'chai';
import { Daemon, Handler, OnEvent } from '../../../../src/framework/decorators';
import { nullLogger } from '../../../../src/framework/logging/logger';
import { buildRegistry, isDaemon } from '../../../../src/framework/registry/registry';
import type { DaemonContext } from '../../../../src/framework/runtime/context';
import { DaemonPool } from '../../../../src/framework/runtime/daemon-pool';
import { Dispatcher, type DispatcherOptions } from '../../../../src/framework/runtime/dispatcher';
import { FilterJudge } from '../../../../src/framework/runtime/filter-judge';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import type { ResourceEvent } from '../../../../src/framework/watch/resource-event';
import { aWidget, Widget } from './controller-bench';

const throwing = (): boolean => {
  throw new Error('filter');
};

@Handler()
class Tasks {
  @Daemon(Widget, { stopMs: 1_000 })
  async watch(): Promise<void> {}
}

@Handler()
class PickyTasks {
  @Daemon(Widget, { when: throwing })
  async watch(): Promise<void> {}
}

/** A pool whose tasks end when the test says so, and what it told. */
function aPool(Class: typeof Tasks | typeof PickyTasks = Tasks) {
  const clock = new FakeClock();
  const told: string[] = [];
  const open: (() => void)[] = [];
  const pool = new DaemonPool({
    spec: buildRegistry({ handlers: [Class], domain: 'example.org' }).specs.find(isDaemon)!,
    clock,
    log: nullLogger,
    filters: new FilterJudge(nullLogger, (_spec, error) => told.push(`filter ${(error as Error).message}`)),
    random: () => 0.5,
    call: () => new Promise<void>((resolve) => open.push(resolve)),
    contextFor: () => ({ latest: () => undefined }) as unknown as DaemonContext,
    onRunning: (tasks) => told.push(`running ${tasks}`),
    onAbandoned: () => told.push('abandoned'),
    onAbandonedEnded: () => told.push('abandoned ended'),
  });
  return { clock, told, open, pool };
}

describe('what a pool of daemons tells about itself', () => {
  it('is how many tasks run', async () => {
    const { clock, told, open, pool } = aPool();
    pool.activate([aWidget({ name: 'a' }), aWidget({ name: 'b' })]);
    await clock.advance(0);
    open[0]!();
    await clock.advance(0);

    expect(told).to.deep.equal(['running 1', 'running 2', 'running 1']);
  });

  it('is that a task ignores its signal, and that it has ended after all', async () => {
    const { clock, told, open, pool } = aPool();
    pool.activate([aWidget({ name: 'a' })]);
    await clock.advance(0);
    pool.forget('n/a');
    await clock.advance(1_000);
    expect(told).to.deep.equal(['running 1', 'abandoned', 'running 0']);

    open[0]!();
    await clock.advance(0);
    expect(told.slice(3)).to.deep.equal(['abandoned ended']);
  });

  it('is that a filter threw', async () => {
    const { told, pool } = aPool(PickyTasks);
    pool.activate([aWidget()]);
    expect(told).to.deep.equal(['filter filter']);
  });
});

describe('what the dispatcher tells about event handlers', () => {
  function aDispatcher(handler: object) {
    const Class = handler.constructor as new () => object;
    const listeners: ((event: ResourceEvent) => void)[] = [];
    const told: string[] = [];
    new Dispatcher({
      registry: buildRegistry({ handlers: [Class], domain: 'example.org' }),
      cluster: {
        name: 'local',
        onChange: () => () => undefined,
        informers: { ensure: () => ({ subscribe: (listener: (event: ResourceEvent) => void) => listeners.push(listener) }) },
      },
      instances: { of: () => handler },
      log: nullLogger,
      filters: new FilterJudge(nullLogger, ({ id }) => told.push(`filter ${id}`)),
      onEventError: ({ id }: { id: string }) => told.push(`event ${id}`),
    } as unknown as DispatcherOptions);
    const deliver = (): void => {
      const event: ResourceEvent = { type: 'ADDED', object: aWidget(), old: undefined, initial: false, lost: false, cluster: 'local' };
      for (const listener of listeners) listener(event);
    };
    return { told, deliver };
  }

  it('is that one threw, at once or later', async () => {
    @Handler()
    class Failing {
      @OnEvent(Widget)
      now(): void {
        throw new Error('now');
      }

      @OnEvent(Widget)
      later(): Promise<void> {
        return Promise.reject(new Error('later'));
      }
    }
    const { told, deliver } = aDispatcher(new Failing());
    deliver();
    await new FakeClock().advance(0);

    expect(told).to.deep.equal(['event Failing.now', 'event Failing.later']);
  });

  it('is that the filter of one threw, which then does not run', () => {
    const runs: unknown[] = [];
    @Handler()
    class Picky {
      @OnEvent(Widget, { when: throwing })
      seen(event: ResourceEvent): void {
        runs.push(event);
      }
    }
    const { told, deliver } = aDispatcher(new Picky());
    deliver();

    expect(told).to.deep.equal(['filter Picky.seen']);
    expect(runs).to.deep.equal([]);
  });
});
