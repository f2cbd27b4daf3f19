/**
 * Work queue of one kind in one cluster: which key runs next, and never the same one twice at once.
 *
 * Expected flow: add -> (delayed until due) -> ready in a lane -> running -> gone, or ready again when it was added meanwhile.
 * Guarantees: one run a key at any time; adds for a waiting key fold into it and the earliest due time wins; an add for a running key
 * makes it run once more afterwards; nothing added is ever lost, unless `forget` says so; runs that need nothing but the processor leave
 * turns of the event loop to the rest of the process.
 * Assumptions: `run` never rejects (a rejection is a bug and is reported through `onBug`); what a key means is the caller's business.
 * Caveats: no order between keys is promised beyond lanes; a run that hangs holds its worker until it abandons it.
 * Errors: none thrown; RangeError for bad options, and for a delay that is no number, which would stop the clock of every key.
 */
import type { Clock, Timer } from '../time/clock';
import { DueHeap } from './due-heap';

/** High: changes, requeues, retries. Low: first list, leadership, resync. */
export type Lane = 'high' | 'low';

/** What a running key may say about itself. */
export interface RunSlot {
  /** Frees the worker while the key stays locked: the run is stuck and must not be repeated beside itself. */
  abandon(): void;
}

export interface KeyedQueueOptions {
  /** For metrics and logs, `<plural>.<group>`. */
  name: string;
  /** Keys that run at the same time. @default 4 */
  workers?: number;
  clock: Clock;
  run: (key: string, slot: RunSlot) => Promise<void>;
  onBug?: (key: string, error: unknown) => void;
  hooks?: QueueHooks;
}

/** Observation points for metrics. Times are monotonic milliseconds. */
export interface QueueHooks {
  /** A key has become ready to run; adds that fold into it do not count again. */
  added?(): void;
  started?(waitedMs: number): void;
  finished?(workedMs: number): void;
}

interface Waiting {
  lane: Lane;
  readySinceMs: number;
}

interface Running {
  startedMs: number;
  holdsWorker: boolean;
  /** Set when the key was added while it ran. */
  again: { lane: Lane; dueMs: number } | undefined;
}

/** One pick in this many comes from the low lane when both wait, so that low keys progress under constant load. */
const LOW_LANE_SHARE = 8;
/** Runs that may begin before the event loop gets a turn, so that sockets and timers are served however quickly keys come back. */
const STARTS_A_TURN = 16;
/** setTimeout fires at once when asked for more; what is due later is looked at again then. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class KeyedQueue {
  readonly name: string;
  /** Keys that run at the same time. */
  readonly workers: number;
  private readonly clock: Clock;
  private readonly options: KeyedQueueOptions;

  private readonly waiting = new Map<string, Waiting>();
  /** Insertion order is run order. */
  private readonly ready: Record<Lane, Set<string>> = { high: new Set(), low: new Set() };
  private readonly delayed = new DueHeap();
  private readonly delayedLane = new Map<string, Lane>();
  private readonly running = new Map<string, Running>();
  private busyWorkers = 0;
  private picks = 0;
  private startsThisTurn = 0;
  /** Set while the event loop has its turn. */
  private turn: Timer | undefined;
  private open = false;
  private dispatchQueued = false;
  private timer: Timer | undefined;
  private timerDueMs = Number.POSITIVE_INFINITY;
  private idleWaiters: (() => void)[] = [];

  constructor(options: KeyedQueueOptions) {
    const { workers = 4 } = options;
    if (!Number.isInteger(workers) || workers < 1) throw new RangeError(`workers is ${workers}; allowed: whole numbers from 1`);
    this.options = options;
    this.name = options.name;
    this.workers = workers;
    this.clock = options.clock;
  }

  /** Lets keys run. Adding works before, too. */
  start(): void {
    this.open = true;
    this.armTimer();
    this.dispatchSoon();
  }

  /** No new run starts from now on; what waits is kept. */
  pause(): void {
    this.open = false;
    this.timer?.cancel();
    this.timer = undefined;
    this.timerDueMs = Number.POSITIVE_INFINITY;
    this.turn?.cancel();
    this.turn = undefined;
  }

  /** Forgets everything that waits; running keys run on. */
  clear(): void {
    this.waiting.clear();
    this.ready.high.clear();
    this.ready.low.clear();
    for (const key of this.delayedLane.keys()) this.delayed.delete(key);
    this.delayedLane.clear();
    for (const running of this.running.values()) running.again = undefined;
  }

  /**
   * Makes `key` run, `delayMs` from now at the earliest. An earlier due time or a higher lane of the same key wins.
   * @throws {RangeError} for a delay that is no number.
   */
  add(key: string, lane: Lane, delayMs = 0): void {
    if (Number.isNaN(delayMs)) throw new RangeError(`delayMs of ${key} is NaN; allowed: numbers`);
    const nowMs = this.clock.monotonicMs();
    const running = this.running.get(key);
    if (running !== undefined) {
      const dueMs = nowMs + Math.max(0, delayMs);
      running.again =
        running.again === undefined
          ? { lane, dueMs }
          : { lane: higher(lane, running.again.lane), dueMs: Math.min(dueMs, running.again.dueMs) };
      return;
    }
    if (delayMs <= 0) this.makeReady(key, lane, nowMs);
    else this.delay(key, lane, nowMs + delayMs);
    this.dispatchSoon();
  }

  /** Drops a key that waits. A running one finishes and does not run again. */
  forget(key: string): void {
    const waiting = this.waiting.get(key);
    if (waiting !== undefined) {
      this.ready[waiting.lane].delete(key);
      this.waiting.delete(key);
    }
    this.delayed.delete(key);
    this.delayedLane.delete(key);
    const running = this.running.get(key);
    if (running !== undefined) running.again = undefined;
  }

  /** Keys that could run now, by lane. Delayed ones do not count. */
  depth(lane: Lane): number {
    return this.ready[lane].size;
  }

  get activeWorkers(): number {
    return this.busyWorkers;
  }

  /** Runs that are stuck and gave up their worker. */
  get abandoned(): number {
    return this.running.size - this.busyWorkers;
  }

  /** For how long keys have been running, in milliseconds: all of them together, and the one that runs longest. */
  runningMs(): { readonly total: number; readonly longest: number } {
    const nowMs = this.clock.monotonicMs();
    const each = [...this.running.values()].map(({ startedMs }) => nowMs - startedMs);
    return { total: each.reduce((sum, ms) => sum + ms, 0), longest: Math.max(0, ...each) };
  }

  isRunning(key: string): boolean {
    return this.running.has(key);
  }

  /** Resolves when no key runs that still holds a worker. */
  whenIdle(): Promise<void> {
    if (this.busyWorkers === 0) return Promise.resolve();
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  private makeReady(key: string, lane: Lane, nowMs: number): void {
    const delayedLane = this.delayedLane.get(key);
    if (delayedLane !== undefined) {
      this.delayed.delete(key);
      this.delayedLane.delete(key);
    }
    const wanted = delayedLane === undefined ? lane : higher(lane, delayedLane);
    const waiting = this.waiting.get(key);
    if (waiting === undefined) {
      this.waiting.set(key, { lane: wanted, readySinceMs: nowMs });
      this.ready[wanted].add(key);
      this.options.hooks?.added?.();
    } else if (waiting.lane === 'low' && wanted === 'high') {
      this.ready.low.delete(key);
      this.ready.high.add(key);
      waiting.lane = 'high';
    }
  }

  private delay(key: string, lane: Lane, dueMs: number): void {
    if (this.waiting.has(key)) return;
    const known = this.delayed.dueOf(key);
    if (known === undefined || dueMs < known) this.delayed.set(key, dueMs);
    this.delayedLane.set(key, higher(lane, this.delayedLane.get(key) ?? 'low'));
    this.armTimer();
  }

  private armTimer(): void {
    if (!this.open) return;
    const dueMs = this.delayed.peekDue();
    if (dueMs === undefined || dueMs >= this.timerDueMs) return;
    this.timer?.cancel();
    this.timerDueMs = dueMs;
    const delayMs = Math.min(dueMs - this.clock.monotonicMs(), MAX_TIMER_MS);
    this.timer = this.clock.setTimer(delayMs, () => this.onTimer());
  }

  private onTimer(): void {
    this.timer = undefined;
    this.timerDueMs = Number.POSITIVE_INFINITY;
    const nowMs = this.clock.monotonicMs();
    for (let key = this.delayed.popDue(nowMs); key !== undefined; key = this.delayed.popDue(nowMs)) {
      const lane = this.delayedLane.get(key) ?? 'high';
      this.delayedLane.delete(key);
      this.makeReady(key, lane, nowMs);
    }
    this.armTimer();
    this.dispatch();
  }

  /** After the caller's turn: several adds for one key in one turn make one run, and no handler runs on the caller's stack. */
  private dispatchSoon(): void {
    if (this.dispatchQueued) return;
    this.dispatchQueued = true;
    queueMicrotask(() => {
      this.dispatchQueued = false;
      this.dispatch();
    });
  }

  private dispatch(): void {
    while (this.open && this.turn === undefined && this.busyWorkers < this.workers) {
      const key = this.pick();
      if (key === undefined) return;
      this.launch(key);
      if (++this.startsThisTurn >= STARTS_A_TURN) this.giveTurn();
    }
  }

  private giveTurn(): void {
    this.startsThisTurn = 0;
    this.turn = this.clock.nextTurn(() => {
      this.turn = undefined;
      this.dispatch();
    });
  }

  private pick(): string | undefined {
    const { high, low } = this.ready;
    if (high.size === 0 && low.size === 0) return undefined;
    const turnOfLow = high.size === 0 || (low.size > 0 && ++this.picks % LOW_LANE_SHARE === 0);
    const lane = turnOfLow ? low : high;
    const key = lane.values().next().value!;
    lane.delete(key);
    return key;
  }

  private launch(key: string): void {
    const startedMs = this.clock.monotonicMs();
    const waitedMs = startedMs - (this.waiting.get(key)?.readySinceMs ?? startedMs);
    this.waiting.delete(key);
    const running: Running = { startedMs, holdsWorker: true, again: undefined };
    this.running.set(key, running);
    this.busyWorkers++;
    this.options.hooks?.started?.(waitedMs);
    const slot: RunSlot = { abandon: () => this.releaseWorker(running) };
    // A microtask of its own turns a synchronous throw of `run` into a rejection.
    Promise.resolve()
      .then(() => this.options.run(key, slot))
      .catch((error: unknown) => this.options.onBug?.(key, error))
      .finally(() => this.finish(key, running));
  }

  private finish(key: string, running: Running): void {
    const nowMs = this.clock.monotonicMs();
    this.running.delete(key);
    this.options.hooks?.finished?.(nowMs - running.startedMs);
    if (running.again !== undefined) {
      const { lane, dueMs } = running.again;
      if (dueMs <= nowMs) this.makeReady(key, lane, nowMs);
      else this.delay(key, lane, dueMs);
    }
    this.releaseWorker(running);
    this.dispatch();
  }

  private releaseWorker(running: Running): void {
    if (!running.holdsWorker) return;
    running.holdsWorker = false;
    this.busyWorkers--;
    this.dispatch();
    if (this.busyWorkers === 0) {
      for (const resolve of this.idleWaiters.splice(0)) resolve();
    }
  }
}

function higher(a: Lane, b: Lane): Lane {
  return a === 'high' || b === 'high' ? 'high' : 'low';
}
