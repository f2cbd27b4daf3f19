/** JSON values as the fake API server handles them: narrowing, copying, comparing. Never: knows what a Kubernetes object is. */
export type JsonObject = { [key: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function objectOr(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** A deep copy without `undefined` members, as a round trip through JSON would give. */
export function copyOf<T>(value: T): T {
  if (Array.isArray(value)) return value.map((item) => copyOf(item)) as T;
  if (!isObject(value)) return value;
  const copy: JsonObject = {};
  for (const [key, member] of Object.entries(value)) if (member !== undefined) copy[key] = copyOf(member);
  return copy as T;
}

/** Deep equality; the order of members does not matter, `undefined` members count as absent. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => isEqual(item, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  const keysOfA = Object.keys(a).filter((key) => a[key] !== undefined);
  if (keysOfA.length !== Object.keys(b).filter((key) => b[key] !== undefined).length) return false;
  return keysOfA.every((key) => isEqual(a[key], b[key]));
}

/** The value at a path of member names, `undefined` when any step is missing. */
export function valueAt(value: unknown, path: readonly string[]): unknown {
  let current = value;
  for (const step of path) {
    if (!isObject(current)) return undefined;
    current = current[step];
  }
  return current;
}

/** Canonical text: members sorted, no white space. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? 'null';
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
  return `{${members.join(',')}}`;
}
