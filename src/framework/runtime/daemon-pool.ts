/**
 * The tasks of one `@Daemon` handler, one for each object.
 *
 * Expected flow: object matches -> (waits for a place) -> task runs -> throws: restarted after a delay | returns: rests until the
 * generation changes | object gone, not matching, or pool stopped: signal aborts, the task ends.
 * Guarantees: at most one task an object and `maxRunning` in all; a new task of an object starts only after the old one has ended.
 * Assumptions: tasks honour their signal. Caveats: one that does not is abandoned after `stopMs`, logged and counted, and its object
 * gets no other task until it has ended.
 * Errors: none thrown.
 */
import type { KubernetesObject, ObjectKey } from '../kinds/object';
import { keyOf } from '../kinds/object';
import type { Logger } from '../logging/logger';
import { backoffMs } from '../queue/backoff';
import type { DaemonSpec } from '../registry/handler-spec';
import type { Clock } from '../time/clock';
import { sleep } from '../time/sleep';
import type { DaemonContext } from './context';
import { matches } from './filters';

/** A task that lived this long before it threw starts its backoff anew. */
const HEALTHY_AFTER_MS = 60_000;

export interface DaemonPoolOptions {
  readonly spec: DaemonSpec;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly call: (object: KubernetesObject, context: DaemonContext) => unknown;
  /** What of a context does not depend on the task. */
  readonly contextFor: (object: KubernetesObject, signal: AbortSignal, attempt: number) => DaemonContext;
  readonly onFilterError?: (error: unknown) => void;
  readonly onRunning?: (tasks: number) => void;
  readonly onAbandoned?: () => void;
  /** A task that was given up has ended after all. */
  readonly onAbandonedEnded?: () => void;
}

interface Task {
  readonly uid: string | undefined;
  readonly abort: AbortController;
  /** Generation at which the task returned by itself. */
  restingAt: number | undefined;
  ended: Promise<void>;
  isEnded: boolean;
}

export class DaemonPool {
  private readonly tasks = new Map<ObjectKey, Task>();
  /** Objects without a place, first come first served, in their newest state. */
  private readonly waiting = new Map<ObjectKey, KubernetesObject>();
  private running = 0;
  private active = false;

  constructor(private readonly options: DaemonPoolOptions) {}

  activate(objects: Iterable<KubernetesObject>): void {
    this.active = true;
    for (const object of objects) this.observe(object);
  }

  /** A new or changed object. */
  observe(object: KubernetesObject): void {
    if (!this.active) return;
    const key = keyOf(object);
    if (object.metadata?.deletionTimestamp !== undefined || !matches(this.options.spec.filters, object, this.options.onFilterError)) {
      this.forget(key);
      return;
    }
    const task = this.tasks.get(key);
    if (task !== undefined && task.uid === object.metadata?.uid && !this.mayStartAgain(task, object)) return;
    if (task !== undefined && !task.isEnded) {
      this.waiting.set(key, object);
      this.stop(key, task);
    } else {
      this.startOrWait(key, object);
    }
  }

  /** An object that is gone, or no business of the handler any more. */
  forget(key: ObjectKey): void {
    this.waiting.delete(key);
    const task = this.tasks.get(key);
    if (task === undefined) return;
    if (task.isEnded) this.tasks.delete(key);
    else this.stop(key, task);
  }

  /** Ends every task. @returns how many did not end within `stopMs`. */
  async deactivate(): Promise<number> {
    this.active = false;
    this.waiting.clear();
    const live = [...this.tasks].filter(([, task]) => !task.isEnded);
    for (const [key, task] of live) this.stop(key, task);
    await this.withinStopTime(Promise.all(live.map(([, task]) => task.ended)));
    const abandoned = live.filter(([, task]) => !task.isEnded).length;
    this.tasks.clear();
    return abandoned;
  }

  private mayStartAgain(task: Task, object: KubernetesObject): boolean {
    return task.restingAt !== undefined && task.restingAt !== object.metadata?.generation;
  }

  private startOrWait(key: ObjectKey, object: KubernetesObject): void {
    if (this.running >= this.options.spec.maxRunning) this.waiting.set(key, object);
    else this.start(key, object);
  }

  private start(key: ObjectKey, object: KubernetesObject): void {
    const task: Task = {
      uid: object.metadata?.uid,
      abort: new AbortController(),
      restingAt: undefined,
      ended: Promise.resolve(),
      isEnded: false,
    };
    this.tasks.set(key, task);
    this.countRunning(1);
    task.ended = this.live(object, task).finally(() => this.onEnded(key, task));
  }

  private onEnded(key: ObjectKey, task: Task): void {
    task.isEnded = true;
    this.countRunning(-1);
    if (task.restingAt === undefined && this.tasks.get(key) === task) this.tasks.delete(key);
    if (!this.active) return;
    for (const [next, object] of this.waiting) {
      if (this.running >= this.options.spec.maxRunning) return;
      const other = this.tasks.get(next);
      if (other !== undefined && !other.isEnded) continue;
      this.waiting.delete(next);
      this.start(next, object);
    }
  }

  /** Runs the method, again after every throw, until it returns or is told to end. */
  private async live(object: KubernetesObject, task: Task): Promise<void> {
    const { spec, clock, call, contextFor, log, random } = this.options;
    const { signal } = task.abort;
    let failures = 0;
    let delayMs = spec.initialDelayMs;
    while (!signal.aborted) {
      await sleep(clock, delayMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      const startedMs = clock.monotonicMs();
      try {
        await call(object, contextFor(object, signal, failures + 1));
        if (!signal.aborted) task.restingAt = object.metadata?.generation ?? 0;
        return;
      } catch (error) {
        if (signal.aborted) return;
        failures = clock.monotonicMs() - startedMs >= HEALTHY_AFTER_MS ? 1 : failures + 1;
        delayMs = backoffMs(spec.retry, failures, random);
        log.warn('daemon ended with an error and will be restarted', { controller: spec.id, key: keyOf(object), delayMs, error });
      }
    }
  }

  private stop(key: ObjectKey, task: Task): void {
    if (task.abort.signal.aborted) return;
    task.abort.abort(new Error('the daemon has to end'));
    void this.withinStopTime(task.ended).then(() => {
      if (task.isEnded) return;
      this.options.log.error('daemon ignores its signal and was abandoned', { controller: this.options.spec.id, key });
      this.options.onAbandoned?.();
      void task.ended.then(() => this.options.onAbandonedEnded?.());
    });
  }

  private async withinStopTime(ended: Promise<unknown>): Promise<void> {
    const limit = new AbortController();
    await Promise.race([ended, sleep(this.options.clock, this.options.spec.stopMs, limit.signal).catch(() => undefined)]);
    limit.abort();
  }

  private countRunning(change: 1 | -1): void {
    this.running += change;
    this.options.onRunning?.(this.running);
  }
}
