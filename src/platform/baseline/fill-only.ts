/**
 * Fields that are offered, not forced: the header `fill` of an asset.
 *
 * Owns: which of their leaves stay in the desired object. Never: overwrites a value that somebody else set, or that the API defaulted. Pure.
 */
import { isJsonMap, isSameJson, type Json, type JsonMap } from '../json';
import { without } from '../overrides/ignored-fields';
import { type Pointer, valueAt } from '../overrides/json-pointer';
import { type FieldSet, holds } from './field-set';

export interface FillInput {
  /** After patch and mask. */
  readonly desired: JsonMap;
  /** As the catalog wants it. */
  readonly rendered: JsonMap;
  readonly live: JsonMap;
  /** What we own of the live object. */
  readonly own: FieldSet;
  /** It names fields of another version, so that an equal value is all that tells it is ours. */
  readonly isOwnedInOtherVersion: boolean;
  readonly fill: readonly Pointer[];
}

export interface FilledObject {
  readonly object: JsonMap;
  /** Leaves that were left to whoever set them. */
  readonly left: readonly Pointer[];
}

export function withoutTakenFields({ desired, rendered, live, own, isOwnedInOtherVersion, fill }: FillInput): FilledObject {
  let object = desired;
  const left: Pointer[] = [];
  for (const leaf of fill.flatMap((pointer) => leavesAt(desired, pointer))) {
    const isAbsent = (valueAt(live, leaf) ?? null) === null;
    const isPatched = !isSameJson(valueAt(rendered, leaf), valueAt(desired, leaf));
    const isOurs = isOwnedInOtherVersion ? isSameJson(valueAt(live, leaf), valueAt(desired, leaf)) : holds(own, leaf);
    if (isAbsent || isPatched || isOurs) continue;
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
