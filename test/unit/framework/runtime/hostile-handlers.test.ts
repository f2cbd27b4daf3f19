import { expect } from 'chai';
import { Handler, Reconcile } from '../../../../src/framework/decorators';
import { PermanentError, TemporaryError } from '../../../../src/framework/errors/handler-errors';
import type { ReconcileContext, ReconcileResult } from '../../../../src/framework/runtime/context';
import type { PassHooks } from '../../../../src/framework/runtime/pass-ports';
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

describe('what a handler stages', () => {
  const staged: [string, Script, string][] = [
    [
      'an Event without a text',
      (_object, ctx) => ctx.events.warning('Failed', undefined as never),
      'Hostile.reconcile: note of the Event Failed is undefined; allowed: a text',
    ],
    [
      'an Event without a reason',
      (_object, ctx) => ctx.events.normal('', 'x'),
      'Hostile.reconcile: reason of an Event is ""; allowed: a word',
    ],
    [
      'a condition with an unknown status',
      (_object, ctx) => ctx.status.condition({ type: 'Ok', status: 'Yes' as never, reason: 'Fine', message: '' }),
      'Hostile.reconcile: status of condition Ok is "Yes"; allowed: True, False, Unknown',
    ],
    [
      'a condition with a reason of two words',
      (_object, ctx) => ctx.status.condition({ type: 'Ok', status: 'True', reason: 'no reason', message: '' }),
      'Hostile.reconcile: reason of condition Ok is "no reason"; allowed: one CamelCase word',
    ],
    [
      'a condition without a message',
      (_object, ctx) => ctx.status.condition({ type: 'Ok', status: 'True', reason: 'Fine', message: undefined as never }),
      'Hostile.reconcile: message of condition Ok is undefined; allowed: a text',
    ],
    [
      'a field that holds a bigint',
      (_object, ctx) => ctx.status.set({ size: 10n as never }),
      'Hostile.reconcile: status field size cannot be written as JSON: Do not know how to serialize a BigInt',
    ],
    [
      'a field that holds itself',
      (_object, ctx) => {
        const ring: Record<string, unknown> = {};
        ring['self'] = ring;
        ctx.status.set({ size: ring as never });
      },
      'Hostile.reconcile: status field size cannot be written as JSON: Converting circular structure to JSON',
    ],
  ];
  for (const [what, script, message] of staged) {
    it(`is refused within the run when it is ${what}, which is shown on the object and repeated`, async () => {
      const { bench, countOf } = await benchFor(script);
      await bench.put(aWidget());
      await bench.clock.advance(1_000);

      expect(countOf('w')).to.equal(2);
      expect(conditionsOf(bench)[0]).to.equal(`False ReconcileError: ${message}`);
    });
  }
});

describe('what a handler throws', () => {
  it('may name a reason that no condition can hold: ReconcileError takes its place, and the log says so once', async () => {
    const { bench, log } = await benchFor(throwing(() => new PermanentError('x', { reason: 'quota exceeded' })));
    await bench.put(aWidget());
    await bench.put(aWidget({ generation: 2 }));

    expect(conditionsOf(bench)).to.deep.equal(['False ReconcileError: x', 'False ReconcileError: x']);
    expect(bench.events.map(({ reason }) => reason)).to.deep.equal(['ReconcileError', 'ReconcileError']);
    const warned = log.lines.filter(({ level, message }) => level === 'warn' && message.startsWith('reason of an error'));
    expect(warned.map(({ fields }) => fields['reason'])).to.deep.equal(['quota exceeded']);
  });

  const unreadable: [string, () => unknown][] = [
    [
      'a proxy that was revoked',
      () => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return proxy;
      },
    ],
    [
      'a proxy that refuses every question',
      () => {
        const refuse = (): never => {
          throw new Error('no');
        };
        return new Proxy({}, { get: refuse, has: refuse, getPrototypeOf: refuse, ownKeys: refuse });
      },
    ],
    [
      'an object whose message throws',
      () => ({
        get message(): string {
          throw new Error('no');
        },
      }),
    ],
  ];
  for (const [what, thrown] of unreadable) {
    it(`is reported and repeated like any other failure when it is ${what}`, async () => {
      const { bench, log, countOf } = await benchFor(throwing(thrown));
      await bench.put(aWidget());
      await bench.clock.advance(1_000);

      expect(countOf('w')).to.equal(2);
      expect(conditionsOf(bench)[0]).to.equal('False ReconcileError: something that cannot be read was thrown');
      expect(bench.events).to.not.have.length(0);
      expect(log.lines.filter(({ level, message }) => level === 'error' && message === 'handler failed')).to.have.length(2);
    });
  }

  it('counts as attempt 1 in the log when the first attempt is the last', async () => {
    const { bench, log } = await benchFor(throwing(() => new PermanentError('x')));
    await bench.put(aWidget());

    expect(log.lines.find(({ message }) => message === 'handler failed')?.fields['attempt']).to.equal(1);
  });
});

describe('a pass that breaks', () => {
  it('because an Event cannot be sent still repeats what failed', async () => {
    const { bench, countOf } = await benchFor(throwing(() => new Error('x')));
    bench.eventErrors.push(new TypeError('cannot be sent'));
    await bench.put(aWidget());
    await bench.clock.advance(1_000);

    expect(countOf('w')).to.equal(2);
    expect(bench.events).to.have.length(1);
  });

  it('because a hook throws is repeated, and the log says what broke', async () => {
    let isBroken = true;
    const hooks: PassHooks = {
      handlerFinished: () => {
        if (isBroken) throw new Error('hook');
      },
      retryScheduled: () => {
        if (isBroken) throw new Error('hook');
      },
    };
    const handler = new Hostile();
    const log = new RecordingLogger();
    const bench = await new Bench(handler, { hooks, log }).activate();
    await bench.put(aWidget());
    isBroken = false;
    await bench.clock.advance(60_000);

    expect(handler.runs).to.have.length(2);
    expect(log.lines.some(({ message }) => message === 'pass ended with an unexpected error')).to.equal(true);
  });
});
