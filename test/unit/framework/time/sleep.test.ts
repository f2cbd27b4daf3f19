import { expect } from 'chai';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { sleep } from '../../../../src/framework/time/sleep';

/** What became of a promise so far. */
function outcomeOf(promise: Promise<void>): { state: 'waiting' | 'done' | 'failed'; error?: unknown } {
  const outcome: { state: 'waiting' | 'done' | 'failed'; error?: unknown } = { state: 'waiting' };
  promise.then(
    () => Object.assign(outcome, { state: 'done' }),
    (error: unknown) => Object.assign(outcome, { state: 'failed', error }),
  );
  return outcome;
}

describe('sleep', () => {
  it('lasts as long as it is told, not shorter', async () => {
    const clock = new FakeClock();
    const outcome = outcomeOf(sleep(clock, 100));
    await clock.advance(99);
    expect(outcome.state).to.equal('waiting');

    await clock.advance(1);
    expect(outcome.state).to.equal('done');
  });

  it('yields once for a delay of zero or less', async () => {
    const clock = new FakeClock();
    const outcomes = [outcomeOf(sleep(clock, 0)), outcomeOf(sleep(clock, -5))];
    expect(outcomes.map(({ state }) => state)).to.deep.equal(['waiting', 'waiting']);

    await clock.advance(0);
    expect(outcomes.map(({ state }) => state)).to.deep.equal(['done', 'done']);
  });

  it('ends with the reason of an abort and leaves no timer behind', async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const outcome = outcomeOf(sleep(clock, 100, stop.signal));
    stop.abort(new Error('stopping'));
    await clock.advance(0);

    expect(outcome.error).to.be.an('error').with.property('message', 'stopping');
    expect(clock.pendingTimers).to.equal(0);
  });

  it('does not begin when the signal has aborted already', async () => {
    const clock = new FakeClock();
    const outcome = outcomeOf(sleep(clock, 100, AbortSignal.abort('over')));
    await clock.advance(0);

    expect(outcome).to.deep.equal({ state: 'failed', error: 'over' });
    expect(clock.pendingTimers).to.equal(0);
  });

  it('is not changed by an abort after its end', async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const outcome = outcomeOf(sleep(clock, 100, stop.signal));
    await clock.advance(100);
    stop.abort();
    await clock.advance(0);

    expect(outcome.state).to.equal('done');
  });
});
