/**
 * The objects of the fake cluster and their recent history.
 *
 * Owns: resourceVersion (one counter for all kinds, as etcd has it), key order, events, what is still remembered.
 * Never: HTTP, validation, time. Invariant: stored objects are never changed in place; a listener sees every commit, in order.
 */
import type { JsonObject } from '../json';

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface StoredEvent {
  readonly version: number;
  readonly type: EventType;
  readonly key: string;
  /** For DELETED the last state, carrying the version of the deletion. */
  readonly object: JsonObject;
  readonly previous: JsonObject | undefined;
}

export interface StoredObject {
  readonly key: string;
  readonly object: JsonObject;
}

/** All objects of one kind. */
export interface Collection {
  readonly objects: Map<string, JsonObject>;
  /** Ordered by key; rebuilt after a key came or went. */
  sorted: readonly StoredObject[] | undefined;
  history: StoredEvent[];
  /** Watches and reads from before this version are answered with 410. */
  compactedTo: number;
  readonly listeners: Set<(event: StoredEvent) => void>;
}

/** A copy of everything, for `restore`. */
export interface Backup {
  readonly version: number;
  readonly collections: ReadonlyMap<string, ReadonlyMap<string, JsonObject>>;
}

export function storageKey(namespace: string | undefined, name: string): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

const byKey = (a: StoredObject, b: StoredObject): number => (a.key < b.key ? -1 : 1);

export class ObjectStore {
  private readonly collections = new Map<string, Collection>();
  private readonly firstVersion: number;
  private readonly observers = new Set<(id: string, event: StoredEvent) => void>();

  /**
   * @param version the resourceVersion before the first write.
   * @param historyLimit events remembered per kind; the older half is forgotten when twice as many are there.
   */
  constructor(
    private version: number,
    private readonly historyLimit: number,
  ) {
    this.firstVersion = version;
  }

  get currentVersion(): number {
    return this.version;
  }

  collection(id: string): Collection {
    let collection = this.collections.get(id);
    if (collection === undefined) {
      collection = { objects: new Map(), sorted: undefined, history: [], compactedTo: this.firstVersion, listeners: new Set() };
      this.collections.set(id, collection);
    }
    return collection;
  }

  get(id: string, key: string): JsonObject | undefined {
    return this.collection(id).objects.get(key);
  }

  list(id: string): readonly StoredObject[] {
    const collection = this.collection(id);
    collection.sorted ??= [...collection.objects].map(([key, object]) => ({ key, object })).sort(byKey);
    return collection.sorted;
  }

  /** Stores a new state under the next version and tells the listeners. Answers the object as stored. */
  put(id: string, key: string, object: JsonObject): JsonObject {
    const collection = this.collection(id);
    const previous = collection.objects.get(key);
    const stored = this.stamped(object);
    collection.objects.set(key, stored);
    collection.sorted = undefined;
    this.record(id, collection, {
      version: this.version,
      type: previous === undefined ? 'ADDED' : 'MODIFIED',
      key,
      object: stored,
      previous,
    });
    return stored;
  }

  /** @returns the last state, carrying the version of the deletion; `undefined` when there was none. */
  remove(id: string, key: string): JsonObject | undefined {
    const collection = this.collection(id);
    const previous = collection.objects.get(key);
    if (previous === undefined) return undefined;
    const object = this.stamped(previous);
    collection.objects.delete(key);
    collection.sorted = undefined;
    this.record(id, collection, { version: this.version, type: 'DELETED', key, object, previous });
    return object;
  }

  /** The events after `version`, or `undefined` when some of them are forgotten. */
  eventsAfter(id: string, version: number): readonly StoredEvent[] | undefined {
    const { history, compactedTo } = this.collection(id);
    if (version < compactedTo) return undefined;
    const first = history.findIndex((event) => event.version > version);
    return first < 0 ? [] : history.slice(first);
  }

  /** The objects as they were at `version`, or `undefined` when that is forgotten. */
  listAt(id: string, version: number): readonly StoredObject[] | undefined {
    const later = this.eventsAfter(id, version);
    if (later === undefined) return undefined;
    if (later.length === 0) return this.list(id);
    const objects = new Map(this.collection(id).objects);
    for (const event of later.toReversed()) {
      if (event.previous === undefined) objects.delete(event.key);
      else objects.set(event.key, event.previous);
    }
    return [...objects].map(([key, object]) => ({ key, object })).sort(byKey);
  }

  subscribe(id: string, listener: (event: StoredEvent) => void): () => void {
    const { listeners } = this.collection(id);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** Called after every commit of any kind, after the listeners of that kind. */
  observe(observer: (id: string, event: StoredEvent) => void): void {
    this.observers.add(observer);
  }

  ids(): string[] {
    return [...this.collections.keys()];
  }

  /** Forgets the history: every watch or page from an older version gets 410. */
  compact(): void {
    for (const collection of this.collections.values()) forget(collection, this.version);
  }

  /** Moves the version on without a change to any kind of interest, as writes to other kinds do. */
  skipVersions(count: number): void {
    this.version += count;
  }

  backup(): Backup {
    return { version: this.version, collections: new Map([...this.collections].map(([id, { objects }]) => [id, new Map(objects)])) };
  }

  /** Puts an older state back, version included: what restoring an etcd snapshot does to clients. */
  restore({ version, collections }: Backup): void {
    this.version = version;
    for (const [id, collection] of this.collections) {
      collection.objects.clear();
      for (const [key, object] of collections.get(id) ?? []) collection.objects.set(key, object);
      collection.sorted = undefined;
      forget(collection, version);
    }
  }

  private stamped(object: JsonObject): JsonObject {
    this.version++;
    return { ...object, metadata: { ...(object['metadata'] as JsonObject), resourceVersion: String(this.version) } };
  }

  private record(id: string, collection: Collection, event: StoredEvent): void {
    collection.history.push(event);
    if (collection.history.length > 2 * this.historyLimit) {
      const kept = collection.history.slice(-this.historyLimit);
      collection.compactedTo = kept[0]!.version - 1;
      collection.history = kept;
    }
    for (const listener of [...collection.listeners]) listener(event);
    for (const observer of this.observers) observer(id, event);
  }
}

function forget(collection: Collection, version: number): void {
  collection.history = [];
  collection.compactedTo = version;
}
