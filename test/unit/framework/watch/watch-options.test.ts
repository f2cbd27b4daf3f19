import { expect } from 'chai';
import { compileWatchOptions, DEFAULT_WATCH_OPTIONS } from '../../../../src/framework/watch';

describe('watch options', () => {
  it('fill in every default and keep what is given', () => {
    expect(compileWatchOptions()).to.deep.equal(DEFAULT_WATCH_OPTIONS);
    expect(compileWatchOptions({ pageLimit: 50 })).to.deep.equal({ ...DEFAULT_WATCH_OPTIONS, pageLimit: 50 });
  });

  for (const value of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    it(`refuse ${value} as a number`, () => {
      expect(() => compileWatchOptions({ backoffMs: value })).to.throw(RangeError, `backoffMs is ${value}; allowed: a number above 0`);
    });
  }

  it('refuse a smallest value above the largest', () => {
    expect(() => compileWatchOptions({ minWatchSeconds: 600 })).to.throw(
      RangeError,
      'minWatchSeconds is 600; allowed: at most maxWatchSeconds (590)',
    );
    expect(() => compileWatchOptions({ pageLimit: 10 })).to.throw(RangeError, 'minPageLimit is 25; allowed: at most pageLimit (10)');
  });
});
