import { expect } from 'chai';
import fc from 'fast-check';
import { backoffMs, compileRetryOptions, type RetryOptions } from '../../../../src/framework/queue/backoff';

const middle = (): number => 0.5;

describe('retry options', () => {
  it('default to one second doubling to five minutes, with a fifth of jitter and no last attempt', () => {
    expect(compileRetryOptions()).to.deep.equal({
      initialMs: 1_000,
      factor: 2,
      maxMs: 300_000,
      jitter: 0.2,
      maxAttempts: Number.POSITIVE_INFINITY,
    });
  });

  it('cannot be changed afterwards', () => {
    expect(compileRetryOptions()).to.be.frozen;
  });

  const refused: [RetryOptions, string][] = [
    [{ initialMs: 0 }, 'retry.initialMs is 0; allowed: above 0 and at most maxMs (300000)'],
    [{ initialMs: Number.NaN }, 'retry.initialMs is NaN; allowed: above 0 and at most maxMs (300000)'],
    [{ initialMs: 10, maxMs: 5 }, 'retry.initialMs is 10; allowed: above 0 and at most maxMs (5)'],
    [{ factor: 0.5 }, 'retry.factor is 0.5; allowed: 1 or more'],
    [{ jitter: 1 }, 'retry.jitter is 1; allowed: 0 to below 1'],
    [{ jitter: -0.1 }, 'retry.jitter is -0.1; allowed: 0 to below 1'],
    [{ maxAttempts: 0 }, 'retry.maxAttempts is 0; allowed: 1 or more'],
  ];
  for (const [options, message] of refused) {
    it(`refuse ${JSON.stringify(options)} by naming the option, its value and what is allowed`, () => {
      expect(() => compileRetryOptions(options)).to.throw(RangeError, message);
    });
  }

  it('accept a constant delay', () => {
    const retry = compileRetryOptions({ initialMs: 50, maxMs: 50, factor: 1, jitter: 0 });
    expect([1, 2, 30].map((failures) => backoffMs(retry, failures, middle))).to.deep.equal([50, 50, 50]);
  });
});

describe('backoff', () => {
  it('doubles from one second and stays at five minutes', () => {
    const retry = compileRetryOptions();
    const delays = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 10_000].map((failures) => backoffMs(retry, failures, middle));

    expect(delays).to.deep.equal([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000, 300_000]);
  });

  it('is spread over 0.8 to 1.2 of the delay', () => {
    const retry = compileRetryOptions();

    expect(backoffMs(retry, 1, () => 0)).to.be.closeTo(800, 0.001);
    expect(backoffMs(retry, 1, () => 1)).to.be.closeTo(1_200, 0.001);
  });

  it('is finite, positive and within the jitter of the longest delay for all options and any number of failures', () => {
    const options = fc.record({
      initialMs: fc.double({ min: 0.001, max: 1_000, noNaN: true }),
      factor: fc.double({ min: 1, max: 1e300, noNaN: true }),
      maxMs: fc.double({ min: 1_000, max: 1e9, noNaN: true }),
      jitter: fc.double({ min: 0, max: 0.99, noNaN: true }),
    });
    fc.assert(
      fc.property(
        options,
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (given, failures, at) => {
          const retry = compileRetryOptions(given);
          const delayMs = backoffMs(retry, failures, () => at);
          expect(delayMs).to.be.greaterThan(0);
          expect(delayMs).to.be.at.most(retry.maxMs * (1 + retry.jitter) * 1.000_001);
        },
      ),
    );
  });
});
