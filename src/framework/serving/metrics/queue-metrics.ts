/**
 * Depth, throughput and hang-ups of the work queues.
 *
 * Owns: names, labels and buckets. Never: adds up what a queue can be asked for: gauges are read from the queues at the scrape.
 * Invariant: several queues of one name and cluster are shown as one.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { KeyedQueue, Lane, QueueHooks } from '../../queue/keyed-queue';

/** 1 ms to 1000 s in decades. */
const QUEUE_SECONDS = [0.001, 0.01, 0.1, 1, 10, 100, 1_000];
const LANES: readonly Lane[] = ['high', 'low'];

/** What of a queue is read at the scrape. */
export type ObservedQueue = Pick<KeyedQueue, 'name' | 'workers' | 'activeWorkers' | 'depth' | 'runningMs'>;

type QueueLabel = 'name' | 'cluster';

export class QueueMetrics {
  private readonly queues = new Set<{ readonly queue: ObservedQueue; readonly labels: Record<QueueLabel, string> }>();
  private readonly adds: Counter<QueueLabel>;
  private readonly retries: Counter<QueueLabel>;
  private readonly waits: Histogram<QueueLabel>;
  private readonly works: Histogram<QueueLabel>;
  private readonly rejections: Counter<'name'>;

  constructor(private readonly registry: Registry) {
    const registers = [registry];
    const labelNames = ['name', 'cluster'] as const;
    const buckets = QUEUE_SECONDS;
    this.adds = new Counter({ name: 'workqueue_adds_total', help: 'Keys that became ready to run.', labelNames, registers });
    this.retries = new Counter({ name: 'workqueue_retries_total', help: 'Retries that failures led to.', labelNames, registers });
    const waited = 'How long keys were ready before they ran.';
    this.waits = new Histogram({ name: 'workqueue_queue_duration_seconds', help: waited, labelNames, buckets, registers });
    const worked = 'How long the passes over keys took.';
    this.works = new Histogram({ name: 'workqueue_work_duration_seconds', help: worked, labelNames, buckets, registers });
    this.rejections = new Counter({
      name: 'steward_queue_rejected_total',
      help: 'Keys of a virtual kind that were refused because there are too many.',
      labelNames: ['name'],
      registers,
    });
    this.addWorkerGauges();
    this.addQueueGauges();
  }

  /** What a queue of this name reports to. */
  hooks(name: string, cluster: string): QueueHooks {
    const labels = { name, cluster };
    return {
      added: () => this.adds.inc(labels),
      started: (waitedMs) => this.waits.observe(labels, waitedMs / 1_000),
      finished: (workedMs) => this.works.observe(labels, workedMs / 1_000),
    };
  }

  /** Shows a queue in the gauges. @returns takes it out again. */
  observe(queue: ObservedQueue, cluster: string): () => void {
    const labels = { name: queue.name, cluster };
    const entry = { queue, labels };
    this.queues.add(entry);
    for (const counter of [this.adds, this.retries]) counter.inc(labels, 0);
    return () => void this.queues.delete(entry);
  }

  retried(name: string, cluster: string): void {
    this.retries.inc({ name, cluster });
  }

  rejected(name: string): void {
    this.rejections.inc({ name });
  }

  private addWorkerGauges(): void {
    const gauge = (name: string, help: string, read: (queue: ObservedQueue) => number): void => {
      this.gauge(name, help, ['controller'], (set) => {
        for (const { queue } of this.queues) set({ controller: queue.name }, read(queue));
      });
    };
    gauge('controller_runtime_max_concurrent_reconciles', 'Keys of a queue that may run at the same time.', ({ workers }) => workers);
    gauge('controller_runtime_active_workers', 'Workers of a queue that are busy.', ({ activeWorkers }) => activeWorkers);
  }

  private addQueueGauges(): void {
    this.gauge('workqueue_depth', 'Keys that are ready to run.', ['name', 'cluster', 'priority'], (set) => {
      for (const { queue, labels } of this.queues) for (const priority of LANES) set({ ...labels, priority }, queue.depth(priority));
    });
    this.gauge('workqueue_unfinished_work_seconds', 'Age of all passes that run, added up.', ['name', 'cluster'], (set) => {
      for (const { queue, labels } of this.queues) set(labels, queue.runningMs().total / 1_000);
    });
    this.gauge('workqueue_longest_running_processor_seconds', 'Age of the oldest pass that runs.', ['name', 'cluster'], (set) => {
      for (const { queue, labels } of this.queues) set(labels, queue.runningMs().longest / 1_000, Math.max);
    });
  }

  /** A gauge that is filled anew at every scrape; values for the same labels are added up unless `join` says otherwise. */
  private gauge<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    fill: (set: (labels: Record<L, string>, value: number, join?: (a: number, b: number) => number) => void) => void,
  ): void {
    const gauge: Gauge<L> = new Gauge<L>({
      name,
      help,
      labelNames,
      registers: [this.registry],
      collect: () => {
        gauge.reset();
        const values = new Map<string, number>();
        fill((labels, value, join = (a, b) => a + b) => {
          const id = JSON.stringify(labels);
          const before = values.get(id);
          values.set(id, before === undefined ? value : join(before, value));
          gauge.set(labels, values.get(id)!);
        });
      },
    });
  }
}
