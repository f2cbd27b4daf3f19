/**
 * The parts of an object that decide what it is and who looks after it; no annotation of a user reaches them.
 *
 * Owns: the list, and how paths and values are compared with it. Pure.
 */
import { isJsonMap, isSameJson, type Json, type JsonMap } from '../json';
import { DOMAIN, MANAGED_BY_LABEL } from '../keys';
import { isAtOrBelow, type Pointer, pointerText, valueAt } from './json-pointer';

const ANNOTATIONS: Pointer = ['metadata', 'annotations'];
const PROTECTED: readonly Pointer[] = [
  ['apiVersion'],
  ['kind'],
  ['metadata', 'name'],
  ['metadata', 'namespace'],
  ['metadata', 'generateName'],
  ['metadata', 'uid'],
  ['metadata', 'resourceVersion'],
  ['metadata', 'managedFields'],
  ['metadata', 'ownerReferences'],
  ['metadata', 'finalizers'],
  ['status'],
  ['metadata', 'labels', MANAGED_BY_LABEL],
];

/** @returns the protected path that a pointer equals, lies below or contains, as text; `undefined` when it touches none. */
export function protectedPathAt(pointer: Pointer): string | undefined {
  const touched = PROTECTED.find((path) => isAtOrBelow(pointer, path) || isAtOrBelow(path, pointer));
  if (touched !== undefined) return pointerText(touched);
  const isAnnotations = isAtOrBelow(ANNOTATIONS, pointer);
  const isOurs = isAtOrBelow(pointer, ANNOTATIONS) && pointer[ANNOTATIONS.length]?.startsWith(DOMAIN) === true;
  return isAnnotations || isOurs ? pointerText([...ANNOTATIONS, DOMAIN]) : undefined;
}

/** @returns the first protected path whose value differs, as text; `undefined` when all are equal. */
export function changedProtectedPath(before: JsonMap, after: JsonMap): string | undefined {
  const changed = PROTECTED.find((path) => !isSameJson(valueAt(before, path), valueAt(after, path)));
  if (changed !== undefined) return pointerText(changed);
  return isSameJson(ourAnnotations(before), ourAnnotations(after)) ? undefined : pointerText([...ANNOTATIONS, DOMAIN]);
}

function ourAnnotations(object: JsonMap): Json {
  const annotations = valueAt(object, ANNOTATIONS);
  const ours = isJsonMap(annotations) ? Object.entries(annotations).filter(([name]) => name.startsWith(DOMAIN)) : [];
  return Object.fromEntries(ours);
}
