/**
 * `watchResource` of the base class on our informers: one callback, awaited per object in order, repeated while it throws.
 *
 * Owns: the way from store events to the callback. Never: ends the process or loses a deletion while active.
 * Standing by it remembers nothing; a new leader begins with every object there is, as a new process does.
 */
import { type ResourceEvent as BaseEvent, ResourceEventType, ResourceMetaImpl } from '@dot-i/k8s-operator';
import type { Kind } from '../kinds/kind';
import { keyOf } from '../kinds/object';
import type { Logger } from '../logging/logger';
import { backoffMs, compileRetryOptions } from '../queue/backoff';
import { KeyedQueue, type Lane } from '../queue/keyed-queue';
import type { QueueMetrics } from '../serving/metrics/queue-metrics';
import type { Clock } from '../time/clock';
import type { Informer } from '../watch/informer-contract';
import { FoldedEvents } from './folded-events';
import type { LeaderOnly } from './workload';

export interface BaseWatchOptions {
  readonly kind: Kind;
  readonly informer: Informer;
  readonly onEvent: (event: BaseEvent) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly metrics: QueueMetrics;
}

const TYPES = { ADDED: ResourceEventType.Added, MODIFIED: ResourceEventType.Modified, DELETED: ResourceEventType.Deleted } as const;
const RETRY = compileRetryOptions();

export class BaseWatch implements LeaderOnly {
  readonly queue: KeyedQueue;
  private active = false;
  private readonly pending = new Map<string, FoldedEvents>();
  private readonly failures = new Map<string, number>();

  constructor(private readonly options: BaseWatchOptions) {
    const { kind, informer, clock, metrics } = options;
    this.queue = new KeyedQueue({ name: kind.id, clock, run: (key) => this.run(key), hooks: metrics.hooks(kind.id, informer.cluster) });
    metrics.observe(this.queue, informer.cluster);
    informer.subscribe((event) => {
      if (this.active) this.push(event, event.initial ? 'low' : 'high');
    });
  }

  activate(): void {
    if (this.active) return;
    this.active = true;
    for (const object of this.options.informer.store.list()) this.push({ type: 'ADDED', object }, 'low');
    this.queue.start();
  }

  deactivate(): void {
    this.active = false;
    this.queue.pause();
    this.queue.clear();
    this.pending.clear();
    this.failures.clear();
  }

  private push(event: Parameters<FoldedEvents['push']>[0], lane: Lane): void {
    const key = keyOf(event.object);
    const events = this.pending.get(key) ?? new FoldedEvents();
    events.push(event);
    this.pending.set(key, events);
    this.queue.add(key, lane);
  }

  private async run(key: string): Promise<void> {
    const events = this.pending.get(key);
    const event = events?.begin();
    if (events === undefined || event === undefined) return;
    try {
      await this.options.onEvent(this.baseEvent(event));
      events.done();
      this.failures.delete(key);
      if (events.size > 0) this.queue.add(key, 'high');
      else if (this.pending.get(key) === events) this.pending.delete(key);
    } catch (error) {
      events.failed();
      if (!this.active) return;
      const failures = (this.failures.get(key) ?? 0) + 1;
      this.failures.set(key, failures);
      this.options.metrics.retried(this.queue.name, this.options.informer.cluster);
      this.options.logger.warn('event callback failed and will be repeated', {
        kind: this.options.kind.kind,
        key,
        attempt: failures,
        error,
      });
      this.queue.add(key, 'high', backoffMs(RETRY, failures, this.options.random));
    }
  }

  private baseEvent({ type, object }: NonNullable<ReturnType<FoldedEvents['begin']>>): BaseEvent {
    const { plural } = this.options.kind;
    // The base types time stamps as Date; they are strings, as the base delivers them too.
    const baseObject = object as unknown as BaseEvent['object'];
    return { type: TYPES[type], object: baseObject, meta: ResourceMetaImpl.createWithPlural(plural, baseObject) };
  }
}
