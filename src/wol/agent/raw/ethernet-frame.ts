/**
 * Ethernet frames that may carry a magic packet.
 *
 * Owns: the frame format. Never: looks into the payload. Invariant: total, throws on no input.
 */

/** Wake-on-LAN without IP, as `etherwake` and network cards use it. */
export const WAKE_ON_LAN_TYPE = 0x0842;
/** 802.1Q and 802.1ad: the tag takes the place of the type, which follows it. */
export const VLAN_TAG_TYPES: readonly number[] = [0x8100, 0x88a8];
/** Tags in front of a frame's type, those that the kernel took off included. */
export const MAX_VLAN_TAGS = 2;

const MAC_BYTES = 6;
const TYPE_OFFSET = 2 * MAC_BYTES;
const TYPE_BYTES = 2;
const TAG_BYTES = 4;
const VLAN_ID_MASK = 0xfff;

export interface WakeFrame {
  /** Normal form. */
  readonly source: string;
  /** Of the outermost tag; 0 for none and for tags that carry a priority only. */
  readonly vlanId: number;
  /** A view, not a copy. */
  readonly payload: Uint8Array;
}

/**
 * Reads a frame of type 0x0842 behind at most two VLAN tags, to one machine or to all.
 *
 * @param frame from the destination address on, without checksum.
 * @param strippedTag the tag control information that the kernel has taken out of the frame, the outermost one.
 * @returns `undefined` for other types, for multicast, for frames without a payload and for those cut off within their header.
 */
export function parseWakeFrame(frame: Uint8Array, strippedTag?: number): WakeFrame | undefined {
  if (!isForUs(frame)) return undefined;
  const tags = strippedTag === undefined ? [] : [strippedTag];
  let at = TYPE_OFFSET;
  while (tags.length < MAX_VLAN_TAGS && VLAN_TAG_TYPES.includes(numberAt(frame, at))) {
    tags.push(numberAt(frame, at + TYPE_BYTES));
    at += TAG_BYTES;
  }
  const payload = frame.subarray(at + TYPE_BYTES);
  if (numberAt(frame, at) !== WAKE_ON_LAN_TYPE || payload.length === 0) return undefined;
  return { source: macAt(frame, MAC_BYTES), vlanId: (tags[0] ?? 0) & VLAN_ID_MASK, payload };
}

/** To all, or to one: cards wake on their own address too, and a bridge floods what it does not know. */
function isForUs(frame: Uint8Array): boolean {
  const isMulticast = ((frame[0] ?? 1) & 1) === 1;
  return !isMulticast || frame.subarray(0, MAC_BYTES).every((byte) => byte === 0xff);
}

/** Two bytes, high one first; -1 where the frame ends before. */
function numberAt(frame: Uint8Array, offset: number): number {
  const [high, low] = [frame[offset], frame[offset + 1]];
  return high === undefined || low === undefined ? -1 : (high << 8) | low;
}

function macAt(frame: Uint8Array, offset: number): string {
  return Array.from(frame.subarray(offset, offset + MAC_BYTES), (byte) => byte.toString(16).padStart(2, '0')).join(':');
}
