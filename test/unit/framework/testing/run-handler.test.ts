import { expect } from 'chai';
import {
  Cluster,
  ClusterRegistry,
  EventRecorder,
  Handler,
  inject,
  injectable,
  KubeClient,
  MetricsRegistry,
  OnDelete,
  PermanentError,
  Reconcile,
  type ReconcileContext,
  type ReconcileResult,
  Triggers,
} from '../../../../src/framework';
import { ConfigMap } from '../../../../src/framework/kinds/core-kinds';
import { FakeApiServer, FakeClock, runHandler } from '../../../../src/framework/testing';
import { sleep } from '../../../../src/framework/time/sleep';
import { aPart, Part } from '../faults/world';

const LIMIT = Symbol('Limit');

@injectable()
@Handler({ rbac: [{ kind: ConfigMap, verbs: ['create', 'patch'], why: 'one map per part' }] })
class Maps {
  constructor(@inject(LIMIT) private readonly limit: number) {}

  @Reconcile(Part, { owns: [ConfigMap] })
  async reconcile(part: Part, ctx: ReconcileContext<Part>): Promise<ReconcileResult> {
    const size = part.spec?.size ?? 0;
    if (size > this.limit) throw new PermanentError(`size ${size} is above ${this.limit}`, { reason: 'TooLarge' });
    await ctx.client.applyChild(part, ConfigMap, {
      metadata: { name: `${part.metadata?.name}-map`, namespace: 'default' },
      data: { size: String(size) },
    });
    ctx.status.set({ size });
    ctx.events.normal('Mapped', `size ${size}`);
    return { requeueAfterMs: 60_000 };
  }
}

const providers = [{ token: LIMIT, useValue: 10 }];

describe('runHandler', () => {
  it('tells what a handler has written, staged and returned', async () => {
    const outcome = await runHandler(Maps, { object: aPart('a', 3), providers });

    expect((outcome.error as Error | undefined)?.message).to.equal(undefined);
    expect(outcome.result).to.deep.equal({ requeueAfterMs: 60_000 });
    expect(outcome.requeueAfterMs).to.equal(60_000);
    expect(outcome.status).to.include({ size: 3, observedGeneration: 1 });
    expect(outcome.events).to.deep.equal([{ type: 'Normal', reason: 'Mapped', note: 'size 3' }]);
    expect(outcome.writes.map(({ resource, subresource }) => `${resource}/${subresource}`)).to.deep.equal(['configmaps/', 'parts/status']);
  });

  it('tells the error of a handler, its condition and its Event, and does not repeat it', async () => {
    const { error, conditions, events, writes } = await runHandler(Maps, { object: aPart('a', 11), providers });

    expect((error as Error).message).to.equal('size 11 is above 10');
    expect(conditions[0]).to.include({ type: 'Ready', status: 'False', reason: 'TooLarge' });
    expect(events[0]).to.include({ type: 'Warning', reason: 'TooLarge' });
    expect(writes).to.have.length(1);
  });

  it('lets the handler see the cluster it is given, and leaves the cluster running', async () => {
    const clock = new FakeClock();
    const cluster = await FakeApiServer.start({ clock, kinds: [Part] });
    try {
      cluster.objects.create(ConfigMap, { metadata: { name: 'a-map', namespace: 'default' }, data: { theirs: 'yes' } });
      const { error } = await runHandler(Maps, { object: aPart('a', 1), providers, cluster, clock });
      expect((error as { code?: string }).code).to.equal('NOT_OURS');
      expect(cluster.objects.get(ConfigMap, 'default/a-map')).to.have.nested.property('data.theirs', 'yes');
    } finally {
      await cluster.stop();
    }
  });

  it('gives a handler what every operator provides', async () => {
    @Handler()
    class Curious {
      constructor(
        readonly cluster: Cluster,
        readonly clusters: ClusterRegistry,
        readonly client: KubeClient,
        readonly events: EventRecorder,
        readonly metrics: MetricsRegistry,
        readonly triggers: Triggers,
      ) {}

      @Reconcile(Part)
      async reconcile(_part: Part, ctx: ReconcileContext<Part>): Promise<void> {
        const given = [this.cluster, this.clusters, this.client, this.events, this.metrics, this.triggers];
        ctx.status.set({ size: new Set(given).size });
        if (this.cluster !== ctx.cluster || this.clusters !== ctx.clusters) throw new Error('another operator');
      }
    }
    const { status, error } = await runHandler(Curious, { object: aPart('a') });

    expect(error).to.equal(undefined);
    expect(status).to.include({ size: 6 });
  });

  it('runs clean-up for an object that is being deleted', async () => {
    const cleaned: string[] = [];
    @Handler()
    class Cleaner {
      @OnDelete(Part, { finalizer: 'example.org/clean' })
      async clean(part: Part): Promise<void> {
        cleaned.push(part.metadata?.name ?? '');
      }
    }
    const clock = new FakeClock();
    const cluster = await FakeApiServer.start({ clock, kinds: [Part] });
    try {
      const object = { ...aPart('a'), metadata: { name: 'a', namespace: 'default', finalizers: ['example.org/clean'] } };
      cluster.objects.create(Part, object);
      cluster.objects.delete(Part, 'default/a');
      await runHandler(Cleaner, { object, cluster, clock });
      expect(cleaned).to.deep.equal(['a']);
      expect(cluster.objects.get(Part, 'default/a')).to.equal(undefined);
    } finally {
      await cluster.stop();
    }
  });

  it('moves time for a handler that waits, and says so when one has not ended', async () => {
    @Handler()
    class Waiting {
      @Reconcile(Part)
      async reconcile(_part: Part, ctx: ReconcileContext<Part>): Promise<void> {
        await sleep(ctx.clock, 5_000, ctx.signal);
        ctx.status.set({ size: 5 });
      }
    }
    const { status } = await runHandler(Waiting, { object: aPart('a'), advanceMs: 5_000 });
    expect(status).to.include({ size: 5 });

    const failure = await runHandler(Waiting, { object: aPart('a') }).catch((error: Error) => error.message);
    expect(failure).to.contain('see advanceMs');
  });

  it('refuses an object of a kind that the class has no handler for', async () => {
    const failure = await runHandler(Maps, { object: { kind: 'Pod', metadata: { name: 'p' } }, providers }).catch(
      (error: Error) => error.message,
    );
    expect(failure).to.equal('Maps has 0 kinds for an object of kind Pod; its handlers are for Part');
  });
});
