/**
 * How many starts configs and the manager as a whole may cause.
 *
 * Expected flow: `tryTake`; when that fails `wait`; the caller decides again when its turn comes, and gives the token back if
 * nothing has to be called any more.
 * Guarantees: first come, first served within a config; a config that has used up its rate does not hold up another.
 * Assumptions: one thread. Caveats: limits count per replica.
 * Errors: none; a wait that is too long, or one too many, resolves to false.
 */
import type { Clock, Timer } from '../../framework';
import { MAX_TOKEN_WAIT_MS, MAX_WAITING_PER_CONFIG, MAX_WAITING_WAKES } from './limits';
import { TokenBucket } from './token-bucket';

export interface StartLimitsOptions {
  /** Starts a minute, and burst, over all configs; 0 = no limit. @default 600 */
  maxPerMinute?: number;
  /** @default MAX_WAITING_PER_CONFIG */
  maxWaitingPerConfig?: number;
  /** @default MAX_WAITING_WAKES */
  maxWaiting?: number;
  /** @default MAX_TOKEN_WAIT_MS */
  maxWaitMs?: number;
}

/** Whose rate a start counts against. */
export interface RateOwner {
  readonly name: string;
  readonly startsPerMinute: number;
}

interface Waiter {
  readonly order: number;
  readonly untilMs: number;
  readonly end: (granted: boolean) => void;
}

interface Lane {
  readonly bucket: TokenBucket;
  /** In order of arrival, which is also the order of `untilMs`. */
  readonly waiters: Set<Waiter>;
}

export class StartLimits {
  private readonly lanes = new Map<string, Lane>();
  private readonly manager: TokenBucket;
  private readonly maxWaitingPerConfig: number;
  private readonly maxWaiting: number;
  private readonly maxWaitMs: number;
  private waitingInAll = 0;
  private nextOrder = 0;
  private timer: Timer | undefined;

  constructor(
    private readonly clock: Clock,
    {
      maxPerMinute = 600,
      maxWaitingPerConfig = MAX_WAITING_PER_CONFIG,
      maxWaiting = MAX_WAITING_WAKES,
      maxWaitMs = MAX_TOKEN_WAIT_MS,
    }: StartLimitsOptions = {},
  ) {
    this.manager = new TokenBucket(maxPerMinute, clock.monotonicMs());
    this.maxWaitingPerConfig = maxWaitingPerConfig;
    this.maxWaiting = maxWaiting;
    this.maxWaitMs = maxWaitMs;
  }

  /** Takes a token if one is there and nobody of the same config waits for it. */
  tryTake(owner: RateOwner): boolean {
    const lane = this.laneOf(owner);
    if (lane.waiters.size > 0 || !this.isFree(lane)) return false;
    this.take(lane);
    return true;
  }

  /** Waits for a token. @returns false when none came in time, too many wait already, or `signal` ended the wait. */
  wait(owner: RateOwner, signal: AbortSignal): Promise<boolean> {
    const lane = this.laneOf(owner);
    if (!this.hasRoom(owner) || signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const onAbort = (): void => waiter.end(false);
      const waiter: Waiter = {
        order: this.nextOrder++,
        untilMs: this.clock.monotonicMs() + this.maxWaitMs,
        end: (granted) => {
          if (!lane.waiters.delete(waiter)) return;
          this.waitingInAll--;
          if (this.waitingInAll === 0) this.timer?.cancel();
          signal.removeEventListener('abort', onAbort);
          resolve(granted);
        },
      };
      lane.waiters.add(waiter);
      this.waitingInAll++;
      signal.addEventListener('abort', onAbort, { once: true });
      this.serve();
    });
  }

  /** Whether one more may wait for a token. */
  hasRoom({ name }: RateOwner): boolean {
    return this.waiting(name) < this.maxWaitingPerConfig && this.waitingInAll < this.maxWaiting;
  }

  /** Returns a token that was not used. */
  giveBack(config: string): void {
    this.lanes.get(config)?.bucket.giveBack();
    this.manager.giveBack();
    this.serve();
  }

  /** Drops the rate of a deleted config; whoever still waits under it is sent away. */
  forget(config: string): void {
    for (const waiter of this.lanes.get(config)?.waiters ?? []) waiter.end(false);
    this.lanes.delete(config);
    this.serve();
  }

  /** Wakes that wait for a token of this config. */
  waiting(config: string): number {
    return this.lanes.get(config)?.waiters.size ?? 0;
  }

  private laneOf({ name, startsPerMinute }: RateOwner): Lane {
    const nowMs = this.clock.monotonicMs();
    const lane = this.lanes.get(name) ?? { bucket: new TokenBucket(startsPerMinute, nowMs), waiters: new Set() };
    lane.bucket.configure(startsPerMinute, nowMs);
    this.lanes.set(name, lane);
    return lane;
  }

  private isFree({ bucket }: Lane): boolean {
    const nowMs = this.clock.monotonicMs();
    return bucket.waitMs(nowMs) === 0 && this.manager.waitMs(nowMs) === 0;
  }

  private take({ bucket }: Lane): void {
    bucket.take();
    this.manager.take();
  }

  /** Grants what can be granted, ends what has waited too long, and sets the timer for the next of either. */
  private serve(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.expire();
    for (let lane = this.nextLane(); lane !== undefined; lane = this.nextLane()) {
      this.take(lane);
      headOf(lane)?.end(true);
    }
    if (this.waitingInAll === 0) return;
    this.timer = this.clock.setTimer(this.nextMs(), () => this.serve());
  }

  /** Of the lanes that could be served now, the one whose head has waited longest. */
  private nextLane(): Lane | undefined {
    const served = this.waitingLanes().filter((lane) => this.isFree(lane));
    return served.sort((a, b) => headOf(a)!.order - headOf(b)!.order)[0];
  }

  private nextMs(): number {
    const nowMs = this.clock.monotonicMs();
    const managerMs = this.manager.waitMs(nowMs);
    return Math.min(
      ...this.waitingLanes().map((lane) => Math.min(headOf(lane)!.untilMs - nowMs, Math.max(managerMs, lane.bucket.waitMs(nowMs)))),
    );
  }

  private expire(): void {
    const nowMs = this.clock.monotonicMs();
    for (const { waiters } of this.lanes.values()) {
      for (const waiter of waiters) {
        if (waiter.untilMs > nowMs) break;
        waiter.end(false);
      }
    }
  }

  private waitingLanes(): Lane[] {
    return [...this.lanes.values()].filter(({ waiters }) => waiters.size > 0);
  }
}

function headOf({ waiters }: Lane): Waiter | undefined {
  return waiters.values().next().value;
}
