/**
 * What one informer knows: the objects by key, their indexes, and the events that every change makes.
 *
 * Owns: which of two states of an object is the newer one; which events a change is. Never: contacts a server, waits, or logs.
 * Invariant: per key the events are ADDED, MODIFIED*, DELETED, and so on again; map and indexes are up to date before an event is
 * delivered; an unchanged object makes no event.
 */
import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject, ObjectKey } from '../kinds/object';
import { keyOf } from '../kinds/object';
import { Indexes, type IndexFunction } from './indexes';
import type { ResourceEvent, ResourceEventType } from './resource-event';
import { compareResourceVersions, isOlder, supersedes } from './resource-version';
import type { StoreReader } from './store-reader';

export interface StoreOptions<T extends KubernetesObject> {
  readonly cluster: string;
  /** Called inline for every change; must not throw. */
  readonly onEvent: (event: ResourceEvent<T>) => void;
  readonly onIndexError: (index: string, object: T, error: unknown) => void;
}

/** A complete list, ready to become the store. */
export interface Listing<T extends KubernetesObject> {
  readonly objects: ReadonlyMap<ObjectKey, T>;
  readonly resourceVersion: string | undefined;
  /** Only objects of this namespace were asked for, so only they can be found missing. */
  readonly namespace: string | undefined;
  /** The first list since the store was empty. */
  readonly initial: boolean;
  /** The server's history began anew: versions cannot be compared, whatever was listed is right. */
  readonly historyReset: boolean;
}

interface Cause {
  readonly initial: boolean;
  readonly lost: boolean;
}

const WATCHED: Cause = { initial: false, lost: false };
const LOST: Cause = { initial: false, lost: true };

export class Store<T extends KubernetesObject> implements StoreReader<T> {
  synced = false;
  private readonly objects = new Map<ObjectKey, T>();
  private readonly indexes: Indexes<T>;

  constructor(private readonly options: StoreOptions<T>) {
    this.indexes = new Indexes(options.onIndexError);
  }

  get size(): number {
    return this.objects.size;
  }

  get(key: ObjectKey): T | undefined {
    return this.objects.get(key);
  }

  list(): IterableIterator<T> {
    return this.objects.values();
  }

  by(index: string, value: string): readonly T[] {
    return [...this.indexes.keys(index, value)].map((key) => this.objects.get(key)!);
  }

  /** Adds an index over the objects present and to come. @throws {RangeError} when the name is taken. */
  addIndex(name: string, compute: IndexFunction<T>): void {
    this.indexes.add(name, compute, this.objects);
  }

  /** Takes in a state of an object, unless the one at hand is as new. @returns whether it was taken. */
  put(object: T): boolean {
    const current = this.objects.get(keyOf(object));
    if (current !== undefined && !supersedes(versionOf(object), versionOf(current))) return false;
    this.set(object, current, WATCHED);
    return true;
  }

  /**
   * Takes an object out because the server says that it is gone.
   *
   * @param last the state that came with the news; it is the one delivered, unless it is another object's of the same name.
   */
  remove(last: T): boolean {
    const current = this.objects.get(keyOf(last));
    if (current === undefined || isOlder(versionOf(last), versionOf(current))) return false;
    this.delete(current, uidOf(last) === uidOf(current) ? last : current, WATCHED);
    return true;
  }

  /**
   * Makes the store equal to a complete list: first the deletions found, then what is new or changed.
   *
   * A state that came after the list was made (by a write of ours) is kept. Yields after every object, so that the caller can rest.
   */
  *replace(listing: Listing<T>): Generator<undefined, void> {
    for (const [key, current] of this.objects) {
      if (!inNamespace(current, listing.namespace)) continue;
      if (!listing.objects.has(key) && !this.isNewerThan(current, listing)) this.delete(current, current, LOST);
      yield;
    }
    for (const [key, object] of listing.objects) {
      const current = this.objects.get(key);
      if (current === undefined) this.set(object, undefined, { initial: listing.initial, lost: false });
      else if (this.changes(object, current, listing)) this.set(object, current, LOST);
      yield;
    }
  }

  /** Takes out every object of a namespace, or all: the kind has left the cluster. Yields after every object. */
  *clear(namespace: string | undefined): Generator<undefined, void> {
    for (const current of this.objects.values()) {
      if (inNamespace(current, namespace)) this.delete(current, current, LOST);
      yield;
    }
  }

  private isNewerThan(current: T, listing: Listing<T>): boolean {
    return !listing.historyReset && isOlder(listing.resourceVersion, versionOf(current));
  }

  private changes(listed: T, current: T, listing: Listing<T>): boolean {
    // A history that began anew gives out the same versions for other states.
    if (listing.historyReset) return !isDeepStrictEqual(listed, current);
    const sameVersion = compareResourceVersions(versionOf(listed), versionOf(current)) === 0;
    if (sameVersion && uidOf(listed) === uidOf(current)) return listed.apiVersion !== current.apiVersion;
    return supersedes(versionOf(listed), versionOf(current));
  }

  /** @param cause `lost` applies to the deletion of an object that was replaced by another of the same name. */
  private set(object: T, current: T | undefined, cause: Cause): void {
    const replaces = current !== undefined && uidOf(current) !== uidOf(object);
    if (replaces) this.delete(current, current, cause);
    const old = replaces ? undefined : current;
    const key = keyOf(object);
    this.objects.set(key, object);
    this.indexes.put(key, object);
    this.emit(old === undefined ? 'ADDED' : 'MODIFIED', object, old, { initial: cause.initial, lost: false });
  }

  private delete(current: T, last: T, cause: Cause): void {
    const key = keyOf(current);
    this.objects.delete(key);
    this.indexes.remove(key);
    this.emit('DELETED', last, current, cause);
  }

  private emit(type: ResourceEventType, object: T, old: T | undefined, { initial, lost }: Cause): void {
    this.options.onEvent({ type, object, old, initial, lost, cluster: this.options.cluster });
  }
}

function versionOf(object: KubernetesObject): string | undefined {
  return object.metadata?.resourceVersion;
}

function uidOf(object: KubernetesObject): string | undefined {
  return object.metadata?.uid;
}

function inNamespace(object: KubernetesObject, namespace: string | undefined): boolean {
  return namespace === undefined || object.metadata?.namespace === namespace;
}
