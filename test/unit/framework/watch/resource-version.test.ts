import { expect } from 'chai';
import fc from 'fast-check';
import { compareResourceVersions, isOlder, supersedes } from '../../../../src/framework/watch/resource-version';

describe('resource version order', () => {
  const rows: readonly (readonly [string | undefined, string | undefined, number | undefined])[] = [
    ['9', '10', -1],
    ['10', '9', 1],
    ['10', '10', 0],
    ['0010', '9', 1],
    ['007', '7', 0],
    ['0', '00', 0],
    ['123456789012345678901234567890', '123456789012345678901234567891', -1],
    ['999999999999999999999999999999', '1000000000000000000000000000000', -1],
    ['12/34', '12/35', undefined],
    ['abc', 'abc', 0],
    ['', '5', undefined],
    ['-5', '5', undefined],
    [undefined, '5', undefined],
    [undefined, undefined, undefined],
  ];
  for (const [a, b, order] of rows) {
    it(`compares ${a} with ${b} as ${order}`, () => {
      const compared = compareResourceVersions(a, b);
      expect(compared === undefined ? undefined : Math.sign(compared)).to.equal(order);
    });
  }

  it('agrees with big integers for decimals of any length', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 40n }), fc.bigInt({ min: 0n, max: 10n ** 40n }), (a, b) => {
        const expected = a < b ? -1 : a > b ? 1 : 0;
        expect(Math.sign(compareResourceVersions(String(a), String(b))!)).to.equal(expected);
      }),
    );
  });

  it('lets the later arrival win where versions cannot be ordered, and calls neither older', () => {
    expect(supersedes('12/34', '12/35')).to.equal(true);
    expect(isOlder('12/34', '12/35')).to.equal(false);
    expect(supersedes('12/34', '12/34')).to.equal(false);
    expect(supersedes(undefined, undefined)).to.equal(true);
  });
});
