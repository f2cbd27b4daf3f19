/**
 * Values seen through their schema: which paths they hold, how two of them differ, merge, and lose paths.
 *
 * Owns: the four walks of structured merge. Never: knows who manages a field.
 * The rules are those of sigs.k8s.io/structured-merge-diff v6 (typed/tofieldset.go, compare.go, merge.go, remove.go), for values without
 * duplicate list keys; a list with duplicates or without its keys is refused.
 */
import { isEqual, isObject, type JsonObject } from '../json';
import { isAtomicMap, itemOf, type ListMerge, listMergeOf, memberOf, type Schema } from '../schema/schema';
import { FieldSet } from './field-set';

/** A value that does not fit its schema; the text is the one structured-merge-diff gives. */
export class TypedValueError extends Error {}

type Shape = 'map' | 'list' | 'leaf';

/** How the pair is walked: as far as both sides allow it. An empty or null pair is a leaf, which keeps the difference between the two. */
function shapeOf(schema: Schema, left: unknown, right: unknown): Shape {
  const present = [left, right].filter((side) => side !== undefined && side !== null);
  if (present.length > 0 && present.every(isObject)) return isAtomicMap(schema) || present.every(isBare) ? 'leaf' : 'map';
  if (present.length > 0 && present.every(Array.isArray)) {
    return listMergeOf(schema).kind === 'atomic' || present.every((side) => (side as unknown[]).length === 0) ? 'leaf' : 'list';
  }
  return 'leaf';
}

function isBare(value: unknown): boolean {
  return isObject(value) && Object.keys(value).length === 0;
}

/** The path element of a list item: its keys, or itself in a set. */
export function elementOf(item: unknown, merge: ListMerge, itemSchema: Schema): string {
  if (merge.kind === 'set') {
    if (typeof item === 'object')
      throw new TypedValueError(`associative list without keys has an element that's ${item === null ? 'an explicit null' : 'a map type'}`);
    return `v:${JSON.stringify(item)}`;
  }
  if (merge.kind === 'atomic' || !isObject(item)) throw new TypedValueError('associative list with keys may not have non-map elements');
  const keys: [string, unknown][] = [];
  for (const key of [...merge.keys].sort()) {
    const value = item[key] ?? memberOf(itemSchema, key).schema.default;
    if (value !== undefined) keys.push([key, value]);
  }
  if (keys.length === 0) {
    const names = merge.keys.map((key) => JSON.stringify(key)).join(' ');
    throw new TypedValueError(
      `associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`,
    );
  }
  return `k:${JSON.stringify(Object.fromEntries(keys))}`;
}

/** Items by element, in order. @throws {TypedValueError} on a duplicate. */
function indexItems(list: unknown, schema: Schema): Map<string, unknown> {
  const items = new Map<string, unknown>();
  if (!Array.isArray(list)) return items;
  const merge = listMergeOf(schema);
  for (const item of list) {
    const element = elementOf(item, merge, itemOf(schema));
    if (items.has(element)) throw new TypedValueError(`duplicate entries for key ${element.slice(2)}`);
    items.set(element, item);
  }
  return items;
}

/** Every path the value holds. */
export function fieldsOf(value: unknown, schema: Schema): FieldSet {
  const set = new FieldSet();
  if (isObject(value)) {
    if (isAtomicMap(schema)) return new FieldSet(true);
    for (const [name, member] of Object.entries(value)) {
      const { schema: memberSchema, named } = memberOf(schema, name);
      const below = fieldsOf(member, memberSchema);
      if (member === null || isBare(member) || !named) below.member = true;
      set.attach(`f:${name}`, below);
    }
    return set;
  }
  if (!Array.isArray(value) || listMergeOf(schema).kind === 'atomic') return new FieldSet(true);
  for (const [element, item] of indexItems(value, schema)) {
    const below = fieldsOf(item, itemOf(schema));
    below.member = true;
    set.attach(element, below);
  }
  return set;
}

export interface Comparison {
  added: FieldSet;
  removed: FieldSet;
  modified: FieldSet;
}

/** What became of the paths from `left` to `right`. At least one side is given. */
export function compare(left: unknown, right: unknown, schema: Schema): Comparison {
  const result: Comparison = { added: new FieldSet(), removed: new FieldSet(), modified: new FieldSet() };
  if (changesShape(left, right)) return compareShapes(left, right, schema);
  const shape = shapeOf(schema, left, right);
  if (shape === 'leaf') {
    if (left !== undefined && right !== undefined) result.modified.member = !isEqual(left, right);
  } else {
    for (const [element, l, r, memberSchema] of pairs(shape, left, right, schema)) {
      const below = compare(l, r, memberSchema);
      result.added.attach(element, below.added);
      result.removed.attach(element, below.removed);
      result.modified.attach(element, below.modified);
    }
  }
  if (left === undefined) result.added.member = true;
  if (right === undefined) result.removed.member = true;
  return result;
}

/** A map became a list or a scalar, or the other way round; possible below preserve-unknown-fields only. */
function changesShape(left: unknown, right: unknown): boolean {
  const hasBoth = [left, right].every((side) => side !== undefined && side !== null);
  return hasBoth && (isObject(left) !== isObject(right) || Array.isArray(left) !== Array.isArray(right));
}

/** Everything below the old value went, everything below the new one came, the path itself changed. */
function compareShapes(left: unknown, right: unknown, schema: Schema): Comparison {
  const { removed } = compare(left, undefined, schema);
  const { added } = compare(undefined, right, schema);
  removed.member = false;
  added.member = false;
  return { added, removed, modified: new FieldSet(true) };
}

function pairs(shape: 'map' | 'list', left: unknown, right: unknown, schema: Schema): [string, unknown, unknown, Schema][] {
  if (shape === 'list') {
    const [l, r] = [indexItems(left, schema), indexItems(right, schema)];
    return [...new Set([...l.keys(), ...r.keys()])].map((element) => [element, l.get(element), r.get(element), itemOf(schema)]);
  }
  const [l, r] = [isObject(left) ? left : {}, isObject(right) ? right : {}];
  const names = new Set([...Object.keys(l), ...Object.keys(r)]);
  return [...names].map((name) => [`f:${name}`, l[name], r[name], memberOf(schema, name).schema]);
}

/** `right` laid over `left`; `undefined` when nothing is left. */
export function merge(left: unknown, right: unknown, schema: Schema): unknown {
  const shape = shapeOf(schema, left, right);
  if (shape === 'leaf') return right === undefined ? left : right;
  if (shape === 'list') return mergeLists(left, right, schema);
  const merged: JsonObject = {};
  for (const [element, l, r, memberSchema] of pairs(shape, left, right, schema)) {
    const value = merge(l, r, memberSchema);
    if (value !== undefined) merged[element.slice(2)] = value;
  }
  return Object.keys(merged).length > 0 ? merged : undefined;
}

/** Items only `left` has keep their place among the shared ones; the shared and the new ones come in the order of `right`. */
function mergeLists(left: unknown, right: unknown, schema: Schema): unknown[] | undefined {
  const [l, r] = [indexItems(left, schema), indexItems(right, schema)];
  const [lefts, rights] = [[...l.keys()], [...r.keys()]];
  const shared = rights.filter((element) => l.has(element));
  const merged: unknown[] = [];
  const done = new Set<string>();
  const take = (element: string): void => {
    done.add(element);
    if (shared[0] === element) shared.shift();
    merged.push(merge(l.get(element), r.get(element), itemOf(schema)));
  };
  let [i, k] = [0, 0];
  while (i < lefts.length || k < rights.length) {
    const [a, b] = [lefts[i], rights[k]];
    if (a !== undefined && a === b) {
      take(a);
      i++;
      k++;
    } else if (a !== undefined && b !== undefined && r.has(a) && shared[0] !== undefined && shared[0] !== a) {
      i++;
    } else if (a !== undefined && !r.has(a)) {
      take(a);
      i++;
    } else {
      if (a !== undefined && done.has(a)) i++;
      if (b !== undefined) {
        take(b);
        k++;
      }
    }
  }
  return merged.length > 0 ? merged : undefined;
}

/** The value without the given paths; a list or map that loses everything becomes `null`, as on the real server. */
export function without(value: unknown, remove: FieldSet, schema: Schema): unknown {
  if (Array.isArray(value)) {
    if (listMergeOf(schema).kind === 'atomic') return value;
    const kept: unknown[] = [];
    for (const [element, item] of indexItems(value, schema)) {
      if (remove.has(element)) continue;
      const below = remove.below(element);
      kept.push(below === undefined ? item : without(item, below, itemOf(schema)));
    }
    return kept.length > 0 ? kept : null;
  }
  if (!isObject(value) || isAtomicMap(schema)) return value;
  const kept: JsonObject = {};
  for (const [name, member] of Object.entries(value)) {
    if (remove.has(`f:${name}`)) continue;
    const below = remove.below(`f:${name}`);
    kept[name] = below === undefined ? member : without(member, below, memberOf(schema, name).schema);
  }
  return Object.keys(kept).length > 0 ? kept : null;
}

/** The set plus the struct fields that lead to its paths: removing all of a struct's fields removes the struct. */
export function withNamedParents(set: FieldSet, schema: Schema): FieldSet {
  const result = new FieldSet(set.member);
  for (const [element, child] of set.children) {
    const isField = element.startsWith('f:');
    const { schema: memberSchema, named } = isField ? memberOf(schema, element.slice(2)) : { schema: itemOf(schema), named: false };
    const below = withNamedParents(child, memberSchema);
    if (isField && named) below.member = true;
    result.attach(element, below);
  }
  return result;
}

/** @throws {TypedValueError} when a closed schema does not know a member. */
export function assertDeclared(value: unknown, schema: Schema, path = ''): void {
  if (Array.isArray(value)) {
    value.forEach((item, i) => {
      assertDeclared(item, itemOf(schema), `${path}[${i}]`);
    });
  } else if (isObject(value)) {
    for (const [name, member] of Object.entries(value)) {
      const { schema: memberSchema, known } = memberOf(schema, name);
      if (!known) throw new TypedValueError(`${path}.${name}: field not declared in schema`);
      assertDeclared(member, memberSchema, `${path}.${name}`);
    }
  }
}
