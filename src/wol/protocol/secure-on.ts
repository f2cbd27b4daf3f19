/**
 * SecureOn passwords as people write them.
 *
 * Owns: the accepted forms. Never: puts a password into an error or a log line.
 */
import { PASSWORD_LENGTHS } from './magic-packet';

/** For usage errors; the value itself is never shown. */
export const PASSWORD_FORMS = '4 or 6 hex pairs joined by : or -, four decimal numbers joined by dots, or exactly 4 or 6 characters';

const HEX_PAIRS = /^[0-9a-f]{2}(?:(?::[0-9a-f]{2}){3}|(?:-[0-9a-f]{2}){3}|(?::[0-9a-f]{2}){5}|(?:-[0-9a-f]{2}){5})$/i;
const DOTTED_DECIMAL = /^\d{1,3}(?:\.\d{1,3}){3}$/;

/**
 * The bytes that packets must carry for a password given as text or as the value of a Secret.
 *
 * One trailing line break is dropped. Accepted: 4 or 6 hex pairs with one separator throughout, dotted decimal of 4 bytes,
 * or exactly 4 or 6 raw bytes.
 *
 * @returns `undefined` when the value has none of these forms.
 */
export function parseSecureOnPassword(value: Uint8Array | string): Uint8Array | undefined {
  const raw = withoutLineBreak(Buffer.from(value));
  const text = raw.toString('latin1');
  if (HEX_PAIRS.test(text)) return Uint8Array.from(text.split(/[:-]/), (pair) => Number.parseInt(pair, 16));
  if (DOTTED_DECIMAL.test(text)) {
    const octets = text.split('.').map(Number);
    return octets.every((octet) => octet <= 255) ? Uint8Array.from(octets) : undefined;
  }
  return PASSWORD_LENGTHS.includes(raw.length) ? Uint8Array.from(raw) : undefined;
}

function withoutLineBreak(bytes: Buffer): Buffer {
  if (bytes.at(-1) !== 0x0a) return bytes;
  return bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1);
}
