/**
 * Whether caches of instances keep what the instances report of their interfaces.
 *
 * Owns: the switch, one for the process, because a kind has one form in every cache. It is on while somebody holds it.
 */
const holders = new Set<object>();

export function areInstanceInterfacesKept(): boolean {
  return holders.size > 0;
}

/** @returns ends the need for them. */
export function keepInstanceInterfaces(): () => void {
  const holder = {};
  holders.add(holder);
  return () => void holders.delete(holder);
}
