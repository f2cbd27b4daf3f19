import { expect } from 'chai';
import { type DaemonContext, Handler, OnStartup, Reconcile, type ReconcileContext } from '../../../../src/framework';
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

  it('tells once when everything is listed, before any handler runs', async () => {
    @Handler()
    class Told {
      @Reconcile(Part)
      async reconcile(): Promise<void> {
        told.push('run');
      }
    }
    const told: string[] = [];
    const { start, server } = await aWorld();
    server.objects.create(Part, aPart('one'));
    await start({ handlers: [Told], onListed: () => void told.push('listed') });
    await poll('the handler has run', () => told.includes('run'));
    server.objects.create(Part, aPart('two'));
    await poll('the handler has run again', () => told.length > 2);
    expect(told).to.deep.equal(['listed', 'run', 'run']);
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
