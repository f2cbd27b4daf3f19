/** JSON Merge Patch (RFC 7386). Never: changes its input. */
import { copyOf, isObject, type JsonObject } from '../json';

export function mergePatched(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return copyOf(patch);
  const result: JsonObject = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatched(result[name], value);
  }
  return copyOf(result);
}
