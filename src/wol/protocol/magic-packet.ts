/**
 * Wake-on-LAN magic packets: reading and building.
 *
 * Owns: the byte format. Never: decides whether the sender may wake the machine.
 * Invariant: reading is total; no input makes it throw, and its cost is bounded by MAX_SYNC_OFFSET.
 *
 * @source AMD, "Magic Packet Technology", publication 20213: six 0xFF bytes, then the address sixteen times without a break,
 * then optionally a SecureOn password of 4 or 6 bytes.
 */
const SYNC_BYTES = 6;
const MAC_BYTES = 6;
const REPETITIONS = 16;

/** Length of a packet without password, in bytes: 102. */
export const MAGIC_PACKET_BYTES = SYNC_BYTES + REPETITIONS * MAC_BYTES;
/** Last offset at which the sync stream may begin: what fits a 1,500-byte frame in front of the 102 bytes. */
export const MAX_SYNC_OFFSET = 1_398;
/** Lengths a SecureOn password can have, in bytes. Any other trailer is padding. */
export const PASSWORD_LENGTHS: readonly number[] = [4, 6];

export interface MagicPacket {
  /** Six lower-case hex pairs joined by colons. */
  readonly mac: string;
  /** A copy, 4 or 6 bytes, when the packet ends in a SecureOn password. All zeros counts as one. */
  readonly password: Uint8Array | undefined;
}

/**
 * Reads what a datagram or an Ethernet payload asks to wake.
 *
 * The sync stream may begin at any offset up to MAX_SYNC_OFFSET, as network cards accept it; the first full match wins.
 *
 * @param payload any bytes, any length.
 * @returns `undefined` when the bytes hold no magic packet.
 */
export function parseMagicPacket(payload: Uint8Array): MagicPacket | undefined {
  const last = Math.min(payload.length - MAGIC_PACKET_BYTES, MAX_SYNC_OFFSET);
  for (let offset = 0; offset <= last; offset++) {
    if (isMagicAt(payload, offset)) return { mac: macAt(payload, offset + SYNC_BYTES), password: passwordAfter(payload, offset) };
  }
  return undefined;
}

function isMagicAt(bytes: Uint8Array, offset: number): boolean {
  for (let i = 0; i < SYNC_BYTES; i++) if (bytes[offset + i] !== 0xff) return false;
  const first = offset + SYNC_BYTES;
  const end = offset + MAGIC_PACKET_BYTES;
  for (let i = first + MAC_BYTES; i < end; i++) if (bytes[i] !== bytes[i - MAC_BYTES]) return false;
  return true;
}

function passwordAfter(bytes: Uint8Array, offset: number): Uint8Array | undefined {
  const end = offset + MAGIC_PACKET_BYTES;
  return PASSWORD_LENGTHS.includes(bytes.length - end) ? Uint8Array.from(bytes.subarray(end)) : undefined;
}

/** Every byte as text: a flood asks for six of them a packet. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function macAt(bytes: Uint8Array, at: number): string {
  const pair = (index: number): string => HEX[bytes[at + index] ?? 0] ?? '';
  return `${pair(0)}:${pair(1)}:${pair(2)}:${pair(3)}:${pair(4)}:${pair(5)}`;
}

/**
 * Builds the packet that wakes `mac`.
 *
 * @param mac six hex pairs joined by colons.
 * @param password SecureOn password, 4 or 6 bytes.
 * @throws {RangeError} naming what is wrong and what is allowed.
 */
export function buildMagicPacket(mac: string, password?: Uint8Array): Uint8Array {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(mac)) throw new RangeError(`mac is ${mac}; allowed: six hex pairs joined by colons`);
  if (password !== undefined && !PASSWORD_LENGTHS.includes(password.length)) {
    throw new RangeError(`password has ${password.length} bytes; allowed: 4 or 6`);
  }
  const address = mac.split(':').map((pair) => Number.parseInt(pair, 16));
  const repeated = Array.from({ length: REPETITIONS }, () => address).flat();
  return Uint8Array.from([...Array<number>(SYNC_BYTES).fill(0xff), ...repeated, ...(password ?? [])]);
}
