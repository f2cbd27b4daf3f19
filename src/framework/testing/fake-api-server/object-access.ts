/**
 * What is stored, for tests: read, seed and change objects without HTTP.
 *
 * Owns: the typed view on the store. Guarantees: watches see these changes like any other; nothing appears in the journal, no fault applies.
 */

import type { Kind } from '../../kinds/kind';
import { type KubernetesObject, type ObjectKey, splitKey } from '../../kinds/object';
import { isEqual, type JsonObject, objectOr } from './json';
import { apiVersionOf, idOf, type ServedKind } from './kinds/served-kind';
import type { ServedKinds } from './kinds/served-kinds';
import type { ObjectStore } from './storage/object-store';
import type { ObjectWriter, WriteTarget } from './storage/object-writer';

export class ObjectAccess {
  constructor(
    private readonly store: ObjectStore,
    private readonly writer: ObjectWriter,
    private readonly kinds: ServedKinds,
  ) {}

  /** The stored object, shared: do not change it. */
  get<T extends KubernetesObject>(kind: Kind<T>, key: ObjectKey): T | undefined {
    return this.store.get(idOf(kind), key) as unknown as T | undefined;
  }

  /** All objects of a kind in key order, shared: do not change them. */
  list<T extends KubernetesObject>(kind: Kind<T>): T[] {
    return this.store.list(idOf(kind)).map(({ object }) => object as unknown as T);
  }

  /** Creates an object as a POST would; kind and apiVersion are filled in, its status is kept. @throws {StatusError} as the server would answer. */
  create<T extends KubernetesObject>(kind: Kind<T>, object: T): T {
    const { name = '', namespace = '' } = object.metadata ?? {};
    const target = this.targetOf(kind, namespace, name);
    const body: JsonObject = { ...(object as object), apiVersion: apiVersionOf(target.kind, target.version), kind: kind.kind };
    const created = this.writer.create({ ...target, name: '' }, body);
    const { status } = body;
    if (status === undefined || created['status'] !== undefined) return created as unknown as T;
    const named = { ...target, name: String(objectOr(created['metadata'])['name']) };
    return this.writer.patch({ ...named, subresource: 'status' }, 'merge', { status }, false).object as unknown as T;
  }

  /** Creates many. */
  seed<T extends KubernetesObject>(kind: Kind<T>, objects: Iterable<T>): void {
    for (const object of objects) this.create(kind, object);
  }

  /**
   * Changes an object: `change` gets a copy and may mutate it, status included.
   *
   * @throws {StatusError} 404 when there is none.
   */
  update<T extends KubernetesObject>(kind: Kind<T>, key: ObjectKey, change: (object: T) => void): T {
    const { namespace = '', name } = splitKey(key);
    const target = this.targetOf(kind, namespace, name);
    const copy = structuredClone(this.store.get(idOf(kind), key) ?? {}) as unknown as T;
    change(copy);
    const wanted = copy as unknown as JsonObject;
    const { object } = this.writer.update({ ...target, kind: unconditional(target.kind) }, wanted);
    if (!target.version.statusSubresource || isEqual(object['status'], wanted['status'])) return object as unknown as T;
    const status = { ...wanted, metadata: object['metadata'] };
    return this.writer.update({ ...target, subresource: 'status' }, status).object as unknown as T;
  }

  /** Deletes as a DELETE would: an object with finalizers stays, Terminating. */
  delete(kind: Kind, key: ObjectKey): void {
    const { namespace = '', name } = splitKey(key);
    this.writer.delete(this.targetOf(kind, namespace, name), { uid: undefined, resourceVersion: undefined, propagationPolicy: undefined });
  }

  /** Deletes whatever finalizers say. */
  remove(kind: Kind, key: ObjectKey): void {
    this.store.remove(idOf(kind), key);
  }

  private targetOf(kind: Kind, namespace: string, name: string): WriteTarget {
    const served = this.kinds.get(idOf(kind));
    const version = served?.versions.find((candidate) => candidate.name === kind.version) ?? served?.versions[0];
    if (served === undefined || version === undefined)
      throw new TypeError(`the fake API server does not serve ${kind.id}; pass it in kinds, or call serve or installCrd`);
    return {
      kind: served,
      version,
      namespace,
      name,
      subresource: '',
      manager: 'test',
      isDryRun: false,
      fieldValidation: 'Ignore',
      warnings: [],
    };
  }
}

function unconditional(kind: ServedKind): ServedKind {
  return { ...kind, traits: { ...kind.traits, unconditionalUpdate: true } };
}
