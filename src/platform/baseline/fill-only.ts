/**
 * Fields that are offered, not forced: the header `fill` of an asset.
 *
 * Owns: which of their leaves stay in the desired object. Never: overwrites a value that somebody else set, or that the API defaulted. Pure.
 */
import { isJsonMap, isSameJson, type Json, type JsonMap } from '../json';
import { without } from '../overrides/ignored-fields';
import { type Pointer, valueAt } from '../overrides/json-pointer';

export interface FillInput {
  /** After patch and mask. */
  readonly desired: JsonMap;
  /** As the catalog wants it. */
  readonly rendered: JsonMap;
  readonly live: JsonMap;
  /** Whether a field of the live object is ours. */
  readonly isOurs: (leaf: Pointer) => boolean;
  readonly fill: readonly Pointer[];
}

export interface FilledObject {
  readonly object: JsonMap;
  /** Leaves that were left to whoever set them. */
  readonly left: readonly Pointer[];
}

export function withoutTakenFields({ desired, rendered, live, isOurs, fill }: FillInput): FilledObject {
  let object = desired;
  const left: Pointer[] = [];
  for (const leaf of fill.flatMap((pointer) => leavesAt(desired, pointer))) {
    const isAbsent = (valueAt(live, leaf) ?? null) === null;
    const isPatched = !isSameJson(valueAt(rendered, leaf), valueAt(desired, leaf));
    if (isAbsent || isPatched || isOurs(leaf)) continue;
    left.push(leaf);
    object = (without(object, leaf) ?? {}) as JsonMap;
  }
  return { object, left };
}

/** Lists and empty maps are leaves. */
function leavesAt(desired: JsonMap, pointer: Pointer): Pointer[] {
  const value = valueAt(desired, pointer);
  return value === undefined ? [] : leavesBelow(value, pointer);
}

function leavesBelow(value: Json, path: Pointer): Pointer[] {
  if (!isJsonMap(value) || Object.keys(value).length === 0) return [path];
  return Object.entries(value).flatMap(([name, member]) => leavesBelow(member, [...path, name]));
}
