import { expect } from 'chai';
import * as der from '../../../hack/control-plane/der';

const hex = (bytes: Buffer): string => bytes.toString('hex');

describe('DER', () => {
  for (const [length, header] of [
    [0, '0400'],
    [127, '047f'],
    [128, '048180'],
    [255, '0481ff'],
    [256, '04820100'],
    [65_536, '0483010000'],
  ] as const) {
    it(`writes a length of ${length} in the shortest form`, () => {
      const written = der.octetString(Buffer.alloc(length));

      expect(hex(written.subarray(0, written.length - length))).to.equal(header);
    });
  }

  for (const [magnitude, written] of [
    ['', '020100'],
    ['00', '020100'],
    ['01', '020101'],
    ['7f', '02017f'],
    ['80', '02020080'],
    ['0000ff', '020200ff'],
    ['0100', '02020100'],
  ] as const) {
    it(`writes the number 0x${magnitude} without a sign bit and without leading zeros`, () => {
      expect(hex(der.integer(Buffer.from(magnitude, 'hex')))).to.equal(written);
    });
  }

  for (const [dotted, written] of [
    ['2.5.29.17', '0603551d11'],
    ['1.2.840.10045.4.3.2', '06082a8648ce3d040302'],
    ['1.3.6.1.5.5.7.3.1', '06082b06010505070301'],
  ] as const) {
    it(`writes the object identifier ${dotted}`, () => {
      expect(hex(der.objectIdentifier(dotted))).to.equal(written);
    });
  }

  it('writes times to the second in UTC', () => {
    expect(der.utcTime(new Date('2026-11-21T01:02:03.999Z')).toString('latin1')).to.equal('\u0017\r261121010203Z');
  });

  it('writes truth as all ones', () => {
    expect(hex(der.boolean(true))).to.equal('0101ff');
    expect(hex(der.boolean(false))).to.equal('010100');
  });

  it('writes bits with the number of unused ones', () => {
    expect(hex(der.bitString(Buffer.from([0x86]), 1))).to.equal('03020186');
  });

  it('writes tags around whole values and in place of primitive ones', () => {
    expect(hex(der.tagged(3, der.boolean(true)))).to.equal('a3030101ff');
    expect(hex(der.taggedPrimitive(2, Buffer.from('a')))).to.equal('820161');
  });

  it('writes the members of a sequence one after the other', () => {
    expect(hex(der.sequence(der.boolean(true), der.utf8String('é')))).to.equal('30070101ff0c02c3a9');
  });
});
