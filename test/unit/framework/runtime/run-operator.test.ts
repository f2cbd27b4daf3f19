import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import { type RunnableOperator, runOperator } from '../../../../src/framework';
import { poll } from '../../../harness/poll';

/** Starts and ends when the test says so. */
class ScriptedOperator implements RunnableOperator {
  readonly calls: string[] = [];
  readonly starting = Promise.withResolvers<void>();
  private readonly ending = Promise.withResolvers<number>();
  readonly finished = this.ending.promise;

  start(): Promise<void> {
    this.calls.push('start');
    return this.starting.promise;
  }

  async stop(): Promise<void> {
    this.calls.push('stop');
  }

  end(exitCode: number): void {
    this.ending.resolve(exitCode);
  }
}

describe('an operator that is run as a process', () => {
  let operator: ScriptedOperator;
  let source: EventEmitter;
  const run = (): Promise<number> => runOperator(operator, source);
  const listeners = (): number => source.listenerCount('SIGTERM') + source.listenerCount('SIGINT');

  beforeEach(() => {
    operator = new ScriptedOperator();
    source = new EventEmitter();
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`stops in order at ${signal} and ends with the exit code of its work`, async () => {
      operator.starting.resolve();
      const exitCode = run();
      source.emit(signal);
      expect(operator.calls).to.deep.equal(['start', 'stop']);
      operator.end(0);

      expect(await exitCode).to.equal(0);
      expect(listeners()).to.equal(0);
    });
  }

  it('ends with 1 at once at the second signal, whatever hangs, the start included', async () => {
    for (const prepare of [() => operator.starting.resolve(), () => undefined]) {
      operator = new ScriptedOperator();
      prepare();
      const exitCode = run();
      source.emit('SIGTERM');
      source.emit('SIGINT');

      expect(await exitCode).to.equal(1);
      expect(operator.calls).to.deep.equal(['start', 'stop']);
    }
    expect(listeners()).to.equal(0);
  });

  it('throws what its start throws and listens to signals no more', async () => {
    operator.starting.reject(new Error('no port'));

    expect(await run().catch((error: Error) => error.message)).to.equal('no port');
    expect(listeners()).to.equal(0);
  });

  it('takes a start that was cut short by a signal for an orderly stop', async () => {
    const exitCode = run();
    source.emit('SIGTERM');
    operator.starting.reject(new Error('the operator is stopping'));
    operator.end(0);

    expect(await exitCode).to.equal(0);
  });

  it('ends with the exit code of an operator that stopped by itself', async () => {
    operator.starting.resolve();
    const exitCode = run();
    await poll('the operator has been started', () => operator.calls.length === 1);
    operator.end(1);

    expect(await exitCode).to.equal(1);
    expect(operator.calls).to.deep.equal(['start']);
  });
});
