import { expect } from 'chai';
import { Scrape } from '../../../../hack/bench/scrape';

const TEXT = `# HELP wol_packets_total Events received from agents.
# TYPE wol_packets_total counter
wol_packets_total{config=""} 3
wol_packets_total{config="a{b} \\"c\\"",port="9"} 4
wol_packets_totals 100
wol_managed_vms 2.5e+1
wol_seconds_bucket{le="0.01",config="a"} 1
wol_seconds_bucket{le="+Inf",config="a"} 3
wol_seconds_bucket{le="0.01",config="b"} 1
wol_seconds_bucket{le="+Inf",config="b"} 1
`;

describe('a scrape of metrics', () => {
  const scrape = new Scrape(TEXT);

  it('adds up the series of one metric and of no other', () => {
    expect(scrape.sum('wol_packets_total')).to.equal(7);
    expect(scrape.sum('wol_managed_vms')).to.equal(25);
    expect(scrape.sum('wol_errors_total')).to.equal(0);
  });

  it('counts only the series that carry the labels asked for', () => {
    expect(scrape.sum('wol_packets_total', { config: '' })).to.equal(3);
    expect(scrape.sum('wol_packets_total', { port: '9' })).to.equal(4);
    expect(scrape.sum('wol_packets_total', { port: '7' })).to.equal(0);
  });

  it('adds up the buckets of a histogram over its series, in ascending order', () => {
    expect(scrape.buckets('wol_seconds')).to.deep.equal([
      { upTo: 0.01, count: 2 },
      { upTo: Number.POSITIVE_INFINITY, count: 4 },
    ]);
  });

  it('leaves out what an earlier scrape counted', () => {
    const earlier = new Scrape('wol_seconds_bucket{le="0.01",config="a"} 1\nwol_seconds_bucket{le="+Inf",config="a"} 2\n');
    expect(scrape.buckets('wol_seconds', earlier)).to.deep.equal([
      { upTo: 0.01, count: 1 },
      { upTo: Number.POSITIVE_INFINITY, count: 2 },
    ]);
  });
});
