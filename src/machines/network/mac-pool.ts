/**
 * Addresses for new network interfaces.
 *
 * Owns: the prefix and the draw. Never: which addresses are taken; that is asked. Invariant: locally administered, never multicast.
 */
import { randomBytes } from 'node:crypto';

const DEFAULT_SET = '12';
/** With 2^32 addresses a hundred draws fail only when nearly all are taken. */
const MAX_DRAWS = 100;
const OWN_BYTES = 4;

/** No address is left, or the random source is broken. */
export class NoFreeMacError extends Error {
  constructor(prefix: string) {
    super(`no free MAC address found with prefix ${prefix}`);
  }
}

/** The first two bytes, from `MAC_SET`. */
export function macPrefix(macSet: string | undefined): string {
  const digits = (macSet ?? '').trim().toLowerCase().replace(/^0x/, '');
  const set = /^[0-9a-f]+$/.test(digits) ? digits.slice(-2).padStart(2, '0') : DEFAULT_SET;
  return `02:${set}`;
}

export interface MacDraw {
  /** First two bytes, as `macPrefix` gives them. */
  readonly prefix: string;
  /** Whether an address, in normal form, is in use or reserved anywhere. */
  readonly isTaken: (mac: string) => boolean;
  /** Told of an address that was drawn and is taken. */
  readonly onCollision?: () => void;
  /** @default cryptographically random */
  readonly random?: (bytes: number) => Uint8Array;
}

/** @throws {NoFreeMacError} */
export function drawMac({ prefix, isTaken, onCollision, random = randomBytes }: MacDraw): string {
  for (let draw = 0; draw < MAX_DRAWS; draw++) {
    const mac = [prefix, ...[...random(OWN_BYTES)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
    if (!isTaken(mac)) return mac;
    onCollision?.();
  }
  throw new NoFreeMacError(prefix);
}
