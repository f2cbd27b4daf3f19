import { expect } from 'chai';
import fc from 'fast-check';
import { Backoff } from '../../../../src/wol/agent/backoff';

describe('backoff', () => {
  it('spreads each pause by a fifth in both directions and never exceeds 1 s', () => {
    const lowest = new Backoff(() => 0);
    const highest = new Backoff(() => 0.999999);
    expect(Array.from({ length: 6 }, () => Math.round(lowest.nextMs()))).to.deep.equal([80, 160, 320, 640, 800, 800]);
    expect(Array.from({ length: 6 }, () => Math.round(highest.nextMs()))).to.deep.equal([120, 240, 480, 960, 1_000, 1_000]);
  });

  it('stays between 80 ms and 1 s for any number of failures', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (failures, random) => {
        const backoff = new Backoff(() => random);
        for (let i = 0; i < failures; i++) backoff.nextMs();
        expect(backoff.nextMs()).to.be.within(80, 1_000);
      }),
      { numRuns: 50 },
    );
  });
});
