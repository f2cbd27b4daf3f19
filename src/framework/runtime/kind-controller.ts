/**
 * Turns store changes into passes for one kind of one cluster.
 *
 * Owns: which handlers have to see which change. Never: runs a handler; passes do.
 * Guarantees: no event between activation and shutdown is lost. Events before activation need not be remembered, the store does.
 */
import { ALL, type MappedWatch, type OwnedWatch } from '../decorators/watches';
import type { Kind } from '../kinds/kind';
import { type KubernetesObject, keyOf, type ObjectKey, objectKey } from '../kinds/object';
import type { Lane } from '../queue/keyed-queue';
import type { QueuedHandlerSpec, ReconcileSpec } from '../registry/handler-spec';
import type { Informer } from '../watch/informer-contract';
import type { ResourceEvent } from '../watch/resource-event';
import type { PassReason } from './context';
import { differ, specChanged } from './diff';
import { fieldAt, matches } from './filters';
import { KeyController, type KeyControllerOptions } from './key-controller';
import type { KeyRecord } from './key-record';
import { mappedKeys } from './mapped-keys';
import type { OwnWrites } from './own-writes';
import { firstRunMs } from './timer-turns';

export interface KindControllerOptions extends KeyControllerOptions {
  readonly informerOf: (spec: QueuedHandlerSpec) => Informer;
  readonly ownWrites: OwnWrites;
}

export class KindController extends KeyController {
  constructor(private readonly options: KindControllerOptions) {
    super(options);
  }

  override touch(key: ObjectKey): void {
    if (!this.active) return;
    for (const spec of this.options.specs) {
      const object = this.options.informerOf(spec).store.get(key);
      if (spec.decorator === 'Reconcile' && object !== undefined) this.owe(spec, key, object.metadata?.uid, 'mapped', 'high');
    }
  }

  protected override adoptAll(): void {
    for (const spec of this.options.specs) {
      for (const object of this.options.informerOf(spec).store.list()) this.adopt(spec, object);
    }
  }

  /** A change of an object of this kind, seen by the informer of `spec`. */
  onPrimary(spec: QueuedHandlerSpec, event: ResourceEvent): void {
    if (!this.active) return;
    const key = keyOf(event.object);
    if (event.type === 'DELETED') this.onGone(spec, key, event.object);
    else if (event.type === 'ADDED' && event.initial) this.adopt(spec, event.object);
    else if (event.type === 'ADDED') this.onAppeared(spec, event.object);
    else this.onChanged(spec, event);
  }

  /** A change of a child: its owner of this kind has to see it, if it is still the same owner. */
  onOwned(spec: ReconcileSpec, watch: OwnedWatch, event: ResourceEvent): void {
    if (!this.active || this.isOwnEcho(spec, watch.kind, event)) return;
    const { kind } = this.options;
    for (const object of [event.object, event.old]) {
      for (const owner of object?.metadata?.ownerReferences ?? []) {
        const group = owner.apiVersion.includes('/') ? owner.apiVersion.split('/')[0] : '';
        if (group !== kind.group || owner.kind !== kind.kind || (owner.controller !== true && !watch.anyOwner)) continue;
        const key = objectKey(kind.scope === 'Namespaced' ? object?.metadata?.namespace : undefined, owner.name);
        const known = this.options.informerOf(spec).store.get(key);
        if (known?.metadata?.uid === owner.uid) this.owe(spec, key, owner.uid, 'owned', laneOf(event));
      }
    }
  }

  override onMapped(spec: ReconcileSpec, watch: MappedWatch, event: ResourceEvent): void {
    // Versions of different clusters have nothing to do with one another.
    const isOwnCluster = event.cluster === this.options.ports.cluster.name;
    if (!this.active || (isOwnCluster && this.isOwnEcho(spec, watch.kind, event))) return;
    this.oweAll(spec, mappedKeys(watch, event), 'mapped', laneOf(event));
  }

  override onClusterChange(spec: ReconcileSpec, keys: Iterable<ObjectKey> | typeof ALL): void {
    if (this.active) this.oweAll(spec, keys, 'cluster', 'low');
  }

  private oweAll(spec: ReconcileSpec, keys: Iterable<ObjectKey> | typeof ALL, reason: PassReason, lane: Lane): void {
    const { store } = this.options.informerOf(spec);
    for (const key of keys === ALL ? [...store.list()].map(keyOf) : keys) {
      const object = store.get(key);
      if (object !== undefined) this.owe(spec, key, object.metadata?.uid, reason, lane);
    }
  }

  /** An object that was there before we looked: every handler decides what it still owes it. */
  private adopt(spec: QueuedHandlerSpec, object: KubernetesObject): void {
    const record = this.recordOf(keyOf(object), object.metadata?.uid);
    const handled = observedGenerationOf(object);
    switch (spec.decorator) {
      case 'OnCreate':
        if (this.countsAsCreated(spec.remember, object)) record.owe(spec, 'added');
        break;
      case 'OnUpdate':
        if (handled !== undefined && handled < (object.metadata?.generation ?? 0)) record.owe(spec, 'changed');
        else record.state(spec).baseline = object;
        break;
      case 'Reconcile':
        record.owe(spec, 'leader');
        break;
      case 'OnResume':
        if (!this.isClaimedAsCreated(object)) record.owe(spec, 'leader');
        break;
      default:
        this.takeUp(spec, record, object);
    }
    this.queue.add(keyOf(object), 'low');
  }

  /** What handlers do with an object they see for the first time, new or not. */
  private takeUp(spec: QueuedHandlerSpec, record: KeyRecord, object: KubernetesObject): void {
    if (spec.decorator === 'OnField') {
      if (spec.initial && fieldAt(object, spec.path) !== undefined) record.owe(spec, 'added');
      else record.state(spec).baseline = object;
    } else if (spec.decorator === 'OnTimer') {
      const { clock, random } = this.options.ports;
      record.state(spec).wakeAt(firstRunMs(spec, clock.monotonicMs(), random), 'timer');
    }
  }

  private isClaimedAsCreated(object: KubernetesObject): boolean {
    return this.options.specs.some(
      (spec) => spec.decorator === 'OnCreate' && matches(spec.filters, object) && this.countsAsCreated(spec.remember, object),
    );
  }

  /** Nothing proves that it was handled by an earlier process. */
  private countsAsCreated(remember: 'status' | 'annotation' | 'none', object: KubernetesObject): boolean {
    const { handledBy } = this.options.ports;
    if (remember === 'none') return false;
    if (remember === 'status') return observedGenerationOf(object) === undefined;
    return handledBy === undefined || object.metadata?.annotations?.[handledBy.annotation] === undefined;
  }

  private onAppeared(spec: QueuedHandlerSpec, object: KubernetesObject): void {
    const record = this.recordOf(keyOf(object), object.metadata?.uid);
    record.lastChangeMs = this.options.ports.clock.monotonicMs();
    if (spec.decorator === 'OnUpdate') record.state(spec).baseline = object;
    else if (spec.decorator === 'OnCreate' || spec.decorator === 'Reconcile') record.owe(spec, 'added');
    else this.takeUp(spec, record, object);
    this.queue.add(keyOf(object), 'high');
  }

  private onChanged(spec: QueuedHandlerSpec, event: ResourceEvent): void {
    const { object, old } = event;
    const key = keyOf(object);
    if (this.isOwnEcho(spec, this.options.kind, event)) return;
    const record = this.recordOf(key, object.metadata?.uid);
    if (old === undefined || specChanged(object, old)) record.lastChangeMs = this.options.ports.clock.monotonicMs();
    if (!this.concerns(spec, object, old)) return;
    if (spec.decorator === 'OnTimer') {
      this.takeUp(spec, record, object);
      this.enqueueDue(key, record);
      return;
    }
    // A delete handler needs a pass for its finalizer, not a run: the pass decides that.
    if (spec.decorator === 'OnDelete') this.queue.add(key, 'high');
    else this.owe(spec, key, object.metadata?.uid, 'changed', 'high');
  }

  private concerns(spec: QueuedHandlerSpec, object: KubernetesObject, old: KubernetesObject | undefined): boolean {
    if (old === undefined) return true;
    const matchedBefore = matches(spec.filters, old);
    if (!matchedBefore && matches(spec.filters, object)) return true;
    if (spec.decorator === 'OnCreate' || spec.decorator === 'OnResume' || spec.decorator === 'OnTimer') return false;
    if (spec.decorator === 'OnField') {
      const { baseline } = this.recordOf(keyOf(object), object.metadata?.uid).state(spec);
      return baseline === undefined || differ(baseline, object, [spec.path]);
    }
    if (spec.decorator === 'OnUpdate') {
      const { baseline } = this.recordOf(keyOf(object), object.metadata?.uid).state(spec);
      return baseline === undefined || differ(baseline, object, spec.filters.fields);
    }
    if (spec.decorator !== 'Reconcile' || spec.changed === 'spec') return specChanged(object, old);
    return spec.changed === 'any' || spec.changed(object, old);
  }

  private onGone(spec: QueuedHandlerSpec, key: ObjectKey, last: KubernetesObject): void {
    const record = this.knownRecord(key);
    if (spec.decorator === 'OnDelete' && spec.finalizer === undefined && matches(spec.filters, last)) {
      const leaving = record ?? this.recordOf(key, last.metadata?.uid);
      leaving.lastSeen = last;
      leaving.owe(spec, 'changed');
      this.queue.add(key, 'high');
    } else if (record !== undefined) {
      this.queue.add(key, 'high');
    }
  }

  /** A deletion never is one, although the last state known may be of our writing: we wrote that it should be there. */
  private isOwnEcho(spec: QueuedHandlerSpec, kind: Kind, { type, object }: ResourceEvent): boolean {
    if (type === 'DELETED') return false;
    return this.options.ownWrites.wasWrittenBy(kind.id, keyOf(object), object.metadata?.resourceVersion, spec.id);
  }
}

function laneOf(event: ResourceEvent): Lane {
  return event.initial ? 'low' : 'high';
}

function observedGenerationOf(object: KubernetesObject): number | undefined {
  return (object as { status?: { observedGeneration?: number } }).status?.observedGeneration;
}
