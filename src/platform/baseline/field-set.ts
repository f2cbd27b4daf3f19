/**
 * Sets of fields as the API server writes them (`fieldsV1`), and pointers into them. Pure.
 *
 * `f:<name>` is a member, `k:<keys>`, `v:<value>` and `i:<index>` are elements of lists, `.` is the map or element itself; an empty map is
 * a field that is owned whole.
 * @source sigs.k8s.io/structured-merge-diff/fieldpath/serialize-pe.go
 */
import { isJsonMap, type JsonMap } from '../json';
import type { Pointer } from '../overrides/json-pointer';

export type FieldSet = JsonMap;

export const NO_FIELDS: FieldSet = {};

/** Whether something at the path or below it is in the set, or the path lies inside of something that is owned whole. */
export function holds(set: FieldSet, path: Pointer): boolean {
  let node = set;
  for (const [depth, segment] of path.entries()) {
    if (depth > 0 && Object.keys(node).length === 0) return true;
    const inner = node[`f:${segment}`];
    if (!isJsonMap(inner)) return false;
    node = inner;
  }
  return true;
}

/** Whether there is a node at exactly the path, so that it can be taken out. */
export function hasNode(set: FieldSet, path: Pointer): boolean {
  let node = set;
  for (const segment of path) {
    const inner = node[`f:${segment}`];
    if (!isJsonMap(inner)) return false;
    node = inner;
  }
  return path.length > 0;
}

/** Without everything at the path and below, and without what that leaves empty. */
export function withoutNode(set: FieldSet, [first, ...rest]: Pointer): FieldSet {
  const name = `f:${first}`;
  const inner = set[name];
  if (first === undefined || !isJsonMap(inner)) return set;
  const { [name]: _, ...others } = set;
  if (rest.length === 0) return others;
  const left = withoutNode(inner, rest);
  const isLeftEmpty = Object.keys(left).length === 0 && Object.keys(inner).length > 0;
  return isLeftEmpty ? others : { ...others, [name]: left };
}

export function unionOf(a: FieldSet, b: FieldSet): FieldSet {
  const both: Record<string, FieldSet> = { ...(a as Record<string, FieldSet>) };
  for (const [name, inner] of Object.entries(b) as [string, FieldSet][]) {
    both[name] = Object.hasOwn(both, name) ? unionOf(both[name]!, inner) : inner;
  }
  return both;
}

/** The names of members directly below a path. */
export function membersBelow(set: FieldSet, path: Pointer): readonly string[] {
  let node = set;
  for (const segment of path) {
    const inner = node[`f:${segment}`];
    if (!isJsonMap(inner)) return [];
    node = inner;
  }
  return Object.keys(node)
    .filter((name) => name.startsWith('f:'))
    .map((name) => name.slice(2));
}
