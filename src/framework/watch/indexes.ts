/**
 * Named secondary indexes over one store.
 *
 * Owns: value -> keys, and key -> values. Never: holds objects.
 * Invariant: after any sequence of `put` and `remove` an index holds exactly what filing every stored object anew would give. The values
 * of an object are remembered instead of computed again, so that a function that is not pure cannot leave stale entries behind.
 * Size: an entry whose value belongs to one object is a plain string on both sides, below 200 bytes; a Set is made for the second key.
 */
import type { KubernetesObject, ObjectKey } from '../kinds/object';

/** The value or values an object is found under; nothing leaves it out. Pure and synchronous. */
export type IndexFunction<T extends KubernetesObject = KubernetesObject> = (object: T) => string | readonly string[] | undefined;

type IndexErrorListener<T extends KubernetesObject> = (index: string, object: T, error: unknown) => void;

export class Indexes<T extends KubernetesObject> {
  private readonly byName = new Map<string, Index<T>>();

  constructor(private readonly onError: IndexErrorListener<T>) {}

  /** Names of the indexes, in the order they were added. */
  get names(): readonly string[] {
    return [...this.byName.keys()];
  }

  /** Adds an index and files `existing` in it. @throws {RangeError} when the name is taken. */
  add(name: string, compute: IndexFunction<T>, existing: Iterable<readonly [ObjectKey, T]>): void {
    if (this.byName.has(name)) throw new RangeError(`index "${name}" exists already`);
    const index = new Index(compute, (object, error) => this.onError(name, object, error));
    this.byName.set(name, index);
    for (const [key, object] of existing) index.put(key, object);
  }

  put(key: ObjectKey, object: T): void {
    for (const index of this.byName.values()) index.put(key, object);
  }

  remove(key: ObjectKey): void {
    for (const index of this.byName.values()) index.remove(key);
  }

  /** @throws {RangeError} when there is no such index. */
  keys(name: string, value: string): Iterable<ObjectKey> {
    const index = this.byName.get(name);
    if (index === undefined) throw new RangeError(`there is no index "${name}"; declared: ${this.names.join(', ') || 'none'}`);
    return index.keys(value);
  }
}

class Index<T extends KubernetesObject> {
  private readonly keysByValue = new Map<string, ObjectKey | Set<ObjectKey>>();
  private readonly valuesByKey = new Map<ObjectKey, string | readonly string[]>();

  constructor(
    private readonly compute: IndexFunction<T>,
    private readonly onError: (object: T, error: unknown) => void,
  ) {}

  put(key: ObjectKey, object: T): void {
    const values = this.valuesOf(object);
    const before = this.valuesByKey.get(key);
    if (sameValues(before, values)) return;
    this.remove(key);
    if (values === undefined) return;
    this.valuesByKey.set(key, values);
    for (const value of each(values)) this.file(value, key);
  }

  remove(key: ObjectKey): void {
    const values = this.valuesByKey.get(key);
    if (values === undefined) return;
    this.valuesByKey.delete(key);
    for (const value of each(values)) this.unfile(value, key);
  }

  keys(value: string): Iterable<ObjectKey> {
    const found = this.keysByValue.get(value);
    if (found === undefined) return [];
    return typeof found === 'string' ? [found] : found;
  }

  private valuesOf(object: T): string | readonly string[] | undefined {
    try {
      const values = this.compute(object);
      if (values === undefined || typeof values === 'string') return values;
      const distinct = [...new Set(values)];
      return distinct.length > 1 ? distinct : distinct[0];
    } catch (error) {
      this.onError(object, error);
      return undefined;
    }
  }

  private file(value: string, key: ObjectKey): void {
    const found = this.keysByValue.get(value);
    if (found === undefined) this.keysByValue.set(value, key);
    else if (typeof found === 'string') this.keysByValue.set(value, new Set([found, key]));
    else found.add(key);
  }

  private unfile(value: string, key: ObjectKey): void {
    const found = this.keysByValue.get(value);
    if (typeof found !== 'object') {
      this.keysByValue.delete(value);
      return;
    }
    found.delete(key);
    if (found.size === 1) for (const last of found) this.keysByValue.set(value, last);
  }
}

function each(values: string | readonly string[]): readonly string[] {
  return typeof values === 'string' ? [values] : values;
}

function sameValues(a: string | readonly string[] | undefined, b: string | readonly string[] | undefined): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b;
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
