import { expect } from 'chai';
import { Handler, Reconcile } from '../../../../src/framework/decorators';
import { TemporaryError } from '../../../../src/framework/errors/handler-errors';
import type { ReconcileContext, ReconcileResult } from '../../../../src/framework/runtime/context';
import { RecordingLogger } from '../../../../src/framework/testing/recording-logger';
import { aWidget, Bench, Widget } from './controller-bench';

type Script = (object: Widget, ctx: ReconcileContext<Widget>) => Promise<ReconcileResult> | ReconcileResult;

/** Runs the script for the object `w`, and does nothing for others. */
@Handler()
class Hostile {
  readonly runs: string[] = [];
  constructor(readonly script: Script = () => undefined) {}

  @Reconcile(Widget)
  async reconcile(object: Widget, ctx: ReconcileContext<Widget>): Promise<ReconcileResult> {
    const { name } = object.metadata!;
    this.runs.push(name!);
    return name === 'w' ? this.script(object, ctx) : undefined;
  }
}

async function benchFor(script: Script, random = (): number => 0.5) {
  const handler = new Hostile(script);
  const log = new RecordingLogger();
  const bench = await new Bench(handler, { log, random }).activate();
  const countOf = (name: string): number => handler.runs.filter((run) => run === name).length;
  return { bench, log, handler, countOf };
}

const throwing =
  (thrown: () => unknown): Script =>
  () => {
    throw thrown();
  };
const conditionsOf = ({ statuses }: Bench): string[] =>
  statuses.flatMap(({ conditions }) => conditions.map(({ status, reason, message }) => `${status} ${reason}: ${message}`));

describe('delays that a handler asks for', () => {
  for (const delayMs of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, '5s' as unknown as number]) {
    it(`fall back to the backoff when they are ${String(delayMs)}, which the log says, and others of the kind go on`, async () => {
      const { bench, log, countOf } = await benchFor(throwing(() => new TemporaryError('later', { delayMs })));
      await bench.put(aWidget());
      await bench.clock.advance(4_000);
      await bench.put(aWidget({ name: 'other', uid: 'uid-2' }));

      expect(countOf('w')).to.equal(3);
      expect(countOf('other')).to.equal(1);
      const warned = log.lines.filter(({ level, message }) => level === 'warn' && message.startsWith('delayMs'));
      expect(warned[0]?.fields).to.include({ controller: 'Hostile.reconcile', name: 'w', delayMs: String(delayMs) });
    });
  }

  for (const delayMs of [0, -5]) {
    it(`are at least 100 ms, also when they are ${delayMs}`, async () => {
      const { bench, countOf } = await benchFor(
        throwing(() => new TemporaryError('later', { delayMs })),
        () => 0,
      );
      await bench.put(aWidget());
      await bench.clock.advance(1_000);

      expect(countOf('w')).to.equal(11);
    });
  }

  it('are at least 100 ms for a requeue of 0', async () => {
    const { bench, countOf } = await benchFor(
      () => ({ requeueAfterMs: 0 }),
      () => 0,
    );
    await bench.put(aWidget());
    await bench.clock.advance(1_000);

    expect(countOf('w')).to.equal(11);
  });

  for (const requeueAfterMs of [Number.POSITIVE_INFINITY, Number.NaN, -1]) {
    it(`are a failure when a requeue is after ${requeueAfterMs} ms`, async () => {
      const { bench } = await benchFor(() => ({ requeueAfterMs }));
      await bench.put(aWidget());

      expect(conditionsOf(bench)).to.deep.equal([
        `False ReconcileError: a handler returned requeueAfterMs ${requeueAfterMs}, which is no finite number from 0; allowed: nothing, or { requeueAfterMs: number }`,
      ]);
    });
  }
});
