/**
 * Records, queue and passes of one kind in one cluster: what every controller has, whatever its keys come from.
 *
 * Expected flow: a cause is owed to a handler of a key -> key into the queue -> pass -> next due time into the queue.
 * Guarantees: a cause for a running key leads to another pass; a key that came back with another UID starts with fresh state.
 * Assumptions: `owe` is called on the event loop, never during a synchronous handler call.
 * Caveats: while inactive (standby) nothing is queued; activation looks at every key once, in the low lane.
 * Errors: none thrown; a pass that throws is logged, and its key has a next due time all the same.
 */
import type { ALL, MappedWatch } from '../decorators/watches';
import type { Kind } from '../kinds/kind';
import type { KubernetesObject, ObjectKey } from '../kinds/object';
import { KeyedQueue, type Lane, type QueueHooks, type RunSlot } from '../queue/keyed-queue';
import type { QueuedHandlerSpec, ReconcileSpec } from '../registry/handler-spec';
import type { ResourceEvent } from '../watch/resource-event';
import type { PassReason } from './context';
import { KeyRecord } from './key-record';
import { keyFields, objectFields } from './log-fields';
import { mappedKeys } from './mapped-keys';
import { PassRunner } from './pass';
import type { PassPorts } from './pass-ports';

export interface KeyControllerOptions {
  readonly kind: Kind;
  readonly specs: readonly QueuedHandlerSpec[];
  readonly ports: PassPorts;
  readonly queueHooks?: QueueHooks | undefined;
}

/** Workers of a kind for which no handler names a number. */
const DEFAULT_WORKERS = 4;
/** A pass that broke for no reason anybody knows is repeated this much later. */
const AFTER_BUG_MS = 60_000;

export abstract class KeyController {
  readonly queue: KeyedQueue;
  protected active = false;
  private readonly records = new Map<ObjectKey, KeyRecord>();
  private readonly passes: PassRunner;

  constructor(protected readonly base: KeyControllerOptions) {
    const { kind, specs, ports, queueHooks } = base;
    this.passes = new PassRunner(specs, ports, (spec, key) => this.find(spec, key));
    this.queue = new KeyedQueue({
      name: kind.id,
      workers: workersFor(specs),
      clock: ports.clock,
      run: (key, slot) => this.run(key, slot),
      onBug: (key, error) => ports.log.error('pass ended with an unexpected error', { ...keyFields(kind, key), error }),
      ...(queueHooks === undefined ? {} : { hooks: queueHooks }),
    });
  }

  /** Leadership (or start without election): everything known is looked at once, then causes drive. */
  activate(): void {
    if (this.active) return;
    this.active = true;
    this.adoptAll();
    this.queue.start();
  }

  /** No new pass starts; what waits is forgotten, the next leader looks at everything anyway. */
  deactivate(): void {
    this.active = false;
    this.queue.pause();
    this.queue.clear();
    this.records.clear();
  }

  /** Somebody says that this key deserves a look. */
  abstract touch(key: ObjectKey): void;

  /** A change of an object that maps to keys of this kind. */
  abstract onMapped(spec: ReconcileSpec, watch: MappedWatch, event: ResourceEvent): void;

  /** A kind that the handler owns or maps began to be served, or is served no more: every object deserves a look. */
  abstract onServedChange(spec: ReconcileSpec, reason: 'owned' | 'mapped'): void;

  /** A cluster changed that concerns these keys. */
  abstract onClusterChange(spec: ReconcileSpec, keys: Iterable<ObjectKey> | typeof ALL): void;

  /**
   * A cluster answers again: what was parked for it goes on, in the low lane.
   * @param isOwn it is the cluster of these keys: whatever backs off is taken up as well.
   */
  recover(cluster: string, isOwn: boolean): void {
    if (!this.active) return;
    for (const [key, record] of this.records) {
      if (record.recover(cluster, isOwn)) this.queue.add(key, 'low');
    }
  }

  protected abstract adoptAll(): void;

  /** What a handler of this key is given; `undefined` = it is gone for that handler. */
  protected find(spec: QueuedHandlerSpec, key: ObjectKey): KubernetesObject | undefined {
    return this.base.ports.find(spec, key);
  }

  /** Takes the place of what is remembered of this key. */
  protected remember(key: ObjectKey, record: KeyRecord): KeyRecord {
    this.records.set(key, record);
    return record;
  }

  /** The key is known no more; what runs for it ends without consequences. */
  protected forget(key: ObjectKey): void {
    this.records.delete(key);
    this.queue.forget(key);
  }

  protected knownRecord(key: ObjectKey): KeyRecord | undefined {
    return this.records.get(key);
  }

  protected owe(spec: QueuedHandlerSpec, key: ObjectKey, record: KeyRecord, reason: PassReason, lane: Lane): void {
    record.owe(spec, reason);
    this.enqueueDue(key, record, lane);
  }

  /** The keys that a change of a mapped object concerns; functions of the author's that fail are logged and counted. */
  protected mappedKeys(spec: ReconcileSpec, watch: MappedWatch, event: ResourceEvent): ReadonlySet<ObjectKey> | typeof ALL {
    return mappedKeys(watch, event, (error) => {
      const { log, hooks } = this.base.ports;
      hooks.mappingFailed?.(spec);
      log.error('mapped watch failed, the objects it stands for are not woken by this change', {
        controller: spec.id,
        ...objectFields(watch.kind, event.object),
        error,
      });
    });
  }

  /** Queues a key for its next due time. */
  protected enqueueDue(key: ObjectKey, record: KeyRecord, lane?: Lane): void {
    const next = record.nextDue();
    if (next === undefined) return;
    const delayMs = next.atMs - this.base.ports.clock.monotonicMs();
    this.queue.add(key, lane ?? next.lane, Math.max(0, delayMs));
  }

  private async run(key: ObjectKey, slot: RunSlot): Promise<void> {
    const record = this.records.get(key);
    if (record === undefined) return;
    const gone = await this.passOver(key, record, slot);
    if (this.records.get(key) !== record) {
      // Re-created, or deactivated, while it ran.
      if (this.active && this.records.has(key)) this.queue.add(key, 'high');
      return;
    }
    // Something owed in the meantime means that it came back.
    if (gone && record.nextDue() === undefined) this.records.delete(key);
    // Cut short: what it owes is not due here any more, whoever leads next looks at everything.
    else if (this.active && !this.base.ports.signal.aborted) this.enqueueDue(key, record);
  }

  /** A pass, which throws only by a mistake of ours: its key then still has a next time, or nobody would look at it again. */
  private async passOver(key: ObjectKey, record: KeyRecord, slot: RunSlot): Promise<boolean> {
    try {
      return await this.passes.run(key, record, slot);
    } catch (error) {
      const { kind, specs, ports } = this.base;
      record.frameworkRetryMs ??= ports.clock.monotonicMs() + AFTER_BUG_MS;
      for (const spec of specs) if (spec.decorator === 'Reconcile' && record.state(spec).dueMs() === undefined) record.owe(spec, 'retry');
      ports.log.error('pass ended with an unexpected error', { ...keyFields(kind, key), error });
      return false;
    }
  }
}

/** The largest number that a handler of the kind names. */
function workersFor(specs: readonly QueuedHandlerSpec[]): number {
  const named = specs.flatMap((spec) => (spec.decorator === 'Reconcile' ? [spec.concurrency] : []));
  return named.length === 0 ? DEFAULT_WORKERS : Math.max(...named);
}
