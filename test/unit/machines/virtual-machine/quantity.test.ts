import { expect } from 'chai';
import fc from 'fast-check';
import { bytesOf, gibOf, isSameQuantity, nanosOf } from '../../../../src/machines/virtual-machine/quantity';

describe('quantities', () => {
  for (const [a, b] of [
    ['3072Mi', '3Gi'],
    ['1', '1000m'],
    ['1.5Gi', '1536Mi'],
    ['1e3', '1k'],
    ['0.5', '500m'],
    ['1G', '1000000000'],
    ['2E', '2000P'],
  ] as const) {
    it(`takes ${a} and ${b} for the same`, () => expect(isSameQuantity(a, b)).to.equal(true));
  }

  it('tells 1G from 1Gi', () => expect(isSameQuantity('1G', '1Gi')).to.equal(false));

  for (const text of ['', 'Gi', '1 Gi', 'ten', '1Zi', '--1', '.']) {
    it(`takes ${JSON.stringify(text)} for no quantity`, () => expect(nanosOf(text)).to.equal(undefined));
  }

  it('rounds bytes down and gibibytes up', () => {
    expect(bytesOf('1.5')).to.equal(1);
    expect(bytesOf('10Gi')).to.equal(10_737_418_240);
    expect(gibOf('10737418241')).to.equal(11);
    expect(gibOf('10Gi')).to.equal(10);
  });

  it('compares whole numbers in every binary suffix as numbers', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4096 }), fc.integer({ min: 0, max: 5 }), (count, power) => {
        const suffix = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'][power];
        expect(nanosOf(`${count}${suffix}`)).to.equal(BigInt(count) * 1024n ** BigInt(power + 1) * 1_000_000_000n);
      }),
    );
  });

  it('throws on no text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        nanosOf(text);
        expect(isSameQuantity(text, text)).to.equal(true);
      }),
    );
  });
});
