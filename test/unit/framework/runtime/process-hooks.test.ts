import { expect } from 'chai';
import type { KubeClient } from '../../../../src/framework/client';
import type { Cluster } from '../../../../src/framework/cluster/cluster';
import { Handler, OnShutdown, OnStartup, Probe } from '../../../../src/framework/decorators';
import { rootContainer } from '../../../../src/framework/decorators/container';
import type { HandlerClass } from '../../../../src/framework/decorators/handler';
import { buildRegistry, isHook, isProbe } from '../../../../src/framework/registry/registry';
import type { ProcessContext } from '../../../../src/framework/runtime/context';
import { Instances } from '../../../../src/framework/runtime/instances';
import { ProcessHooks, probeCheck } from '../../../../src/framework/runtime/process-hooks';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { RecordingLogger } from '../../../../src/framework/testing/recording-logger';

function bench(...handlers: HandlerClass[]) {
  const clock = new FakeClock();
  const log = new RecordingLogger();
  const stop = new AbortController();
  const instances = new Instances(rootContainer.createChildContainer());
  instances.build(handlers);
  const { specs } = buildRegistry({ handlers });
  const context: ProcessContext = { cluster: {} as Cluster, client: {} as KubeClient, log, signal: stop.signal, clock };
  const checks = specs.filter(isProbe).map((spec) => probeCheck(spec, instances, clock));
  return { clock, log, stop, context, checks, hooks: new ProcessHooks(specs.filter(isHook), instances, clock) };
}

/** Settles with the value or the error. */
const settled = <T>(promise: Promise<T>): Promise<unknown> => promise.catch((error: unknown) => error);

const calls: string[] = [];

@Handler()
class Ordered {
  @OnStartup({ order: 20 })
  async late(): Promise<void> {
    calls.push('start 20');
  }

  @OnStartup()
  last(): void {
    calls.push('start 100');
  }

  @OnStartup({ order: -5 })
  async early(): Promise<void> {
    calls.push('start -5');
  }

  @OnShutdown({ order: 1 })
  async one(): Promise<void> {
    calls.push('stop 1');
  }

  @OnShutdown({ order: 2 })
  async two(): Promise<void> {
    calls.push('stop 2');
  }
}

describe('process hooks', () => {
  beforeEach(() => calls.splice(0));

  it('run in ascending order at start and in descending order at shutdown', async () => {
    const { hooks, context } = bench(Ordered);
    await hooks.startUp('process', context);
    expect(calls.splice(0)).to.deep.equal(['start -5', 'start 20', 'start 100']);

    expect(await hooks.shutDown('process', context)).to.equal(true);
    expect(calls).to.deep.equal(['stop 2', 'stop 1']);
  });

  it('run in the phase they belong to and in no other', async () => {
    @Handler()
    class Phased {
      @OnStartup({ phase: 'leader' })
      leads(): void {
        calls.push('leads');
      }

      @OnStartup()
      starts(): void {
        calls.push('starts');
      }

      @OnShutdown({ phase: 'leader' })
      resigns(): void {
        calls.push('resigns');
      }
    }
    const { hooks, context } = bench(Phased);
    await hooks.startUp('leader', context);
    await hooks.shutDown('process', context);
    await hooks.shutDown('leader', context);

    expect(calls).to.deep.equal(['leads', 'resigns']);
  });

  it('run one after the other, and each gets a signal of its own', async () => {
    const signals: AbortSignal[] = [];
    const order: string[] = [];
    @Handler()
    class Slow {
      @OnStartup({ order: 1 })
      async slow({ clock, signal }: ProcessContext): Promise<void> {
        signals.push(signal);
        await new Promise<void>((resolve) => clock.setTimer(1_000, resolve));
        order.push('slow');
      }

      @OnStartup({ order: 2 })
      async next({ signal }: ProcessContext): Promise<void> {
        signals.push(signal);
        order.push('next');
      }
    }
    const { hooks, context, clock } = bench(Slow);
    const started = hooks.startUp('process', context);
    await clock.advance(999);
    expect(order).to.deep.equal([]);

    await clock.advance(1);
    await started;
    expect(order).to.deep.equal(['slow', 'next']);
    expect(signals[0]).not.to.equal(signals[1]);
  });

  it('end the start with the error of the first that fails', async () => {
    const error = new Error('port 9 is in use');
    @Handler()
    class Failing {
      @OnStartup({ order: 1 })
      async fail(): Promise<void> {
        throw error;
      }

      @OnStartup({ order: 2 })
      never(): void {
        calls.push('ran');
      }
    }
    const { hooks, context } = bench(Failing);

    expect(await settled(hooks.startUp('process', context))).to.equal(error);
    expect(calls).to.deep.equal([]);
  });

  it('log failures at shutdown and go on with the next', async () => {
    @Handler()
    class Failing {
      @OnShutdown({ order: 2 })
      fail(): void {
        throw new Error('still open');
      }

      @OnShutdown({ order: 1 })
      next(): void {
        calls.push('ran');
      }
    }
    const { hooks, context, log } = bench(Failing);

    expect(await hooks.shutDown('process', context)).to.equal(false);
    expect(calls).to.deep.equal(['ran']);
    expect(log.lines.map(({ level, message, fields }) => [level, message, fields['controller']])).to.deep.equal([
      ['error', 'shutdown hook failed', 'Failing.fail'],
    ]);
  });

  it('are told by their signal when their time is over, and fail', async () => {
    @Handler()
    class Hanging {
      @OnStartup({ timeoutMs: 500 })
      hang({ signal }: ProcessContext): Promise<void> {
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
      }
    }
    const { hooks, context, clock } = bench(Hanging);
    const started = settled(hooks.startUp('process', context));
    await clock.advance(500);

    expect(await started).to.have.property('message', 'timed out after 500 ms');
  });

  it('are named in the log when they do not listen to their signal', async () => {
    let end = (): void => undefined;
    @Handler()
    class Deaf {
      @OnShutdown({ timeoutMs: 500 })
      hang(): Promise<void> {
        return new Promise((resolve) => (end = resolve));
      }
    }
    const { hooks, context, clock, log } = bench(Deaf);
    const ended = hooks.shutDown('process', context);
    await clock.advance(10_500);
    expect(log.lines.map(({ message, fields }) => [message, fields['controller']])).to.deep.equal([
      ['hook ignores its signal', 'Deaf.hang'],
    ]);

    end();
    expect(await ended).to.equal(false);
  });

  it('may return what they like', async () => {
    @Handler()
    class Talkative {
      @OnStartup()
      chain(): Promise<void> {
        return Promise.resolve({ anything: true }) as unknown as Promise<void>;
      }
    }
    const { hooks, context } = bench(Talkative);

    expect(await settled(hooks.startUp('process', context))).to.equal(undefined);
  });
});

describe('a probe', () => {
  const checkOf = (probe: () => string | Promise<string>) => {
    @Handler()
    class Probing {
      @Probe('grpc', { timeoutMs: 1_000 })
      probe(): string | Promise<string> {
        return probe();
      }
    }
    const { checks, clock } = bench(Probing);
    return { check: checks[0]!, clock };
  };

  it('is ok with the text it returns', async () => {
    const { check } = checkOf(() => 'listening on 9443');

    expect(check.name).to.equal('grpc');
    expect(await check.run()).to.deep.equal({ state: 'ok', detail: 'listening on 9443' });
    expect(await checkOf(async () => 'later').check.run()).to.deep.equal({ state: 'ok', detail: 'later' });
  });

  it('has failed with the message it throws, at once or later', async () => {
    const throwing = (): string => {
      throw new Error('not listening');
    };
    const failed = { state: 'failed', detail: 'not listening' };

    expect(await checkOf(throwing).check.run()).to.deep.equal(failed);
    expect(await checkOf(async () => throwing()).check.run()).to.deep.equal(failed);
  });

  it('has failed when it does not answer in time, and a late answer changes nothing', async () => {
    let answer = (_text: string): void => undefined;
    const { check, clock } = checkOf(() => new Promise((resolve) => (answer = resolve)));
    const result = check.run();
    await clock.advance(1_000);
    answer('late');

    expect(await result).to.deep.equal({ state: 'failed', detail: 'no answer within 1000 ms' });
    await clock.advance(0);
    expect(clock.pendingTimers).to.equal(0);
  });
});
