import { expect } from 'chai';
import { ALL, clusterChanges, Handler, OnDelete, Reconcile } from '../../../../src/framework/decorators';
import { ClusterUnavailableError } from '../../../../src/framework/errors/refusal-errors';
import type { ReconcileSpec } from '../../../../src/framework/registry/handler-spec';
import type { ReconcileContext } from '../../../../src/framework/runtime/context';
import { aWidget, Bench, Widget } from './controller-bench';

interface Run {
  readonly atMs: number;
  readonly reasons: string[];
  readonly attempt: number;
}

@Handler()
class Caller {
  readonly runs: Run[] = [];
  /** The cluster that does not answer, or another error. */
  trouble: string | Error | undefined;

  @Reconcile(Widget, { watches: [clusterChanges(() => ALL)] })
  async reconcile(_widget: Widget, ctx: ReconcileContext<Widget>): Promise<void> {
    this.runs.push({ atMs: ctx.clock.monotonicMs(), reasons: [...ctx.reasons], attempt: ctx.attempt });
    if (typeof this.trouble === 'string') throw new ClusterUnavailableError(this.trouble, undefined);
    if (this.trouble !== undefined) throw this.trouble;
  }
}

@Handler()
class Cleaner extends Caller {
  @OnDelete(Widget, { finalizer: 'example.org/cleanup' })
  async cleanUp(): Promise<void> {}
}

describe('a handler that needs a cluster which does not answer', () => {
  it('is parked: it looks again every minute and its failures are not counted', async () => {
    const handler = new Caller();
    handler.trouble = 'b';
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    await bench.clock.advance(130_000);

    expect(handler.runs).to.deep.equal([
      { atMs: 0, reasons: ['added'], attempt: 1 },
      { atMs: 60_000, reasons: ['cluster'], attempt: 1 },
      { atMs: 120_000, reasons: ['cluster'], attempt: 1 },
    ]);
  });

  it('goes on at once when the cluster is back, and when no other one is', async () => {
    const handler = new Caller();
    handler.trouble = 'b';
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    handler.trouble = undefined;
    bench.controller.recover('c', false);
    await bench.clock.advance(1_000);
    expect(handler.runs).to.have.length(1);

    bench.controller.recover('b', false);
    await bench.clock.advance(1);
    expect(handler.runs.at(-1)).to.deep.include({ reasons: ['cluster'], attempt: 1 });
    await bench.clock.advance(300_000);
    expect(handler.runs).to.have.length(2);
  });

  it('runs for a change of its object meanwhile', async () => {
    const handler = new Caller();
    handler.trouble = 'b';
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    await bench.put(aWidget({ generation: 2 }));
    expect(handler.runs).to.have.length(2);
  });

  it('reports it on an object here, and writes nothing to an object over there', async () => {
    const here = new Caller();
    here.trouble = 'b';
    const bench = await new Bench(here).activate();
    await bench.put(aWidget());
    expect(bench.statuses[0]?.conditions).to.deep.include({
      type: 'Ready',
      status: 'False',
      reason: 'ClusterUnavailable',
      message: 'cluster b has not answered yet; the call was not made',
    });
    expect(bench.statuses[0]?.observedGeneration).to.equal(undefined);

    const there = new Caller();
    there.trouble = 'local';
    const own = await new Bench(there).activate();
    await own.put(aWidget());
    expect(own.statuses).to.deep.equal([]);
    expect(own.events).to.deep.equal([]);
  });

  it('recovers its condition afterwards', async () => {
    const handler = new Caller();
    handler.trouble = 'b';
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    handler.trouble = undefined;
    bench.controller.recover('b', false);
    await bench.clock.advance(0);
    expect(bench.statuses.at(-1)?.conditions).to.deep.include({ type: 'Ready', status: 'True', reason: 'Recovered', message: '' });
  });

  it('of its own cluster loses whatever backoff it had', async () => {
    const handler = new Caller();
    handler.trouble = new Error('no answer');
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    await bench.clock.advance(100_000);
    const runs = handler.runs.length;
    handler.trouble = undefined;

    bench.controller.recover('local', true);
    await bench.clock.advance(1);
    expect(handler.runs).to.have.length(runs + 1);
  });

  it('does not run for a recovery when it waits for nothing', async () => {
    const handler = new Caller();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    bench.controller.recover('local', true);
    await bench.clock.advance(1_000);
    expect(handler.runs).to.have.length(1);
  });

  it('waits with its finalizer as well', async () => {
    const handler = new Cleaner();
    const bench = new Bench(handler);
    bench.writeErrors.push(new ClusterUnavailableError('local', undefined));
    await bench.activate();
    await bench.put(aWidget());
    await bench.clock.advance(30_000);
    expect(handler.runs).to.have.length(0);
    expect(bench.finalizerWrites).to.deep.equal([]);

    bench.controller.recover('local', true);
    await bench.clock.advance(1);
    expect(bench.finalizerWrites).to.deep.equal(['+example.org/cleanup']);
    expect(handler.runs).to.have.length(1);
  });

  it('is told of changes of clusters', async () => {
    const handler = new Caller();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    const spec = bench.specs.find((candidate): candidate is ReconcileSpec => candidate.decorator === 'Reconcile')!;

    bench.controller.onClusterChange(spec, ALL);
    await bench.clock.advance(0);
    bench.controller.onClusterChange(spec, ['n/w', 'n/absent']);
    await bench.clock.advance(0);
    bench.controller.onClusterChange(spec, []);
    await bench.clock.advance(0);
    expect(handler.runs.map(({ reasons }) => reasons)).to.deep.equal([['added'], ['cluster'], ['cluster']]);
  });
});
