import { expect } from 'chai';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { SourceLimiter } from '../../../../src/wol/agent/source-limiter';

describe('source limiter', () => {
  let clock: FakeClock;

  beforeEach(() => {
    clock = new FakeClock();
  });

  const allowed = (limiter: SourceLimiter, source: string, attempts: number): number =>
    Array.from({ length: attempts }, () => limiter.allows(source)).filter(Boolean).length;

  it('lets a burst of 2,000 events through and then 500 a second', async () => {
    const limiter = new SourceLimiter(clock);
    expect(allowed(limiter, '192.0.2.1', 2_500)).to.equal(2_000);
    await clock.advance(1_000);
    expect(allowed(limiter, '192.0.2.1', 1_000)).to.equal(500);
    await clock.advance(60_000);
    expect(allowed(limiter, '192.0.2.1', 2_500)).to.equal(2_000);
  });

  it('does not let one sender use up the share of another', () => {
    const limiter = new SourceLimiter(clock, { burst: 5 });
    allowed(limiter, '192.0.2.1', 100);
    expect(allowed(limiter, '192.0.2.2', 100)).to.equal(5);
  });

  it('keeps 1,024 addresses and forgets the least recently used', () => {
    const limiter = new SourceLimiter(clock, { burst: 1 });
    for (let i = 0; i < 1_024; i++) limiter.allows(`source-${i}`);
    limiter.allows('source-0');
    limiter.allows('newcomer');

    expect(limiter.size).to.equal(1_024);
    expect(limiter.allows('source-0')).to.equal(false);
    expect(limiter.allows('source-1')).to.equal(true);
  });
});
