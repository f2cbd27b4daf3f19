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
import type { DeleteSpec, QueuedHandlerSpec, ReconcileSpec } from '../registry/handler-spec';
import type { Informer } from '../watch/informer-contract';
import type { ResourceEvent } from '../watch/resource-event';
import { isOlder } from '../watch/resource-version';
import type { PassReason } from './context';
import { differ, specChanged } from './diff';
import { fieldAt } from './filters';
import { KeyController, type KeyControllerOptions } from './key-controller';
import { type HandlerState, KeyRecord } from './key-record';
import { objectFields } from './log-fields';
import { isNews } from './news';
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
      if (spec.decorator === 'Reconcile' && object !== undefined) this.oweFor(spec, object, 'mapped', 'high');
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
        if (known !== undefined && known.metadata?.uid === owner.uid) this.oweFor(spec, known, 'owned', laneOf(event));
      }
    }
  }

  override onMapped(spec: ReconcileSpec, watch: MappedWatch, event: ResourceEvent): void {
    // Versions of different clusters have nothing to do with one another.
    const isOwnCluster = event.cluster === this.options.ports.cluster.name;
    if (!this.active || (isOwnCluster && this.isOwnEcho(spec, watch.kind, event))) return;
    this.oweAll(spec, this.mappedKeys(spec, watch, event), 'mapped', laneOf(event));
  }

  override onServedChange(spec: ReconcileSpec, reason: 'owned' | 'mapped'): void {
    if (this.active) this.oweAll(spec, ALL, reason, 'low');
  }

  override onClusterChange(spec: ReconcileSpec, keys: Iterable<ObjectKey> | typeof ALL): void {
    if (this.active) this.oweAll(spec, keys, 'cluster', 'low');
  }

  private oweAll(spec: ReconcileSpec, keys: Iterable<ObjectKey> | typeof ALL, reason: PassReason, lane: Lane): void {
    const { store } = this.options.informerOf(spec);
    for (const key of keys === ALL ? [...store.list()].map(keyOf) : keys) {
      const object = store.get(key);
      if (object !== undefined) this.oweFor(spec, object, reason, lane);
    }
  }

  /** An object that was there before we looked: every handler decides what it still owes it. */
  private adopt(spec: QueuedHandlerSpec, object: KubernetesObject): void {
    const record = this.recordFor(object);
    if (record === undefined) return;
    const handled = observedGenerationOf(object);
    switch (spec.decorator) {
      case 'OnCreate':
        this.oweOnce(spec, record, this.countsAsCreated(spec.remember, object), 'added');
        break;
      case 'OnResume':
        this.oweOnce(spec, record, !this.isClaimedAsCreated(object), 'leader');
        break;
      case 'OnUpdate':
        if (handled !== undefined && handled < (object.metadata?.generation ?? 0)) record.owe(spec, 'changed');
        else record.state(spec).baseline = object;
        break;
      case 'Reconcile':
        record.owe(spec, 'leader');
        break;
      default:
        this.takeUp(spec, record, object);
    }
    this.queue.add(keyOf(object), 'low');
  }

  private oweFor(spec: ReconcileSpec, object: KubernetesObject, reason: PassReason, lane: Lane): void {
    const record = this.recordFor(object);
    if (record !== undefined) this.owe(spec, keyOf(object), record, reason, lane);
  }

  private oweOnce(spec: QueuedHandlerSpec, record: KeyRecord, isOwed: boolean, reason: PassReason): void {
    record.state(spec).outstanding = isOwed;
    if (isOwed) record.owe(spec, reason);
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
    const { specs, ports, informerOf } = this.options;
    return specs.some(
      (spec) =>
        spec.decorator === 'OnCreate' &&
        informerOf(spec).store.get(keyOf(object)) !== undefined &&
        ports.filters.matched(spec, object) &&
        this.countsAsCreated(spec.remember, object),
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
    const record = this.recordFor(object);
    if (record === undefined) return;
    record.lastChangeMs = this.options.ports.clock.monotonicMs();
    if (spec.decorator === 'OnUpdate') record.state(spec).baseline = object;
    else if (spec.decorator === 'OnCreate') this.oweOnce(spec, record, true, 'added');
    else if (spec.decorator === 'Reconcile') record.owe(spec, 'added');
    else this.takeUp(spec, record, object);
    this.queue.add(keyOf(object), 'high');
  }

  private onChanged(spec: QueuedHandlerSpec, event: ResourceEvent): void {
    const { object, old } = event;
    const { filters, clock } = this.options.ports;
    const key = keyOf(object);
    const record = this.recordFor(object);
    if (record === undefined) return;
    if (old === undefined || specChanged(object, old)) record.lastChangeMs = clock.monotonicMs();
    const matchedBefore = filters.matched(spec, old);
    if (!filters.matches(spec, object)) {
      if (matchedBefore) this.onLeft(spec, key, record);
    } else if (!matchedBefore || old === undefined) {
      this.onEntered(spec, key, record, object);
    } else if (!this.isOwnEcho(spec, this.options.kind, event) && this.isNews(spec, record.state(spec), object, old)) {
      // A delete handler needs a pass for its finalizer, not a run: the pass decides that.
      if (spec.decorator === 'OnDelete') this.queue.add(key, 'high');
      else this.owe(spec, key, record, 'changed', 'high');
    }
  }

  /** An object that stops matching is gone for the handler; what it has been told stays told. */
  private onLeft(spec: QueuedHandlerSpec, key: ObjectKey, record: KeyRecord): void {
    if (spec.decorator === 'OnDelete') this.queue.add(key, 'high');
    if (spec.decorator === 'OnCreate' || spec.decorator === 'OnResume' || spec.decorator === 'OnUpdate') record.state(spec).clear();
    else record.drop(spec);
  }

  /** An object that begins to match is new for the handler. */
  private onEntered(spec: QueuedHandlerSpec, key: ObjectKey, record: KeyRecord, object: KubernetesObject): void {
    const { baseline, outstanding } = record.state(spec);
    switch (spec.decorator) {
      case 'OnDelete':
        this.queue.add(key, 'high');
        break;
      case 'OnCreate':
      case 'OnResume':
        if (outstanding) this.owe(spec, key, record, 'changed', 'high');
        break;
      case 'OnUpdate':
        if (baseline === undefined || differ(baseline, object, spec.filters.fields)) this.owe(spec, key, record, 'changed', 'high');
        break;
      case 'Reconcile':
        this.owe(spec, key, record, 'changed', 'high');
        break;
      default:
        record.drop(spec);
        this.takeUp(spec, record, object);
        this.enqueueDue(key, record);
    }
  }

  private isNews(spec: QueuedHandlerSpec, state: HandlerState, object: KubernetesObject, old: KubernetesObject): boolean {
    return isNews(spec, state, object, old, (error) => {
      const fields = { controller: spec.id, ...objectFields(spec.kind, object), error };
      this.options.ports.log.error('changed function threw, the handler runs', fields);
    });
  }

  private onGone(spec: QueuedHandlerSpec, key: ObjectKey, last: KubernetesObject): void {
    const { filters } = this.options.ports;
    filters.forget(spec, key);
    const record = this.knownRecord(key);
    // Of several informers another may have seen the successor already.
    if (record !== undefined && record.uid !== last.metadata?.uid) return;
    if (spec.decorator === 'OnDelete' && (spec.finalizer === undefined ? filters.matched(spec, last) : hasLeftSelection(spec, last))) {
      const leaving = record ?? this.recordFor(last)!;
      leaving.lastSeen = last;
      if (spec.finalizer === undefined) leaving.owe(spec, 'changed');
      this.queue.add(key, 'high');
    } else if (record !== undefined) {
      record.drop(spec);
      this.queue.add(key, 'high');
    }
  }

  /**
   * The record of an object; a fresh one when the key came back with another UID.
   * @returns `undefined` for news of an object whose successor has been seen already, by another informer of the kind.
   */
  private recordFor(object: KubernetesObject): KeyRecord | undefined {
    const key = keyOf(object);
    const { uid, resourceVersion } = object.metadata ?? {};
    const known = this.knownRecord(key);
    if (known !== undefined) {
      if (known.uid === uid) return known;
      if (isOlder(resourceVersion, known.firstVersion)) return undefined;
    }
    const fresh = this.remember(key, new KeyRecord(uid, resourceVersion));
    if (known?.lastSeen !== undefined) fresh.predecessor = known;
    return fresh;
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

/** Nobody else takes a finalizer off an object that we see no more because it was selected by what has changed. */
function hasLeftSelection({ select, finalizer }: DeleteSpec, last: KubernetesObject): boolean {
  const isSelective = select?.labels !== undefined || select?.fields !== undefined;
  return isSelective && finalizer !== undefined && (last.metadata?.finalizers?.includes(finalizer) ?? false);
}
