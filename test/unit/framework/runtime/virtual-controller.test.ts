import { expect } from 'chai';
import type { KubeClient } from '../../../../src/framework/client';
import type { Cluster } from '../../../../src/framework/cluster/cluster';
import type { ClusterRegistry } from '../../../../src/framework/cluster/cluster-registry';
import { ALL, Handler, mapped, OnTimer, Reconcile, Source } from '../../../../src/framework/decorators';
import type { HandlerClass } from '../../../../src/framework/decorators/handler';
import type { MappedWatch } from '../../../../src/framework/decorators/watches';
import { ConfigMap } from '../../../../src/framework/kinds/core-kinds';
import type { KubernetesObject } from '../../../../src/framework/kinds/object';
import { asKind, defineVirtualKind, type KeySource } from '../../../../src/framework/kinds/virtual-kind';
import { nullLogger } from '../../../../src/framework/logging/logger';
import type { ReconcileSpec } from '../../../../src/framework/registry/handler-spec';
import { buildRegistry, isQueued } from '../../../../src/framework/registry/registry';
import type { ReconcileContext, ReconcileResult } from '../../../../src/framework/runtime/context';
import { FilterJudge } from '../../../../src/framework/runtime/filter-judge';
import type { StagedEvent } from '../../../../src/framework/runtime/stage';
import { VirtualController } from '../../../../src/framework/runtime/virtual-controller';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { aWidget } from './controller-bench';

interface Asset {
  readonly name: string;
}
const Asset = defineVirtualKind<Asset>('Asset');
const REPORTED = aWidget({ name: 'reported' });

@Source(Asset)
class NoSource implements KeySource<Asset> {
  resolve(): undefined {}
  start(): void {}
}

type Script = (asset: Asset, ctx: ReconcileContext) => ReconcileResult;

@Handler()
class AssetHandler {
  readonly runs: string[] = [];
  readonly beats: number[] = [];
  constructor(readonly script: Script = () => undefined) {}

  @Reconcile(Asset, {
    watches: [mapped(ConfigMap, ({ metadata }) => (metadata?.name === 'all' ? ALL : [metadata!.name!]))],
    failure: { about: ({ name }) => (name === 'unreported' ? undefined : REPORTED) },
  })
  async reconcile(asset: Asset, ctx: ReconcileContext): Promise<ReconcileResult> {
    this.runs.push(`${asset.name} ${[...ctx.reasons].join()}`);
    return this.script(asset, ctx);
  }

  @OnTimer(Asset, { intervalMs: 10_000, initialDelayMs: 10_000 })
  async beat(_asset: Asset, ctx: ReconcileContext): Promise<void> {
    this.beats.push(ctx.clock.monotonicMs());
  }
}

class VirtualBench {
  readonly clock = new FakeClock();
  readonly events: StagedEvent[] = [];
  readonly errors: string[] = [];
  /** Keys that the source cannot resolve any more. */
  readonly unresolved = new Set<string>();
  rejected = 0;
  readonly controller: VirtualController;
  private readonly watch: [ReconcileSpec, MappedWatch];

  constructor(handler: AssetHandler) {
    const specs = buildRegistry({ handlers: [handler.constructor as HandlerClass, NoSource] }).specs.filter(isQueued);
    const reconcile = specs.find((spec): spec is ReconcileSpec => spec.decorator === 'Reconcile')!;
    this.watch = [reconcile, (reconcile.watches as readonly MappedWatch[])[0]!];
    const log = { ...nullLogger, error: (message: string) => void this.errors.push(message) };
    const unexpected = async (): Promise<never> => {
      throw new Error('a virtual object is never written');
    };
    this.controller = new VirtualController({
      kind: asKind(Asset),
      specs,
      onRejected: () => {
        this.rejected++;
      },
      ports: {
        kind: asKind(Asset),
        cluster: {} as Cluster,
        clusters: {} as ClusterRegistry,
        clock: this.clock,
        log: { ...log, child: () => nullLogger },
        random: () => 0,
        signal: new AbortController().signal,
        handledBy: undefined,
        filters: new FilterJudge(nullLogger),
        find: (_spec, name) => (this.unresolved.has(name) ? undefined : ({ name } as KubernetesObject)),
        instanceOf: () => handler,
        clientFor: () => ({}) as KubeClient,
        ...{ addFinalizer: unexpected, removeFinalizer: unexpected, annotate: unexpected, writeStatus: unexpected },
        sendEvent: (event) => void this.events.push(event),
        hooks: {},
      },
    });
  }

  async after(change: (controller: VirtualController) => void): Promise<void> {
    change(this.controller);
    await this.clock.advance(0);
  }

  mapped(name: string): Promise<void> {
    const event = { type: 'MODIFIED', old: undefined, initial: false, lost: false, cluster: 'local' } as const;
    return this.after((controller) => controller.onMapped(...this.watch, { ...event, object: { metadata: { name } } }));
  }
}

describe('a virtual kind', () => {
  it('runs for keys known before it is active, and for those added or touched later', async () => {
    const handler = new AssetHandler();
    const bench = new VirtualBench(handler);
    await bench.after((sink) => sink.add('old'));
    expect(handler.runs).to.deep.equal([]);

    await bench.after((sink) => sink.activate());
    await bench.after((sink) => sink.add('new'));
    await bench.after((sink) => sink.add('new'));
    await bench.after((sink) => sink.touch('new'));
    await bench.after((sink) => sink.touch('newer'));
    expect(handler.runs).to.deep.equal(['old leader', 'new added', 'new changed', 'newer added']);
  });

  it('is synced when its source says so', () => {
    const { controller } = new VirtualBench(new AssetHandler());
    expect(controller.hasSynced).to.equal(false);
    controller.synced();
    expect(controller.hasSynced).to.equal(true);
  });

  it('forgets a removed key with its timers, though its source could still resolve it', async () => {
    const handler = new AssetHandler(() => ({ requeueAfterMs: 5_000 }));
    const bench = new VirtualBench(handler);
    await bench.after((sink) => sink.activate());
    await bench.after((sink) => sink.add('a'));
    await bench.after((sink) => sink.remove('a'));
    await bench.clock.advance(60_000);
    expect([handler.runs, handler.beats]).to.deep.equal([['a added'], []]);
    expect(bench.clock.pendingTimers).to.equal(0);

    await bench.after((sink) => sink.add('a'));
    expect(handler.runs).to.deep.equal(['a added', 'a added']);
  });

  it('drops the state of a key that cannot be resolved, and starts anew when it can', async () => {
    const handler = new AssetHandler();
    const bench = new VirtualBench(handler);
    await bench.after((sink) => sink.activate());
    await bench.after((sink) => sink.add('a'));
    bench.unresolved.add('a');
    await bench.after((sink) => sink.touch('a'));
    await bench.clock.advance(30_000);
    expect([handler.runs, handler.beats]).to.deep.equal([['a added'], []]);

    bench.unresolved.clear();
    await bench.after((sink) => sink.touch('a'));
    await bench.clock.advance(10_000);
    expect([handler.runs, handler.beats]).to.deep.equal([['a added', 'a changed'], [40_000]]);
  });

  it('is woken by mapped watches for known keys only', async () => {
    const handler = new AssetHandler();
    const bench = new VirtualBench(handler);
    await bench.after((sink) => sink.activate());
    await bench.after((sink) => sink.add('a'));
    await bench.after((sink) => sink.add('b'));
    handler.runs.splice(0);
    await bench.mapped('b');
    await bench.mapped('unknown');
    expect(handler.runs).to.deep.equal(['b mapped']);

    await bench.mapped('all');
    expect(handler.runs).to.have.members(['b mapped', 'a mapped', 'b mapped']);
  });

  it('beats its timers', async () => {
    const handler = new AssetHandler();
    const bench = new VirtualBench(handler);
    await bench.after((sink) => sink.activate());
    await bench.after((sink) => sink.add('a'));
    await bench.clock.advance(20_000);

    expect(handler.beats).to.deep.equal([10_000, 20_000]);
  });

  it('retries failures and reports them on the object that its handler names', async () => {
    const handler = new AssetHandler((_asset, { attempt }) => {
      if (attempt < 3) throw new Error('no template');
    });
    const bench = new VirtualBench(handler);
    await bench.after((sink) => sink.activate());
    await bench.after((sink) => sink.add('a'));
    await bench.after((sink) => sink.add('unreported'));
    await bench.clock.advance(5_000);

    expect(handler.runs.filter((run) => run.startsWith('a '))).to.deep.equal(['a added', 'a retry', 'a retry']);
    expect(bench.events.map(({ reason, note, about }) => `${reason} ${note} ${about.metadata?.name}`)).to.deep.equal([
      'ReconcileError no template reported',
      'ReconcileError no template reported',
    ]);
  });

  it('has no status, and no object of its own for Events', async () => {
    const messages: string[] = [];
    const handler = new AssetHandler((_asset, { status, events }) => {
      for (const use of [
        () => status.set({ a: 1 }),
        () => status.condition({ type: 'Ready', status: 'True', reason: 'Fine', message: '' }),
        () => events.normal('Done', 'all is well'),
      ]) {
        try {
          use();
        } catch (error) {
          messages.push((error as Error).message);
        }
      }
      events.normal('Done', 'all is well', REPORTED);
    });
    const bench = new VirtualBench(handler);
    await bench.after((sink) => sink.activate());
    await bench.after((sink) => sink.add('a'));

    expect(messages).to.deep.equal([
      'AssetHandler.reconcile: ctx.status is not available, Asset is a virtual kind',
      'AssetHandler.reconcile: ctx.status is not available, Asset is a virtual kind',
      'AssetHandler.reconcile: ctx.events needs the object to report on, Asset is a virtual kind: pass it as third argument',
    ]);
    expect(bench.events.map(({ reason }) => reason)).to.deep.equal(['Done']);
  });

  it('refuses keys beyond a hundred thousand, logged once and counted', async () => {
    const bench = new VirtualBench(new AssetHandler());
    for (let number = 0; number < 100_002; number++) bench.controller.add(`key-${number}`);
    bench.controller.touch('one-more');
    bench.controller.touch('key-7');

    expect(bench.rejected).to.equal(3);
    expect(bench.errors).to.deep.equal(['too many keys, further ones are ignored']);
    bench.controller.remove('key-7');
    bench.controller.add('one-more');
    expect(bench.rejected).to.equal(3);
  });

  it('leaves nothing behind when leadership is lost', async () => {
    const handler = new AssetHandler();
    const bench = new VirtualBench(handler);
    await bench.after((sink) => sink.activate());
    await bench.after((sink) => sink.add('a'));
    await bench.after((sink) => sink.deactivate());
    expect(bench.clock.pendingTimers).to.equal(0);

    await bench.after((sink) => sink.activate());
    expect(handler.runs).to.deep.equal(['a added', 'a leader']);
  });
});
