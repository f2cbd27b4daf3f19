/**
 * One spelling for MAC addresses.
 *
 * Owns: which notations are accepted and which addresses can name a machine. Never: where an address comes from.
 * Invariant: total, throws on no input; a normal form is a fixed point.
 */

/** `aa:bb:cc:dd:ee:ff` and `aa-bb-cc-dd-ee-ff`: the second group makes the separator the same throughout. */
const PAIRS = /^[0-9a-f]{2}([:-])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}$/i;
/** `aabb.ccdd.eeff`, as routers print it. */
const DOTTED = /^[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}$/i;
const NORMAL_FORM = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;
/** The longest notation; anything much longer cannot be one and is not searched. */
const LONGEST_NOTATION = 17;

/**
 * Brings an address into normal form: six lower-case hex pairs joined by colons.
 *
 * @param text any of `aa:bb:cc:dd:ee:ff`, `aa-bb-cc-dd-ee-ff` and `aabb.ccdd.eeff`, either case, white space around it.
 * @returns `undefined` for everything else: other lengths, bare digits, mixed separators.
 * @source Go, `net.ParseMAC`, restricted to 6 bytes: what KubeVirt itself accepts.
 */
export function normalizeMac(text: string): string | undefined {
  if (NORMAL_FORM.test(text)) return text;
  const trimmed = text.trim();
  if (trimmed.length > LONGEST_NOTATION || !(PAIRS.test(trimmed) || DOTTED.test(trimmed))) return undefined;
  const digits = trimmed.replace(/[^0-9a-f]/gi, '').toLowerCase();
  return `${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.slice(4, 6)}:${digits.slice(6, 8)}:${digits.slice(8, 10)}:${digits.slice(10)}`;
}

/** Whether an address in normal form can belong to one machine: not all zeros, neither multicast nor broadcast. */
export function isUsableMac(mac: string): boolean {
  const isMulticast = (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1; // broadcast included
  return !isMulticast && mac !== '00:00:00:00:00:00';
}

/** The usable addresses among `texts` in normal form, each once, in order of appearance. */
export function usableMacs(texts: Iterable<string | undefined>): readonly string[] {
  const found: string[] = [];
  for (const text of texts) {
    const mac = text === undefined ? undefined : normalizeMac(text);
    if (mac !== undefined && isUsableMac(mac) && !found.includes(mac)) found.push(mac);
  }
  return found.slice(); // without spare room: there is one list per virtual machine
}
