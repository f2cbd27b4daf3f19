/**
 * Passes for the keys of a virtual kind.
 *
 * Owns: the set of known keys, filled by the kind's source. Never: has an object of its own; the source resolves keys from memory.
 * Invariant: at most 100 000 keys; more are refused, logged once and counted.
 */
import { ALL, type MappedWatch } from '../decorators/watches';
import type { KubernetesObject, ObjectKey } from '../kinds/object';
import type { KeySink } from '../kinds/virtual-kind';
import type { Lane } from '../queue/keyed-queue';
import type { QueuedHandlerSpec, ReconcileSpec } from '../registry/handler-spec';
import type { ResourceEvent } from '../watch/resource-event';
import type { PassReason } from './context';
import { KeyController, type KeyControllerOptions } from './key-controller';
import { KeyRecord } from './key-record';
import { firstRunMs } from './timer-turns';

const MAX_KEYS = 100_000;

export interface VirtualControllerOptions extends KeyControllerOptions {
  readonly onRejected?: () => void;
}

export class VirtualController extends KeyController implements KeySink {
  private readonly keys = new Set<ObjectKey>();
  private isSynced = false;
  private readonly syncedListeners: (() => void)[] = [];
  private rejected = 0;

  constructor(private readonly options: VirtualControllerOptions) {
    super(options);
  }

  /** The source has told everything it knew at start. */
  get hasSynced(): boolean {
    return this.isSynced;
  }

  /** Listeners are told once, inline, when `hasSynced` becomes true. */
  onSynced(listener: () => void): void {
    this.syncedListeners.push(listener);
  }

  add(key: ObjectKey): void {
    if (this.keys.has(key) || !this.accepts(key)) return;
    this.keys.add(key);
    if (this.active) this.see(key, 'added', 'low');
  }

  override touch(key: ObjectKey): void {
    if (!this.keys.has(key) && !this.accepts(key)) return;
    const isNew = !this.keys.has(key);
    this.keys.add(key);
    if (this.active) this.see(key, isNew ? 'added' : 'changed', 'high');
  }

  remove(key: ObjectKey): void {
    if (this.keys.delete(key)) this.forget(key);
  }

  synced(): void {
    if (this.isSynced) return;
    this.isSynced = true;
    for (const listener of this.syncedListeners) listener();
  }

  override onMapped(spec: ReconcileSpec, watch: MappedWatch, event: ResourceEvent): void {
    if (this.active) this.oweAll(spec, this.mappedKeys(spec, watch, event), 'mapped', event.initial ? 'low' : 'high');
  }

  override onServedChange(spec: ReconcileSpec, reason: 'owned' | 'mapped'): void {
    if (this.active) this.oweAll(spec, ALL, reason, 'low');
  }

  override onClusterChange(spec: ReconcileSpec, keys: Iterable<ObjectKey> | typeof ALL): void {
    if (this.active) this.oweAll(spec, keys, 'cluster', 'low');
  }

  private oweAll(spec: ReconcileSpec, keys: Iterable<ObjectKey> | typeof ALL, reason: PassReason, lane: Lane): void {
    for (const key of keys === ALL ? this.keys : keys) {
      if (this.keys.has(key)) this.owe(spec, key, this.recordOf(key), reason, lane);
    }
  }

  protected override find(spec: QueuedHandlerSpec, key: ObjectKey): KubernetesObject | undefined {
    return this.keys.has(key) ? super.find(spec, key) : undefined;
  }

  protected override adoptAll(): void {
    for (const key of this.keys) this.see(key, 'leader', 'low');
  }

  private see(key: ObjectKey, reason: PassReason, lane: Lane): void {
    const record = this.recordOf(key);
    record.lastChangeMs = this.options.ports.clock.monotonicMs();
    for (const spec of this.options.specs) {
      if (spec.decorator !== 'OnTimer') this.owe(spec, key, record, reason, lane);
    }
  }

  /** The record of a key; a new one starts the timers. */
  private recordOf(key: ObjectKey): KeyRecord {
    const known = this.knownRecord(key);
    if (known !== undefined) return known;
    const record = this.remember(key, new KeyRecord(undefined));
    const { clock, random } = this.options.ports;
    for (const spec of this.options.specs) {
      if (spec.decorator === 'OnTimer') record.state(spec).wakeAt(firstRunMs(spec, clock.monotonicMs(), random), 'timer');
    }
    this.enqueueDue(key, record);
    return record;
  }

  private accepts(key: ObjectKey): boolean {
    if (this.keys.size < MAX_KEYS) return true;
    if (this.rejected++ === 0) {
      this.options.ports.log.error('too many keys, further ones are ignored', { kind: this.options.kind.kind, key, allowed: MAX_KEYS });
    }
    this.options.onRejected?.();
    return false;
  }
}
