/**
 * Keeps the informers of one cluster from storming its API server.
 *
 * Owns: how many lists and watches may be opened a second, and how many lists run at a time. One object per cluster, shared.
 * Never: knows what is asked for. Invariant: waiting is first come, first served; an aborted wait takes nothing.
 */
import type { Clock, Timer } from '../time/clock';

export interface StormLimiterOptions {
  /** Lists and watches opened a second, on average. @default 10 */
  connectsPerSecond?: number;
  /** Lists and watches opened in any one second. @default 20 */
  burst?: number;
  /** Lists at a time. @default 4 */
  lists?: number;
}

export class StormLimiter {
  private readonly connectsPerSecond: number;
  private readonly burst: number;
  private readonly connects: Waiting[] = [];
  private readonly lists: Waiting[] = [];
  /** Times of the last `burst` grants, oldest first: none is given before the oldest is a second old. */
  private readonly grantedMs: number[] = [];
  private freeLists: number;
  private tokens: number;
  private countedMs: number;
  private timer: Timer | undefined;

  /** @throws {RangeError} when an option is not above 0. */
  constructor(
    private readonly clock: Clock,
    { connectsPerSecond = 10, burst = 20, lists = 4 }: StormLimiterOptions = {},
  ) {
    for (const [name, value] of Object.entries({ connectsPerSecond, burst, lists })) {
      if (!(value > 0)) throw new RangeError(`${name} is ${value}; allowed: above 0`);
    }
    this.connectsPerSecond = connectsPerSecond;
    this.burst = burst;
    this.freeLists = lists;
    this.tokens = burst;
    this.countedMs = clock.monotonicMs();
  }

  /** Resolves when one more list or watch may be opened. Rejects with the signal's reason. */
  connect(signal: AbortSignal): Promise<void> {
    const turn = enqueue(this.connects, signal, () => this.dropIdleTimer());
    this.grantConnects();
    return turn;
  }

  /** Resolves with the function that gives the place back. It may be called more than once. Rejects with the signal's reason. */
  async list(signal: AbortSignal): Promise<() => void> {
    const turn = enqueue(this.lists, signal, () => undefined);
    this.grantLists();
    await turn;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.freeLists++;
      this.grantLists();
    };
  }

  private grantLists(): void {
    while (this.freeLists > 0) {
      const next = this.lists.shift();
      if (next === undefined) return;
      this.freeLists--;
      next.grant();
    }
  }

  private grantConnects(): void {
    if (this.timer !== undefined) return;
    while (this.connects.length > 0) {
      const delayMs = this.delayMs();
      if (delayMs > 0) {
        this.timer = this.clock.setTimer(delayMs, () => {
          this.timer = undefined;
          this.grantConnects();
        });
        return;
      }
      this.tokens--;
      this.grantedMs.push(this.clock.monotonicMs());
      if (this.grantedMs.length > this.burst) this.grantedMs.shift();
      this.connects.shift()!.grant();
    }
  }

  /** Nobody waits any more, so nothing is left behind after a shutdown. */
  private dropIdleTimer(): void {
    if (this.connects.length > 0) return;
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** Milliseconds until the next connect may be granted; 0 = now. Also counts the tokens that time has brought. */
  private delayMs(): number {
    const nowMs = this.clock.monotonicMs();
    this.tokens = Math.min(this.burst, this.tokens + ((nowMs - this.countedMs) / 1_000) * this.connectsPerSecond);
    this.countedMs = nowMs;
    const tokenMs = this.tokens >= 1 ? 0 : Math.ceil(((1 - this.tokens) / this.connectsPerSecond) * 1_000);
    const oldestMs = this.grantedMs.length < this.burst ? undefined : this.grantedMs[0];
    const windowMs = oldestMs === undefined ? 0 : Math.ceil(oldestMs + 1_000 - nowMs);
    return Math.max(tokenMs, windowMs);
  }
}

interface Waiting {
  grant(): void;
}

/** Puts a waiter at the end of `queue` and takes it out again when the signal aborts first. */
function enqueue(queue: Waiting[], signal: AbortSignal, onLeave: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const waiting: Waiting = {
      grant: () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      },
    };
    const onAbort = (): void => {
      queue.splice(queue.indexOf(waiting), 1);
      onLeave();
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    queue.push(waiting);
  });
}
