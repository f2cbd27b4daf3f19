/** JSON values, as catalog, context and rendered objects hold them. Nobody writes to one: whoever changes something makes a copy. */
export type Json = null | boolean | number | string | readonly Json[] | JsonMap;

export interface JsonMap {
  readonly [member: string]: Json;
}

export function isJsonMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether both say the same, whatever the order of members. */
export function isSameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((element, index) => isSameJson(element, b[index]));
  if (!isJsonMap(a) || !isJsonMap(b)) return false;
  const members = Object.keys(a);
  return (
    members.length === Object.keys(b).length && members.every((member) => Object.hasOwn(b, member) && isSameJson(a[member], b[member]))
  );
}

/** Whether a value holds itself, as YAML can say by an alias inside of what it names. Nothing that walks a value may be given one. */
export function isCyclic(value: unknown, above: ReadonlySet<unknown> = new Set()): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (above.has(value)) return true;
  const within = new Set(above).add(value);
  return Object.values(value).some((member) => isCyclic(member, within));
}
