/**
 * Serves kinds because CustomResourceDefinition objects exist, whoever wrote them.
 *
 * Owns: the way from a CRD object to the table of served kinds and back, and the CRD's status. Never: judges schemas.
 */
import type { Clock } from '../../time/clock';
import { isEqual, type JsonObject, objectOr } from './json';
import { BUILTIN_KINDS, CRD_RESOURCE_ID } from './kinds/builtin-kinds';
import { establishedStatus, servedKindOfCrd } from './kinds/crd';
import { idOf } from './kinds/served-kind';
import type { ServedKinds } from './kinds/served-kinds';
import type { ObjectStore, StoredEvent } from './storage/object-store';
import { type ObjectWriter, timestamp, type WriteTarget } from './storage/object-writer';

export class CrdController {
  constructor(
    private readonly store: ObjectStore,
    private readonly writer: ObjectWriter,
    private readonly kinds: ServedKinds,
    private readonly clock: Clock,
    private readonly endWatchesOf: (id: string) => void,
  ) {
    store.observe((id, event) => {
      if (id === CRD_RESOURCE_ID) this.onCommit(event);
    });
  }

  /** Creates the CRD object, or replaces the spec of the one that is there. */
  install(crd: JsonObject): void {
    servedKindOfCrd(crd);
    const target = crdTarget(String(objectOr(crd['metadata'])['name']));
    const live = this.store.get(CRD_RESOURCE_ID, target.name);
    if (live === undefined) this.writer.create({ ...target, name: '' }, crd);
    else this.writer.patch(target, 'merge', { spec: crd['spec'] }, false);
  }

  /** Stops serving a kind, and deletes its CRD if there is one. */
  remove(id: string, keepObjects: boolean): void {
    if (this.store.get(CRD_RESOURCE_ID, id) !== undefined && !keepObjects) {
      this.writer.delete(crdTarget(id), { uid: undefined, resourceVersion: undefined, propagationPolicy: undefined });
    }
    this.stopServing(id, keepObjects);
  }

  private onCommit({ type, key, object }: StoredEvent): void {
    if (type === 'DELETED') {
      this.stopServing(key, false);
      return;
    }
    this.kinds.set(servedKindOfCrd(object));
    const status = { ...establishedStatus(object, timestamp(this.clock.now())) };
    const live = objectOr(object['status']);
    if (isEqual(live['acceptedNames'], status['acceptedNames']) && isEqual(live['storedVersions'], status['storedVersions'])) return;
    setImmediate(() => this.writeStatus(key, status));
  }

  private writeStatus(key: string, status: JsonObject): void {
    if (this.store.get(CRD_RESOURCE_ID, key) === undefined) return;
    this.writer.patch({ ...crdTarget(key), subresource: 'status' }, 'merge', { status }, false);
  }

  private stopServing(id: string, keepObjects: boolean): void {
    this.kinds.remove(id);
    if (!keepObjects) for (const { key } of [...this.store.list(id)]) this.store.remove(id, key);
    this.endWatchesOf(id);
  }
}

function crdTarget(name: string): WriteTarget {
  const kind = BUILTIN_KINDS.find((builtin) => idOf(builtin) === CRD_RESOURCE_ID)!;
  return {
    kind,
    version: kind.versions[0]!,
    namespace: '',
    name,
    subresource: '',
    manager: 'kube-apiserver',
    isDryRun: false,
    fieldValidation: 'Ignore',
    warnings: [],
  };
}
