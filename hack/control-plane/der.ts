/**
 * Writes ASN.1 values in DER, as much of it as an X.509 certificate needs.
 *
 * Owns: the tag-length-value encoding. Never: knows what a certificate is. Invariant: pure; every function returns a whole value.
 * @source ITU-T X.690, sections 8 and 11.
 */

const CONSTRUCTED = 0x20;
const CONTEXT_SPECIFIC = 0x80;

function value(tag: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([tag]), lengthOf(content), content]);
}

function lengthOf(content: Uint8Array): Buffer {
  if (content.length < 0x80) return Buffer.from([content.length]);
  const hex = content.length.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes]);
}

export function sequence(...members: readonly Uint8Array[]): Buffer {
  return value(0x30, Buffer.concat(members));
}

/** Members are written in the order given; DER wants them sorted, which one member always is. */
export function setOfOne(member: Uint8Array): Buffer {
  return value(0x31, member);
}

/** @param magnitude big-endian and not negative; an empty one is zero. */
export function integer(magnitude: Uint8Array): Buffer {
  const first = magnitude.findIndex((byte) => byte !== 0);
  const digits = first === -1 ? Buffer.from([0]) : magnitude.subarray(first);
  return value(0x02, (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), digits]) : digits);
}

export function boolean(isTrue: boolean): Buffer {
  return value(0x01, Buffer.from([isTrue ? 0xff : 0x00]));
}

/** @param dotted for example `2.5.29.17`. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return value(0x06, Buffer.from([first * 40 + second, ...rest].flatMap(base128)));
}

function base128(arc: number): number[] {
  const bytes = [arc & 0x7f];
  for (let left = arc >> 7; left > 0; left >>= 7) bytes.unshift(0x80 | (left & 0x7f));
  return bytes;
}

export function utf8String(text: string): Buffer {
  return value(0x0c, Buffer.from(text, 'utf8'));
}

export function octetString(bytes: Uint8Array): Buffer {
  return value(0x04, bytes);
}

/** @param unusedBits how many of the lowest bits of the last byte carry nothing. */
export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return value(0x03, Buffer.concat([Buffer.from([unusedBits]), bytes]));
}

/** A UTCTime, to the second. @param date in the years 1950 to 2049, which is all UTCTime can say. */
export function utcTime(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-:T]/g, '').slice(2, 14);
  return value(0x17, Buffer.from(`${digits}Z`, 'ascii'));
}

/** `[tag] EXPLICIT`, or an IMPLICIT constructed one: around whole values. */
export function tagged(tag: number, content: Uint8Array): Buffer {
  return value(CONTEXT_SPECIFIC | CONSTRUCTED | tag, content);
}

/** `[tag] IMPLICIT` of a primitive type: replaces its tag, so the content comes bare. */
export function taggedPrimitive(tag: number, content: Uint8Array): Buffer {
  return value(CONTEXT_SPECIFIC | tag, content);
}
