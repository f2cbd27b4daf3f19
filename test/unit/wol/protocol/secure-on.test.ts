import { expect } from 'chai';
import { parseSecureOnPassword } from '../../../../src/wol/protocol/secure-on';

describe('SecureOn password', () => {
  for (const [text, bytes] of [
    ['01:02:0a:ff', [1, 2, 10, 255]],
    ['01-02-0A-FF', [1, 2, 10, 255]],
    ['01:02:03:04:05:06', [1, 2, 3, 4, 5, 6]],
    ['00-00-00-00-00-00', [0, 0, 0, 0, 0, 0]],
    ['192.168.0.1', [192, 168, 0, 1]],
    ['0.0.0.0', [0, 0, 0, 0]],
    ['abcd', [97, 98, 99, 100]],
    ['secret', [115, 101, 99, 114, 101, 116]],
    ['secret\n', [115, 101, 99, 114, 101, 116]],
    ['secret\r\n', [115, 101, 99, 114, 101, 116]],
    ['abcd\n', [97, 98, 99, 100]],
    ['01:02:0a:ff\n', [1, 2, 10, 255]],
    ['pä12', undefined],
  ] as const) {
    it(`${JSON.stringify(text)} is ${bytes === undefined ? 'refused' : bytes.join(' ')}`, () => {
      expect(parseSecureOnPassword(text)).to.deep.equal(bytes === undefined ? undefined : Uint8Array.from(bytes));
    });
  }

  for (const text of [
    '',
    '\n',
    'abc',
    'abcdefg',
    '01:02:03',
    '01:02:03:04:05',
    '01:02-03:04',
    '256.0.0.1',
    '1.2.3',
    '1.2.3.4.5',
    'secret\n\n',
  ]) {
    it(`${JSON.stringify(text)} is refused`, () => {
      expect(parseSecureOnPassword(text)).to.equal(undefined);
    });
  }

  it('takes raw bytes that are no text', () => {
    expect(parseSecureOnPassword(Uint8Array.of(0, 255, 128, 7))).to.deep.equal(Uint8Array.of(0, 255, 128, 7));
  });
});
