import { expect } from 'chai';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { StormLimiter } from '../../../../src/framework/watch';

const never = new AbortController().signal;

describe('storm limiter', () => {
  it('lets twenty connect at once and never more than twenty in any one second, ten on average', async () => {
    const clock = new FakeClock();
    const limiter = new StormLimiter(clock);
    const grantedMs: number[] = [];
    for (let i = 0; i < 100; i++) void limiter.connect(never).then(() => grantedMs.push(clock.monotonicMs()));
    await clock.advance(0);
    expect(grantedMs).to.have.length(20);

    await clock.advance(9_000);
    expect(grantedMs).to.have.length(100);
    expect(clock.monotonicMs()).to.equal(9_000);
    for (const at of grantedMs) expect(grantedMs.filter((other) => other >= at && other < at + 1_000).length).to.be.at.most(20);
    expect(grantedMs.at(-1)).to.be.within(7_900, 8_100);
  });

  it('serves in the order of asking', async () => {
    const clock = new FakeClock();
    const limiter = new StormLimiter(clock, { burst: 1 });
    const order: number[] = [];
    for (let i = 0; i < 5; i++) void limiter.connect(never).then(() => order.push(i));
    await clock.advance(10_000);
    expect(order).to.deep.equal([0, 1, 2, 3, 4]);
  });

  it('lets four lists run and starts the next when one gives its place back, once', async () => {
    const limiter = new StormLimiter(new FakeClock());
    const releases = await Promise.all([1, 2, 3, 4].map(() => limiter.list(never)));
    const started: number[] = [];
    for (let i = 0; i < 3; i++) void limiter.list(never).then(() => started.push(i));
    await new FakeClock().advance(0);
    expect(started).to.deep.equal([]);

    releases[0]!();
    releases[0]!();
    await new FakeClock().advance(0);
    expect(started).to.deep.equal([0]);
  });

  it('gives nothing to those who stopped waiting, and leaves no timer behind', async () => {
    const clock = new FakeClock();
    const limiter = new StormLimiter(clock, { burst: 1 });
    await limiter.connect(never);
    const impatient = new AbortController();
    const outcome = limiter.connect(impatient.signal).then(
      () => 'granted',
      (reason: unknown) => reason,
    );
    impatient.abort('enough');

    expect(await outcome).to.equal('enough');
    expect(clock.pendingTimers).to.equal(0);
    let granted = false;
    void limiter.connect(never).then(() => (granted = true));
    await clock.advance(1_000);
    expect(granted).to.equal(true);
  });

  it('rejects at once when asked with an aborted signal', async () => {
    const limiter = new StormLimiter(new FakeClock());
    const rejected = await limiter.list(AbortSignal.abort('over')).catch((reason: unknown) => reason);
    expect(rejected).to.equal('over');
  });

  it('refuses limits that would never let anyone through', () => {
    expect(() => new StormLimiter(new FakeClock(), { lists: 0 })).to.throw(RangeError, 'lists is 0; allowed: above 0');
  });
});
