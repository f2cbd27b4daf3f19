import { expect } from 'chai';
import fc from 'fast-check';
import {
  buildMagicPacket,
  MAGIC_PACKET_BYTES,
  MAX_SYNC_OFFSET,
  type MagicPacket,
  parseMagicPacket,
} from '../../../../src/wol/protocol/magic-packet';

const MAC = '02:00:00:00:00:01';
const packet = (): Uint8Array => buildMagicPacket(MAC);
const concat = (...parts: (Uint8Array | readonly number[])[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
const zeros = (length: number): Uint8Array => new Uint8Array(length);

const macBytes = fc.uint8Array({ minLength: 6, maxLength: 6 });
const macText = macBytes.map((bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':'));
const password = fc.option(fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 6, maxLength: 6 })), {
  nil: undefined,
});

describe('magic packet', () => {
  it('is six 0xFF bytes and sixteen copies of the address', () => {
    const bytes = packet();

    expect(bytes).to.have.length(MAGIC_PACKET_BYTES).and.to.have.length(102);
    expect([...bytes.subarray(0, 12)]).to.deep.equal([255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1]);
    expect([...bytes.subarray(96)]).to.deep.equal([2, 0, 0, 0, 0, 1]);
  });

  it('is read back with its address in normal form and without a password', () => {
    expect(parseMagicPacket(buildMagicPacket('02:AB:cd:EF:00:01'))).to.deep.equal({ mac: '02:ab:cd:ef:00:01', password: undefined });
  });

  it('survives building and reading for every address and password', () => {
    fc.assert(
      fc.property(macText, password, (mac, secret) => {
        expect(parseMagicPacket(buildMagicPacket(mac, secret))).to.deep.equal({ mac, password: secret });
      }),
    );
  });

  for (const offset of [0, 1, 5, 6, 7, 42, 1_397, MAX_SYNC_OFFSET]) {
    it(`is found at offset ${offset}`, () => {
      expect(parseMagicPacket(concat(zeros(offset), packet()))?.mac).to.equal(MAC);
    });
  }

  it('is not looked for beyond offset 1398', () => {
    expect(parseMagicPacket(concat(zeros(MAX_SYNC_OFFSET + 1), packet()))).to.equal(undefined);
  });

  for (let stray = 1; stray <= 13; stray++) {
    it(`is found behind ${stray} stray 0xFF bytes`, () => {
      expect(parseMagicPacket(concat(Array<number>(stray).fill(0xff), packet()))?.mac).to.equal(MAC);
    });
  }

  it('is found behind a header that breaks off in the middle of the sync stream', () => {
    expect(parseMagicPacket(concat([255, 255, 255, 255, 255, 0], packet()))?.mac).to.equal(MAC);
  });

  it('is the first of two in one datagram', () => {
    expect(parseMagicPacket(concat(packet(), buildMagicPacket('02:00:00:00:00:02')))?.mac).to.equal(MAC);
  });

  it('can carry an address that begins with 0xFF', () => {
    expect(parseMagicPacket(buildMagicPacket('ff:ff:ff:00:00:01'))?.mac).to.equal('ff:ff:ff:00:00:01');
  });

  for (let length = 0; length <= 8; length++) {
    const isPassword = length === 4 || length === 6;
    it(`followed by ${length} bytes has ${isPassword ? 'a' : 'no'} password`, () => {
      const trailer = Uint8Array.from({ length }, (_, i) => i + 1);
      expect(parseMagicPacket(concat(packet(), trailer))).to.deep.equal({ mac: MAC, password: isPassword ? trailer : undefined });
    });
  }

  it('followed by an all-zero password passes it on like any other', () => {
    expect(parseMagicPacket(concat(packet(), zeros(6)))?.password).to.deep.equal(zeros(6));
  });

  it('keeps a password of its own when the receive buffer is reused', () => {
    const buffer = concat(packet(), [1, 2, 3, 4]);
    const read = parseMagicPacket(buffer);
    buffer.fill(9);

    expect(read).to.deep.equal({ mac: MAC, password: Uint8Array.of(1, 2, 3, 4) });
  });
});

describe('what is no magic packet', () => {
  for (let length = 0; length < MAGIC_PACKET_BYTES; length++) {
    it(`a packet cut to ${length} bytes`, () => {
      expect(parseMagicPacket(packet().subarray(0, length))).to.equal(undefined);
    });
  }

  it('a packet with any single byte changed', () => {
    fc.assert(
      fc.property(fc.nat(MAGIC_PACKET_BYTES - 1), fc.integer({ min: 1, max: 255 }), (index, flip) => {
        const bytes = packet();
        bytes[index] = (bytes[index] as number) ^ flip;
        expect(parseMagicPacket(bytes)).to.equal(undefined);
      }),
      { numRuns: 2_000 },
    );
  });

  it('fifteen copies of the address and one of another', () => {
    const other = buildMagicPacket('02:00:00:00:00:02');
    expect(parseMagicPacket(concat(packet().subarray(0, 96), other.subarray(96)))).to.equal(undefined);
  });

  it('random bytes, which never make the parser throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
        expect(parseMagicPacket(bytes)).to.equal(undefined);
      }),
      { numRuns: 2_000 },
    );
  });

  it('bytes drawn from 0xFF and one other value, except where the definition holds', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0xff, 0x02), { minLength: 90, maxLength: 300 }), (bytes) => {
        expect(parseMagicPacket(Uint8Array.from(bytes))?.mac).to.equal(firstMacByDefinition(bytes));
      }),
      { numRuns: 2_000 },
    );
  });
});

/** Packets, whole or with one byte changed, behind anything and followed by anything. */
const nearPackets = fc
  .tuple(
    fc.oneof(
      fc.array(fc.constantFrom(0xff, 0x02), { maxLength: 20 }),
      fc.nat(1_410).map((length) => Array<number>(length).fill(0xff)),
    ),
    fc.oneof(fc.constant('ff:ff:ff:ff:ff:ff'), fc.constant('ff:ff:ff:00:00:01'), macText),
    fc.option(fc.tuple(fc.nat(101), fc.nat(255)), { nil: undefined, freq: 2 }),
    fc.oneof(fc.array(fc.constantFrom(0xff, 0, 7), { maxLength: 8 }), fc.constant([...packet()])),
  )
  .map(([before, mac, change, after]) => {
    const bytes = [...buildMagicPacket(mac)];
    if (change !== undefined) bytes[change[0]] = change[1];
    return [...before, ...bytes, ...after];
  });

describe('bytes that come close to a magic packet', () => {
  it('are one, with that address and that password, exactly when the definition holds', () => {
    fc.assert(
      fc.property(nearPackets, (bytes) => {
        expect(parseMagicPacket(Uint8Array.from(bytes))).to.deep.equal(byDefinition(bytes));
      }),
      { numRuns: 3_000 },
    );
  });
});

function firstMacByDefinition(bytes: readonly number[]): string | undefined {
  return byDefinition(bytes)?.mac;
}

/** The definition written as naively as possible. */
function byDefinition(bytes: readonly number[]): MagicPacket | undefined {
  const hex = Buffer.from(bytes).toString('hex');
  for (let offset = 0; offset <= 1_398 && offset + 102 <= bytes.length; offset++) {
    const address = hex.slice((offset + 6) * 2, (offset + 12) * 2);
    if (hex.slice(offset * 2, (offset + 102) * 2) !== 'ff'.repeat(6) + address.repeat(16)) continue;
    const rest = bytes.slice(offset + 102);
    const password = rest.length === 4 || rest.length === 6 ? Uint8Array.from(rest) : undefined;
    return { mac: address.match(/../g)?.join(':') ?? '', password };
  }
  return undefined;
}

describe('building a magic packet', () => {
  it('refuses an address in another form by name', () => {
    expect(() => buildMagicPacket('02-00-00-00-00-01')).to.throw(
      RangeError,
      'mac is 02-00-00-00-00-01; allowed: six hex pairs joined by colons',
    );
  });

  it('refuses a password of five bytes without showing it', () => {
    expect(() => buildMagicPacket(MAC, Uint8Array.of(1, 2, 3, 4, 5))).to.throw(RangeError, 'password has 5 bytes; allowed: 4 or 6');
  });
});
