import { expect } from 'chai';
import { isOperatorError, OperatorError } from '../../../../src/framework/errors/operator-error';
import { type RunOptions, type RunOutcome, runHandlerMethod } from '../../../../src/framework/runtime/handler-run';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';

/** A run whose outcome can be looked at without waiting for it. */
class Run {
  readonly clock = new FakeClock();
  readonly parent = new AbortController();
  outcome: RunOutcome | undefined;
  signal: AbortSignal | undefined;
  abandoned = 0;

  start(call: (signal: AbortSignal) => unknown, options: Partial<RunOptions> = {}): this {
    const run = runHandlerMethod({
      clock: this.clock,
      timeoutMs: 1_000,
      parent: this.parent.signal,
      onAbandon: () => this.abandoned++,
      call: (signal) => {
        this.signal = signal;
        return call(signal);
      },
      ...options,
    });
    void run.then((outcome) => (this.outcome = outcome));
    return this;
  }

  async after(elapsedMs: number): Promise<RunOutcome | undefined> {
    await this.clock.advance(elapsedMs);
    return this.outcome;
  }
}

const never = (): Promise<void> => new Promise(() => undefined);
const errorOf = (outcome: RunOutcome | undefined): unknown => (outcome?.kind === 'failed' ? outcome.error : undefined);

describe('one run of a handler method', () => {
  it('ends well with what the method returns, synchronously or not', async () => {
    expect(await new Run().start(() => undefined).after(0)).to.deep.equal({ kind: 'ok', requeueAfterMs: undefined });
    expect(await new Run().start(async () => ({ requeueAfterMs: 5_000 })).after(0)).to.deep.equal({ kind: 'ok', requeueAfterMs: 5_000 });
    expect(await new Run().start(() => ({ requeueAfterMs: 0 })).after(0)).to.deep.equal({ kind: 'ok', requeueAfterMs: 0 });
  });

  it('fails with whatever the method throws, also when that is no error', async () => {
    for (const thrown of [new Error('x'), 'text', undefined, null]) {
      const throws = (): never => {
        throw thrown;
      };
      expect(await new Run().start(throws).after(0)).to.deep.equal({ kind: 'failed', error: thrown, timedOut: false });
      expect(await new Run().start(() => Promise.reject(thrown)).after(0)).to.deep.equal({
        kind: 'failed',
        error: thrown,
        timedOut: false,
      });
    }
  });

  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  const garbage: [string, unknown][] = [
    ['null', null],
    ['true', true],
    ['text', 'requeue'],
    ['an empty object', {}],
    ['a negative delay', { requeueAfterMs: -1 }],
    ['a delay that is no number', { requeueAfterMs: Number.NaN }],
    ['a delay in words', { requeueAfterMs: '5s' }],
    ['an object that contains itself', circular],
    ['a bigint', 5n],
  ];
  for (const [name, result] of garbage) {
    it(`fails when the method returns ${name}, and says what is allowed`, async () => {
      const error = errorOf(await new Run().start(() => result).after(0));
      expect(error).to.be.instanceOf(TypeError);
      expect((error as TypeError).message).to.match(/allowed: nothing, or { requeueAfterMs: number }$/);
    });
  }

  it('does not repeat in its message what a method returned by mistake: it may be secret', async () => {
    const secret = { kind: 'Secret', data: { password: 'aHVudGVyMg==' }, requeueAfterMs: 'aHVudGVyMg==' };
    const error = errorOf(await new Run().start(() => secret).after(0)) as Error;

    expect(error.message).not.to.contain('aHVudGVyMg');
  });

  it('leaves no timer and no listener behind', async () => {
    const run = new Run().start(async () => undefined);
    await run.after(0);
    expect(run.clock.pendingTimers).to.equal(0);

    run.parent.abort();
    expect(run.signal?.aborted).to.equal(false);
    expect(run.clock.pendingTimers).to.equal(0);
  });
});

describe('a run that takes too long', () => {
  it('is told by its signal at the time limit, not before', async () => {
    const run = new Run().start(never);
    await run.after(999);
    expect(run.signal?.aborted).to.equal(false);

    await run.after(1);
    expect(run.signal?.aborted).to.equal(true);
    expect(isOperatorError(run.signal?.reason, 'TEMPORARY')).to.equal(true);
    expect(run.outcome).to.equal(undefined);
  });

  it('counts as timed out once it ends, however it ends', async () => {
    const endings: ((signal: AbortSignal) => Promise<unknown>)[] = [
      (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined))),
      (signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))),
      (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve('garbage'))),
    ];
    for (const ending of endings) {
      const error = errorOf(await new Run().start(ending).after(1_000));
      expect(isOperatorError(error, 'TEMPORARY')).to.equal(true);
      expect(error).to.include({ message: 'timed out after 1000 ms', reason: 'Timeout' });
    }
  });

  it('is given up ten seconds after the signal, once, and ends only when the method does', async () => {
    let end = (): void => undefined;
    const run = new Run().start(() => new Promise<void>((resolve) => (end = resolve)));
    await run.after(10_999);
    expect(run.abandoned).to.equal(0);

    await run.after(1);
    expect([run.abandoned, run.outcome]).to.deep.equal([1, undefined]);

    run.parent.abort();
    await run.after(60_000);
    expect(run.abandoned).to.equal(1);

    end();
    expect(errorOf(await run.after(0))).to.be.instanceOf(OperatorError);
    expect(run.clock.pendingTimers).to.equal(0);
  });
});

describe('a run that is stopped from outside', () => {
  it('gets the reason and reports what the method made of it', async () => {
    const run = new Run().start(
      (signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    );
    run.parent.abort('stopping');

    expect(await run.after(0)).to.deep.equal({ kind: 'failed', error: 'stopping', timedOut: false });
  });

  it('may end well all the same', async () => {
    const run = new Run().start(
      (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve({ requeueAfterMs: 1 }))),
    );
    run.parent.abort();

    expect(await run.after(0)).to.deep.equal({ kind: 'ok', requeueAfterMs: 1 });
  });

  it('begins with an aborted signal when the stop came before', async () => {
    const run = new Run();
    run.parent.abort('too late');
    let seen: unknown;
    run.start((signal) => {
      seen = signal.reason;
    });

    expect(await run.after(0)).to.deep.equal({ kind: 'ok', requeueAfterMs: undefined });
    expect(seen).to.equal('too late');
    expect(run.clock.pendingTimers).to.equal(0);
  });

  it('is given up ten seconds later when it does not listen, although its own time is not over', async () => {
    const run = new Run().start(never, { timeoutMs: 600_000 });
    run.parent.abort();
    await run.after(9_999);
    expect(run.abandoned).to.equal(0);

    await run.after(1);
    expect(run.abandoned).to.equal(1);
  });
});
