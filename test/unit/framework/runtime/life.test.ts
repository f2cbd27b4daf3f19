import { expect } from 'chai';
import { Daemon, type DaemonContext, Handler, OnShutdown, OnStartup, Reconcile, type ReconcileContext } from '../../../../src/framework';
import { StewardOperator } from '../../../../src/framework/runtime/steward-operator';
import { RecordingLogger } from '../../../../src/framework/testing/recording-logger';
import { sleep } from '../../../../src/framework/time/sleep';
import { poll } from '../../../harness/poll';
import { aPart, aWorld, endWorlds, Part } from '../faults/world';

@Handler()
class Sizes {
  @Reconcile(Part)
  async reconcile(part: Part, ctx: ReconcileContext<Part>): Promise<void> {
    ctx.status.set({ size: part.spec?.size });
  }
}

describe('the life of an operator', () => {
  afterEach(endWorlds);

  it('tells of every step of its start by one line with its time, in their order', async () => {
    @Handler()
    class SlowStart {
      @OnStartup()
      async open({ clock, signal }: { clock: DaemonContext['clock']; signal: AbortSignal }): Promise<void> {
        await sleep(clock, 1_500, signal);
      }
    }
    const { start, log, clock } = await aWorld();
    const starting = start({ handlers: [Sizes, SlowStart], election: 'leader' });
    await poll('the hook waits', async () => {
      await clock.advance(100);
      return log.lines.some(({ fields }) => fields['step'] === 'process hooks');
    });
    await starting;

    const steps = log.lines.filter(({ message }) => message.endsWith('step done'));
    expect(steps.map(({ fields }) => fields['step'])).to.deep.equal([
      'validation',
      'health server',
      'metrics server',
      'init',
      'process hooks',
      'informers',
      'synced',
      'leader election',
      'leader hooks',
      'queues',
    ]);
    expect(steps.every(({ level }) => level === 'info')).to.equal(true);
    const hooks = steps.find(({ fields }) => fields['step'] === 'process hooks')!;
    expect(hooks.fields['tookMs']).to.be.a('number').and.at.least(1_500);
    expect(hooks.fields['totalMs']).to.be.a('number').and.at.least(Number(hooks.fields['tookMs']));
  });

  it('says at once that it is not ready when it is told to stop, and goes on working for the time it was given', async () => {
    const { server, start, clock } = await aWorld();
    const running = await start({ handlers: [Sizes], shutdownDelayMs: 5_000 });
    const { operator } = running;
    const stopped = running.stop();
    expect((await operator.health('readyz')).text).to.include('[-]shutdown failed: stopping');
    server.objects.create(Part, aPart('late', 7));
    await poll('the late object was reconciled', () => server.objects.get(Part, 'default/late')?.status?.size === 7);
    await clock.advance(5_000);

    expect(await stopped).to.equal(0);
  });

  it('ends with 1 when its time to stop is over, whatever still hangs', async () => {
    @Handler()
    class Stubborn {
      @Reconcile(Part)
      reconcile(): Promise<void> {
        return new Promise(() => undefined);
      }

      @Daemon(Part, { stopMs: 60_000 })
      listen(): Promise<void> {
        return new Promise(() => undefined);
      }

      @OnShutdown({ timeoutMs: 60_000 })
      close(): Promise<void> {
        return new Promise(() => undefined);
      }
    }
    const { server, start, log } = await aWorld();
    server.objects.create(Part, aPart('p'));
    const running = await start({ handlers: [Stubborn], shutdownBudgetMs: 20_000 });
    await running.advance(1);
    const { operator } = running;
    const stopped = operator.stop();
    await running.advance(19_999);
    let exitCode: number | undefined;
    void operator.finished.then((code) => {
      exitCode = code;
    });
    await running.settle();
    expect(exitCode).to.equal(undefined);
    await running.advance(1);
    await stopped;

    expect(await operator.finished).to.equal(1);
    expect(log.lines.map(({ message }) => message)).to.include('shutdown took too long, what still runs is left behind');
  });

  it('refuses times that are none', async () => {
    const { start } = await aWorld();
    for (const option of ['shutdownDelayMs', 'shutdownTimeoutMs', 'shutdownBudgetMs']) {
      const error = await start({ handlers: [], [option]: -1 }).catch((caught: unknown) => caught);
      expect(error).to.be.instanceOf(RangeError).with.property('message', `${option} is -1; allowed: 0 to 3600000 milliseconds`);
    }
  });

  it('has failed when its start has', async () => {
    @Handler()
    class Refuses {
      @OnStartup()
      open(): void {
        throw new Error('no port');
      }
    }
    const { start } = await aWorld();
    let made: StewardOperator | undefined;
    const create = (options: ConstructorParameters<typeof StewardOperator>[0]): StewardOperator => {
      made = new StewardOperator(options);
      return made;
    };
    const error = await start({ handlers: [Refuses], create }).catch((caught: Error) => caught.message);

    expect(error).to.equal('no port');
    expect(await made!.finished).to.equal(1);
  });

  it('can be told to stop while it starts: the start rejects, that is no failure, and nothing is left open', async () => {
    @Handler()
    class Waits {
      @OnStartup()
      async open({ signal, clock }: { signal: AbortSignal; clock: DaemonContext['clock'] }): Promise<void> {
        // Ends in spite of the signal, so that the start would go on.
        await sleep(clock, 1_000_000, signal).catch(() => undefined);
      }

      @Reconcile(Part)
      async reconcile(): Promise<void> {}
    }
    const { start, server } = await aWorld();
    let made: StewardOperator | undefined;
    const create = (options: ConstructorParameters<typeof StewardOperator>[0]): StewardOperator => {
      made = new StewardOperator({ ...options, healthAddress: '127.0.0.1:0' });
      return made;
    };
    const started = start({ handlers: [Waits], create }).catch((caught: Error) => caught.message);
    await poll('the operator was made', () => made !== undefined);
    await made!.stop();

    expect(await started).to.equal('the operator was stopped while it started');
    expect(await made!.finished).to.equal(0);
    expect(server.openSockets).to.equal(0);
    expect(server.journal.entries()).to.deep.equal([]);
  });

  it('flushes its log as the last thing it does', async () => {
    class FlushedLogger extends RecordingLogger {
      flushedAt: number | undefined;

      async flush(): Promise<void> {
        this.flushedAt = this.lines.length;
      }
    }
    const logger = new FlushedLogger();
    const { start } = await aWorld();
    const running = await start({ handlers: [Sizes], logger });
    await running.stop();

    expect(logger.flushedAt).to.equal(logger.lines.length);
    expect(logger.lines.at(-1)?.message).to.equal('operator stopped');
  });
});
