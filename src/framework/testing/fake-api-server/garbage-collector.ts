/**
 * Owner-reference collection, as the controller manager does it.
 *
 * Owns: deleting dependents of owners that are gone, foreground and orphan deletion, emptying deleted namespaces.
 * Never: runs unless asked for (`garbageCollection: true`). Guarantees: works in a later turn of the event loop than the commit that caused it.
 * Caveats: an owner counts as present when an object with its UID exists under its kind, wherever it lives.
 */
import { isObject, type JsonObject, objectOr } from './json';
import { idOf, type ServedKind } from './kinds/served-kind';
import type { ServedKinds } from './kinds/served-kinds';
import { finalizersOf } from './schema/metadata-validation';
import type { ObjectStore, StoredEvent } from './storage/object-store';
import type { ObjectWriter, WriteTarget } from './storage/object-writer';

interface Found {
  kind: ServedKind;
  object: JsonObject;
}

const metadataOf = (object: JsonObject): JsonObject => objectOr(object['metadata']);

function ownersOf(object: JsonObject): JsonObject[] {
  const references = metadataOf(object)['ownerReferences'];
  return Array.isArray(references) ? references.filter(isObject) : [];
}

export class GarbageCollector {
  constructor(
    private readonly store: ObjectStore,
    private readonly writer: ObjectWriter,
    private readonly kinds: ServedKinds,
  ) {
    store.observe((id, event) => void setImmediate(() => this.onCommit(id, event)));
  }

  private onCommit(id: string, { type, key, object }: StoredEvent): void {
    if (type === 'DELETED') {
      this.releaseDependents(String(metadataOf(object)['uid']));
      this.unblockOwners(object);
      if (id === 'namespaces') this.empty(String(metadataOf(object)['name']));
      return;
    }
    const kind = this.kinds.get(id);
    const now = this.store.get(id, key);
    if (kind === undefined || now === undefined) return;
    if (metadataOf(now)['deletionTimestamp'] !== undefined) this.finishDeletion({ kind, object: now });
    else if (ownersOf(now).length > 0 && ownersOf(now).every((owner) => !this.exists(owner))) this.delete({ kind, object: now });
  }

  private *all(): IterableIterator<Found> {
    for (const kind of this.kinds.all()) for (const { object } of this.store.list(idOf(kind))) yield { kind, object };
  }

  private dependentsOf(uid: string): Found[] {
    return [...this.all()].filter(({ object }) => ownersOf(object).some((owner) => owner['uid'] === uid));
  }

  private exists(owner: JsonObject): boolean {
    const kind = this.kinds.findKind(String(owner['apiVersion']), String(owner['kind']));
    if (kind === undefined) return true;
    return this.store.list(idOf(kind)).some(({ object }) => metadataOf(object)['uid'] === owner['uid']);
  }

  private releaseDependents(uid: string): void {
    for (const dependent of this.dependentsOf(uid)) {
      const others = ownersOf(dependent.object).filter((owner) => owner['uid'] !== uid && this.exists(owner));
      if (others.length === 0) this.delete(dependent);
      else this.setMetadata(dependent, { ownerReferences: others });
    }
  }

  /** Owners that wait for their dependents look again. */
  private unblockOwners(dependent: JsonObject): void {
    const uids = ownersOf(dependent).map((owner) => owner['uid']);
    for (const found of [...this.all()]) {
      const { uid, deletionTimestamp } = metadataOf(found.object);
      if (deletionTimestamp !== undefined && uids.includes(uid)) this.finishDeletion(found);
    }
  }

  private finishDeletion(owner: Found): void {
    const metadata = metadataOf(owner.object);
    const finalizers = finalizersOf(metadata);
    const dependents = this.dependentsOf(String(metadata['uid']));
    if (finalizers.includes('orphan')) {
      for (const dependent of dependents) {
        this.setMetadata(dependent, {
          ownerReferences: ownersOf(dependent.object).filter((reference) => reference['uid'] !== metadata['uid']),
        });
      }
      this.setMetadata(owner, { finalizers: finalizers.filter((finalizer) => finalizer !== 'orphan') });
    } else if (finalizers.includes('foregroundDeletion')) {
      const blocking = dependents.filter(({ object }) =>
        ownersOf(object).some((ref) => ref['uid'] === metadata['uid'] && ref['blockOwnerDeletion'] === true),
      );
      if (blocking.length === 0)
        this.setMetadata(owner, { finalizers: finalizers.filter((finalizer) => finalizer !== 'foregroundDeletion') });
      else
        for (const dependent of dependents)
          if (metadataOf(dependent.object)['deletionTimestamp'] === undefined) this.delete(dependent, 'Foreground');
    }
  }

  private empty(namespace: string): void {
    for (const found of [...this.all()]) if (metadataOf(found.object)['namespace'] === namespace) this.delete(found);
  }

  private delete(found: Found, propagationPolicy: string | undefined = undefined): void {
    const uid = String(metadataOf(found.object)['uid']);
    if (!this.isCurrent(found)) return;
    this.writer.delete(this.targetOf(found), { uid, resourceVersion: undefined, propagationPolicy });
  }

  private setMetadata(found: Found, change: JsonObject): void {
    if (this.isCurrent(found)) this.writer.patch(this.targetOf(found), 'merge', { metadata: change }, false);
  }

  private isCurrent({ kind, object }: Found): boolean {
    const { namespace, name, uid } = metadataOf(object);
    const now = this.store.get(idOf(kind), kind.scope === 'Namespaced' ? `${namespace}/${name}` : String(name));
    return now !== undefined && metadataOf(now)['uid'] === uid;
  }

  private targetOf({ kind, object }: Found): WriteTarget {
    const { namespace = '', name } = metadataOf(object);
    return {
      kind,
      version: kind.versions[0]!,
      namespace: String(namespace),
      name: String(name),
      subresource: '',
      manager: 'kube-controller-manager',
      isDryRun: false,
      fieldValidation: 'Ignore',
      warnings: [],
    };
  }
}
