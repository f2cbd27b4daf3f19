import { expect } from 'chai';
import { parseListenAddress } from '../../../../src/framework/serving/address';

describe('a listening address', () => {
  const readable: [string, { host: string | undefined; port: number } | undefined][] = [
    ['0', undefined],
    [' 0 ', undefined],
    [':8081', { host: undefined, port: 8081 }],
    [':0', { host: undefined, port: 0 }],
    ['127.0.0.1:65535', { host: '127.0.0.1', port: 65_535 }],
    ['localhost:80', { host: 'localhost', port: 80 }],
    [' localhost:80 ', { host: 'localhost', port: 80 }],
    ['[::1]:80', { host: '::1', port: 80 }],
    ['[fe80::1%eth0]:80', { host: 'fe80::1%eth0', port: 80 }],
    ['[::ffff:10.0.0.1]:80', { host: '::ffff:10.0.0.1', port: 80 }],
  ];
  for (const [text, address] of readable) {
    it(`can be ${JSON.stringify(text)}`, () => {
      expect(parseListenAddress(text)).to.deep.equal(address);
    });
  }

  for (const text of [
    '',
    '8081',
    'host',
    'host:',
    ':65536',
    ':-1',
    ':8x',
    '::1:80',
    '[]:80',
    '[hello]:80',
    '[::1]',
    'a b:80',
    '00',
    'host:1:2',
    '[::1]80',
  ]) {
    it(`cannot be ${JSON.stringify(text)}, and the refusal says what is allowed`, () => {
      expect(() => parseListenAddress(text)).to.throw(
        RangeError,
        `${JSON.stringify(text)} is not a listening address; allowed: [host]:port, or 0 for off`,
      );
    });
  }
});
