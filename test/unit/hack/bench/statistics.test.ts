import { expect } from 'chai';
import { histogramQuantile, percentile } from '../../../../hack/bench/statistics';

describe('statistics of the benchmarks', () => {
  it('takes percentiles by nearest rank, whatever the order of the samples', () => {
    const samples = Array.from({ length: 100 }, (_, n) => 100 - n);
    expect([0.5, 0.99, 1].map((share) => percentile(samples, share))).to.deep.equal([50, 99, 100]);
    expect(percentile([7], 0.5)).to.equal(7);
  });

  it('has no percentile of nothing', () => {
    expect(() => percentile([], 0.5)).to.throw(RangeError);
  });

  it('interpolates within the bucket of a histogram that holds the rank', () => {
    const buckets = [
      { upTo: 1, count: 50 },
      { upTo: 2, count: 100 },
      { upTo: Number.POSITIVE_INFINITY, count: 100 },
    ];
    expect([0.25, 0.5, 0.75, 1].map((share) => histogramQuantile(buckets, share))).to.deep.equal([0.5, 1, 1.5, 2]);
  });

  it('gives the highest finite bound for what lies beyond it, and nothing for an empty histogram', () => {
    const buckets = [
      { upTo: 1, count: 1 },
      { upTo: Number.POSITIVE_INFINITY, count: 10 },
    ];
    expect(histogramQuantile(buckets, 0.99)).to.equal(1);
    expect(histogramQuantile([], 0.5)).to.be.NaN;
  });
});
