/**
 * The tasks of one `@Daemon` handler, one for each object.
 *
 * Expected flow: object matches -> (waits for a place) -> task runs -> throws: restarted after a delay | returns, or must not be tried
 * again: rests until the generation changes | object gone, not matching, or pool stopped: signal aborts, the task ends.
 * Guarantees: at most one task an object and `maxRunning` in all; a new task of an object starts only after the old one has ended.
 * Assumptions: tasks honour their signal. Caveats: one that does not is abandoned after `stopMs`, logged and counted; its place is
 * free then, but its object gets no other task until it has ended.
 * Errors: none thrown.
 */
import type { KubernetesObject, ObjectKey } from '../kinds/object';
import { keyOf } from '../kinds/object';
import type { Logger } from '../logging/logger';
import type { DaemonSpec } from '../registry/handler-spec';
import type { Clock } from '../time/clock';
import { sleep } from '../time/sleep';
import type { DaemonContext } from './context';
import { decideRetry, isWorthReporting, unusableDelay } from './failure';
import type { FilterJudge } from './filter-judge';
import { keyFields, objectFields } from './log-fields';

/** A task that lived this long before it threw starts its backoff anew. */
const HEALTHY_AFTER_MS = 60_000;

export interface DaemonPoolOptions {
  readonly spec: DaemonSpec;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly filters: FilterJudge;
  readonly call: (object: KubernetesObject, context: DaemonContext) => unknown;
  /** What of a context does not depend on the task. */
  readonly contextFor: (object: KubernetesObject, signal: AbortSignal, attempt: number) => DaemonContext;
  /** Told of a failure that people have to see: by the rule for handlers, not of every passing one. */
  readonly onFailed?: (object: KubernetesObject, error: unknown) => void;
  readonly onRunning?: (tasks: number) => void;
  readonly onAbandoned?: () => void;
  /** A task that was given up has ended after all. */
  readonly onAbandonedEnded?: () => void;
}

interface Task {
  readonly uid: string | undefined;
  readonly abort: AbortController;
  /** Generation at which the task ended for good; 0 for kinds without. */
  restingAt: number | undefined;
  ended: Promise<void>;
  isEnded: boolean;
  /** Counts against `maxRunning`. */
  holdsPlace: boolean;
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
    if (object.metadata?.deletionTimestamp !== undefined || !this.options.filters.matches(this.options.spec, object)) {
      this.end(key);
      return;
    }
    const task = this.tasks.get(key);
    const isSame = task !== undefined && task.uid === object.metadata?.uid && !task.abort.signal.aborted;
    if (isSame && !this.mayStartAgain(task, object)) return;
    if (task !== undefined && !task.isEnded) {
      this.waiting.set(key, object);
      this.stop(key, task);
    } else {
      this.startOrWait(key, object);
    }
  }

  /** An object that is gone. */
  forget(key: ObjectKey): void {
    this.options.filters.forget(this.options.spec, key);
    this.end(key);
  }

  private end(key: ObjectKey): void {
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
    // One that goes on is remembered, so that a pool that becomes active again starts nothing beside it.
    for (const [key, task] of this.tasks) if (task.isEnded) this.tasks.delete(key);
    return this.tasks.size;
  }

  private mayStartAgain(task: Task, object: KubernetesObject): boolean {
    return task.restingAt !== undefined && task.restingAt !== generationOf(object);
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
      holdsPlace: true,
    };
    this.tasks.set(key, task);
    this.countRunning(1);
    task.ended = this.live(object, task).finally(() => this.onEnded(key, task));
  }

  private onEnded(key: ObjectKey, task: Task): void {
    task.isEnded = true;
    if (task.restingAt === undefined && this.tasks.get(key) === task) this.tasks.delete(key);
    this.leavePlace(task);
  }

  private leavePlace(task: Task): void {
    if (task.holdsPlace) this.countRunning(-1);
    task.holdsPlace = false;
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
    let history = { failures: 0, conflicts: 0 };
    let delayMs = spec.initialDelayMs;
    while (!signal.aborted) {
      await sleep(clock, delayMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      const startedMs = clock.monotonicMs();
      const context = contextFor(object, signal, history.failures + 1);
      const newest = (): KubernetesObject => {
        const latest = context.latest();
        return latest !== undefined && latest.metadata?.uid === task.uid ? latest : object;
      };
      try {
        await call(newest(), context);
        if (!signal.aborted) task.restingAt = generationOf(newest());
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (clock.monotonicMs() - startedMs >= HEALTHY_AFTER_MS) history = { failures: 0, conflicts: 0 };
        const decision = decideRetry(error, spec.retry, history, random);
        const fields = { controller: spec.id, ...objectFields(spec.kind, object) };
        if (decision.kind === 'give-up' || isWorthReporting(error, decision.history)) this.options.onFailed?.(newest(), error);
        if (decision.kind === 'give-up') {
          task.restingAt = generationOf(newest());
          log.error('daemon failed and rests until its object changes', { ...fields, error });
          return;
        }
        history = decision.history;
        delayMs = decision.delayMs;
        const unusable = unusableDelay(error);
        if (unusable !== undefined)
          log.warn('delayMs of a TemporaryError is no finite number, the backoff counts', { ...fields, delayMs: unusable });
        log.warn('daemon ended with an error and will be restarted', { ...fields, delayMs, error });
      }
    }
  }

  private stop(key: ObjectKey, task: Task): void {
    if (task.abort.signal.aborted) return;
    task.abort.abort(new Error('the daemon has to end'));
    void this.withinStopTime(task.ended).then(() => {
      if (task.isEnded) return;
      const { id, kind } = this.options.spec;
      this.options.log.error('daemon ignores its signal and was abandoned', { controller: id, ...keyFields(kind, key), uid: task.uid });
      this.options.onAbandoned?.();
      void task.ended.then(() => this.options.onAbandonedEnded?.());
      this.leavePlace(task);
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

function generationOf(object: KubernetesObject): number {
  return object.metadata?.generation ?? 0;
}
