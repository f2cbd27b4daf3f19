import { expect } from 'chai';
import { Registry } from 'prom-client';
import { Handler, Reconcile } from '../../../../src/framework/decorators';
import { ConflictError } from '../../../../src/framework/errors/api-error';
import { PermanentError } from '../../../../src/framework/errors/handler-errors';
import type { ReconcileContext, ReconcileResult } from '../../../../src/framework/runtime/context';
import { HandlerMetrics } from '../../../../src/framework/serving/metrics/handler-metrics';
import { aWidget, Bench, Widget } from '../runtime/controller-bench';
import { seriesValue } from './values';

type Script = (ctx: ReconcileContext<Widget>) => Promise<ReconcileResult> | ReconcileResult;

@Handler()
class Reconciler {
  constructor(readonly script: Script) {}

  @Reconcile(Widget, { timeoutMs: 1_000 })
  async reconcile(_object: Widget, ctx: ReconcileContext<Widget>): Promise<ReconcileResult> {
    return this.script(ctx);
  }
}

const CONFLICT = { status: 409, reason: 'Conflict', message: 'changed meanwhile', method: 'PATCH', path: '/x' };

/** One object whose handler does what the script says. */
async function aMeasuredRun(script: Script) {
  const registry = new Registry();
  const retries: string[] = [];
  const metrics = new HandlerMetrics(registry, (kind) => void retries.push(kind.id));
  const bench = await new Bench(new Reconciler(script), { hooks: metrics.hooks }).activate();
  await bench.put(aWidget());
  const value = (name: string, labels: Record<string, string> = {}): Promise<number | undefined> =>
    seriesValue(registry, name, { controller: 'Reconciler.reconcile', ...labels });
  return { bench, retries, value, metrics, registry };
}

describe('handler metrics', () => {
  it('count a run that succeeds, with its duration', async () => {
    const { value } = await aMeasuredRun(() => undefined);

    expect(await value('controller_runtime_reconcile_total', { result: 'success' })).to.equal(1);
    expect(await value('controller_runtime_reconcile_time_seconds_count')).to.equal(1);
    expect(await value('controller_runtime_reconcile_errors_total')).to.equal(undefined);
  });

  it('tell a run that asks to be looked at again from one that does not', async () => {
    const { value } = await aMeasuredRun(() => ({ requeueAfterMs: 60_000 }));

    expect(await value('controller_runtime_reconcile_total', { result: 'requeue_after' })).to.equal(1);
    expect(await value('controller_runtime_reconcile_total', { result: 'success' })).to.equal(undefined);
  });

  it('count an error and the retry that it leads to', async () => {
    const { value, retries } = await aMeasuredRun(() => {
      throw new Error('no');
    });

    expect(await value('controller_runtime_reconcile_total', { result: 'error' })).to.equal(1);
    expect(await value('controller_runtime_reconcile_errors_total')).to.equal(1);
    expect(await value('controller_runtime_terminal_reconcile_errors_total')).to.equal(undefined);
    expect(retries).to.deep.equal([Widget.id]);
  });

  it('count wrong input as terminal and not as a retry', async () => {
    const { value, retries } = await aMeasuredRun(() => {
      throw new PermanentError('wrong');
    });

    expect(await value('controller_runtime_reconcile_errors_total')).to.equal(1);
    expect(await value('controller_runtime_terminal_reconcile_errors_total')).to.equal(1);
    expect(retries).to.deep.equal([]);
  });

  it('do not take a write that somebody else got ahead of for an error', async () => {
    const { value, retries } = await aMeasuredRun(() => {
      throw new ConflictError(CONFLICT);
    });

    expect(await value('controller_runtime_reconcile_total', { result: 'requeue' })).to.equal(1);
    expect(await value('controller_runtime_reconcile_errors_total')).to.equal(undefined);
    expect(retries).to.have.length(1);
  });

  it('count a run that took too long, and show it as stuck until it has ended', async () => {
    let end: () => void = () => undefined;
    const { bench, value } = await aMeasuredRun(() => new Promise((resolve) => (end = () => resolve(undefined))));
    await bench.clock.advance(12_000);
    expect(await value('steward_handler_abandoned')).to.equal(1);
    expect(await value('steward_handler_timeouts_total')).to.equal(undefined);

    end();
    await bench.clock.advance(0);
    expect(await value('steward_handler_abandoned')).to.equal(0);
    expect(await value('steward_handler_timeouts_total')).to.equal(1);
    expect(await value('controller_runtime_reconcile_time_seconds_sum')).to.equal(12);
  });

  it('show a handler with zeros before its first run', async () => {
    const { metrics, registry } = await aMeasuredRun(() => undefined);
    metrics.declare('Other.reconcile');

    const labels = { controller: 'Other.reconcile' };
    expect(await seriesValue(registry, 'controller_runtime_reconcile_total', { ...labels, result: 'error' })).to.equal(0);
    expect(await seriesValue(registry, 'controller_runtime_reconcile_errors_total', labels)).to.equal(0);
    expect(await seriesValue(registry, 'controller_runtime_reconcile_time_seconds_count', labels)).to.equal(0);
  });
});
