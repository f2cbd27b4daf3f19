/**
 * A set of field paths, the unit of ownership in server-side apply.
 *
 * Owns: set algebra and the FieldsV1 form. Never: looks at objects or schemas.
 * A path element is its FieldsV1 text: `f:name`, `k:{"type":"Ready"}`, `v:"x"`.
 */
import { isObject, type JsonObject } from '../json';

export class FieldSet {
  /** Nodes are never empty: a child without members is dropped at once. */
  readonly children = new Map<string, FieldSet>();

  constructor(
    /** The path that leads here is in the set. */
    public member = false,
  ) {}

  get isEmpty(): boolean {
    return !this.member && this.children.size === 0;
  }

  /** Hangs `child` under `element` unless it is empty. */
  attach(element: string, child: FieldSet): void {
    if (child.isEmpty) return;
    const present = this.children.get(element);
    this.children.set(element, present === undefined ? child : present.union(child));
  }

  has(element: string): boolean {
    return this.children.get(element)?.member ?? false;
  }

  /** The paths that go on below `element`, without `element` itself; `undefined` when there are none. */
  below(element: string): FieldSet | undefined {
    const child = this.children.get(element);
    return child === undefined || child.children.size === 0 ? undefined : child;
  }

  union(other: FieldSet): FieldSet {
    const result = new FieldSet(this.member || other.member);
    for (const [element, child] of this.children) result.attach(element, child);
    for (const [element, child] of other.children) result.attach(element, child);
    return result;
  }

  /** Paths of this set that are not, as exactly the same path, in the other. */
  difference(other: FieldSet): FieldSet {
    const result = new FieldSet(this.member && !other.member);
    for (const [element, child] of this.children) {
      const theirs = other.children.get(element);
      result.attach(element, theirs === undefined ? child : child.difference(theirs));
    }
    return result;
  }

  intersection(other: FieldSet): FieldSet {
    const result = new FieldSet(this.member && other.member);
    for (const [element, child] of this.children) {
      const theirs = other.children.get(element);
      if (theirs !== undefined) result.attach(element, child.intersection(theirs));
    }
    return result;
  }

  /** Without the paths at and below the given top-level fields. */
  withoutFields(names: readonly string[]): FieldSet {
    if (names.length === 0) return this;
    const result = new FieldSet(this.member);
    for (const [element, child] of this.children) if (!names.includes(element.slice(2))) result.attach(element, child);
    return result;
  }

  /** Every path in the set as its elements; those of one level come before those below it, as structured-merge-diff iterates. */
  *paths(prefix: readonly string[] = []): IterableIterator<readonly string[]> {
    const children = this.sorted();
    for (const [element, child] of children) if (child.member) yield [...prefix, element];
    for (const [element, child] of children) yield* child.paths([...prefix, element]);
  }

  toFieldsV1(): JsonObject {
    const fields: JsonObject = {};
    if (this.member && this.children.size > 0) fields['.'] = {};
    for (const [element, child] of this.sorted()) fields[element] = child.toFieldsV1();
    return fields;
  }

  static fromFieldsV1(fields: unknown, isRoot = true): FieldSet {
    const members = isObject(fields) ? Object.keys(fields) : [];
    const set = new FieldSet(!isRoot && (members.length === 0 || members.includes('.')));
    for (const element of members) {
      if (element !== '.') set.attach(element, FieldSet.fromFieldsV1((fields as JsonObject)[element], false));
    }
    return set;
  }

  /** The set of the given paths of field names. */
  static ofFields(paths: readonly (readonly string[])[]): FieldSet {
    const root = new FieldSet();
    for (const path of paths) {
      let node = root;
      for (const name of path) {
        const element = `f:${name}`;
        const next = node.children.get(element) ?? new FieldSet();
        node.children.set(element, next);
        node = next;
      }
      node.member = true;
    }
    return root;
  }

  private sorted(): [string, FieldSet][] {
    return [...this.children].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  }
}

/** A path the way messages of the API server print it: `.status.conditions[type="Ready"].status`. */
export function printPath(path: readonly string[]): string {
  return path
    .map((element) => {
      const text = element.slice(2);
      if (element.startsWith('f:')) return `.${text}`;
      if (element.startsWith('v:')) return `[=${text}]`;
      const keys = Object.entries(JSON.parse(text) as JsonObject);
      return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
    })
    .join('');
}
