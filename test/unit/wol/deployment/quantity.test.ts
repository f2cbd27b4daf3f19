import { expect } from 'chai';
import { quantityOf } from '../../../../src/wol/deployment/quantity';

describe('a quantity', () => {
  const MIB = 1_048_576;
  const values: readonly (readonly [string | number, number])[] = [
    ['128Mi', 128 * MIB],
    ['1Gi', 1_024 * MIB],
    ['0.5Gi', 512 * MIB],
    ['500M', 500e6],
    ['1e9', 1e9],
    ['1E6', 1e6],
    ['2E', 2e18],
    ['100m', 0.1],
    ['1500k', 1_500_000],
    [134_217_728, 134_217_728],
    ['+1', 1],
    ['.5', 0.5],
  ];
  for (const [text, value] of values) {
    it(`${JSON.stringify(text)} is ${value}`, () => expect(quantityOf(text)).to.be.closeTo(value, value / 1e9));
  }

  for (const text of ['', 'Mi', '1MiB', '1 Mi', '1mi', '1e', '0x10', '1,5Gi']) {
    it(`is not ${JSON.stringify(text)}`, () => expect(quantityOf(text)).to.equal(undefined));
  }
});
