/**
 * What a manager accepts as a wake event.
 *
 * Owns: the bounds of the fields and the two reasons for refusing. Pure.
 * A timestamp is never a reason to refuse.
 */
import type { WOLEvent } from './generated/wol-descriptor';

/** Longest text of each field, in characters. */
const LONGEST: ReadonlyArray<
  readonly [field: 'macAddress' | 'nodeName' | 'sourceIp' | 'interface' | 'configName', name: string, max: number]
> = [
  ['macAddress', 'mac_address', 64],
  ['nodeName', 'node_name', 253],
  ['sourceIp', 'source_ip', 64],
  ['interface', 'interface', 64],
  ['configName', 'config_name', 253],
];
const PASSWORD_BYTES: readonly number[] = [0, 4, 6];
const LONGEST_QUOTE = 64;

export type EventCheck =
  | { readonly kind: 'valid' /** Normal form. */; readonly mac: string }
  | {
      readonly kind: 'refused';
      readonly reason: 'InvalidEvent' | 'InvalidMAC' /** One line, control characters escaped. */;
      readonly text: string;
    };

/**
 * Checks the bounds of an event and normalises its address.
 *
 * @param normalizeMac gives six lower-case hex pairs joined by colons, or `undefined` for what is no address.
 */
export function checkEvent(event: WOLEvent, normalizeMac: (text: string) => string | undefined): EventCheck {
  for (const [field, name, max] of LONGEST) {
    const { length } = event[field];
    if (length > max) return { kind: 'refused', reason: 'InvalidEvent', text: `${name} has ${length} characters; allowed: at most ${max}` };
  }
  if (!PASSWORD_BYTES.includes(event.secureOn.length)) {
    return { kind: 'refused', reason: 'InvalidEvent', text: `secure_on has ${event.secureOn.length} bytes; allowed: 0, 4 or 6` };
  }
  const mac = normalizeMac(event.macAddress);
  if (mac !== undefined) return { kind: 'valid', mac };
  const found = event.macAddress === '' ? 'empty' : JSON.stringify(event.macAddress.slice(0, LONGEST_QUOTE));
  return { kind: 'refused', reason: 'InvalidMAC', text: `mac_address is ${found}; allowed: six hex pairs` };
}
