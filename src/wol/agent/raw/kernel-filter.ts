/**
 * The filter that the kernel runs on each frame of a packet socket.
 *
 * Owns: the program. It passes frames of type 0x0842 behind at most two VLAN tags and nothing else, so that the agent never wakes up
 * for the traffic of its node. Where the frame goes to is looked at later, by `parseWakeFrame`.
 *
 * @source Linux, Documentation/networking/filter.rst: classic BPF. A load beyond the end of the frame ends the program with "drop".
 */
import { VLAN_TAG_TYPES, WAKE_ON_LAN_TYPE } from './ethernet-frame';

/** struct sock_filter. */
export interface Instruction {
  readonly code: number;
  /** Instructions to skip when a comparison holds, and when it does not. */
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** BPF_LD | BPF_H | BPF_ABS, BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K and BPF_RET | BPF_K. */
export const LOAD_HALF = 0x28;
export const LOAD_WORD = 0x20;
export const JUMP_IF_EQUAL = 0x15;
export const RETURN = 0x06;
/** SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT: 1 when the kernel has taken the outermost tag out of the frame. */
export const VLAN_TAG_TAKEN_OFF = 0xffff_f000 + 48;
/** Longer than any frame: nothing is cut off. */
export const PASS_ALL_BYTES = 0x4_0000;

const [DOT1Q, DOT1AD] = VLAN_TAG_TYPES as [number, number];
/** Of the type, in a frame without and behind one and two tags. */
const [TYPE, TYPE_AFTER_ONE, TYPE_AFTER_TWO] = [12, 16, 20];
const [PASS, DROP] = [12, 13];

const ifEqual = (at: number, k: number, then: number, otherwise: number): Instruction => ({
  code: JUMP_IF_EQUAL,
  jt: then - at - 1,
  jf: otherwise - at - 1,
  k,
});
const load = (code: number, k: number): Instruction => ({ code, jt: 0, jf: 0, k });

export const WAKE_FRAME_FILTER: readonly Instruction[] = [
  load(LOAD_HALF, TYPE),
  ifEqual(1, WAKE_ON_LAN_TYPE, PASS, 2),
  ifEqual(2, DOT1Q, 4, 3),
  ifEqual(3, DOT1AD, 4, DROP),
  load(LOAD_HALF, TYPE_AFTER_ONE),
  ifEqual(5, WAKE_ON_LAN_TYPE, PASS, 6),
  ifEqual(6, DOT1Q, 8, 7),
  ifEqual(7, DOT1AD, 8, DROP),
  // Two tags in the frame: the kernel must not have taken off a third one.
  load(LOAD_WORD, VLAN_TAG_TAKEN_OFF),
  ifEqual(9, 0, 10, DROP),
  load(LOAD_HALF, TYPE_AFTER_TWO),
  ifEqual(11, WAKE_ON_LAN_TYPE, PASS, DROP),
  load(RETURN, PASS_ALL_BYTES),
  load(RETURN, 0),
];

/** The array of struct sock_filter, in the byte order of little-endian machines. */
export function filterBytes(program: readonly Instruction[]): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(program.length * 8));
  for (const [index, { code, jt, jf, k }] of program.entries()) {
    bytes.setUint16(index * 8, code, true);
    bytes.setUint8(index * 8 + 2, jt);
    bytes.setUint8(index * 8 + 3, jf);
    bytes.setUint32(index * 8 + 4, k, true);
  }
  return new Uint8Array(bytes.buffer);
}
