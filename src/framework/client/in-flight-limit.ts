/**
 * How much one cluster is asked at a time.
 *
 * Owns: places in flight, the optional rate, and the pause a server may ask for. Invariant: who came first goes first.
 */
import type { Clock } from '../time/clock';
import { sleep } from '../time/sleep';

/** A pause asked for by one answer holds up the others at most this long. */
const MAX_PAUSE_MS = 10_000;

export interface InFlightOptions {
  /** Calls at a time. @default 32 */
  maxInFlight?: number;
  /** Calls a second, 0 = no limit: the server has priority and fairness. @default 0 */
  qps?: number;
  /** Calls that may be made at once when the rate is limited. @default qps, at least 1 */
  burst?: number;
  /** Told whenever the number of waiting calls changes. */
  onWaiting?: (calls: number) => void;
}

export class InFlightLimit {
  private readonly maxInFlight: number;
  private readonly intervalMs: number;
  private readonly burst: number;
  private readonly queue: (() => void)[] = [];
  private running = 0;
  private pausedUntilMs = 0;
  /** Theoretical time of the next call at the steady rate (GCRA). */
  private nextDueMs = 0;

  constructor(
    private readonly clock: Clock,
    private readonly options: InFlightOptions = {},
  ) {
    const { maxInFlight = 32, qps = 0, burst = Math.max(1, qps) } = options;
    if (!(maxInFlight >= 1)) throw new RangeError(`maxInFlight is ${maxInFlight}; allowed: 1 or more`);
    if (!(qps >= 0)) throw new RangeError(`qps is ${qps}; allowed: 0 (off) or more`);
    this.maxInFlight = maxInFlight;
    this.intervalMs = qps === 0 ? 0 : 1_000 / qps;
    this.burst = burst;
  }

  /**
   * Waits for a place, the rate and the end of a pause.
   * @returns gives the place back; calling it twice does nothing. @throws the signal's reason.
   */
  async enter(signal: AbortSignal): Promise<() => void> {
    await this.place(signal);
    let left = false;
    const leave = (): void => {
      if (left) return;
      left = true;
      this.running--;
      this.queue.shift()?.();
    };
    try {
      await this.clearance(signal);
      return leave;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Waits for the end of a pause only: streams take no place. */
  async clearance(signal: AbortSignal): Promise<void> {
    const nowMs = this.clock.monotonicMs();
    const dueMs = Math.max(this.pausedUntilMs, this.reserve(nowMs));
    if (dueMs > nowMs) await sleep(this.clock, dueMs - nowMs, signal);
    // Another answer may have asked for a longer pause meanwhile.
    while (this.pausedUntilMs > this.clock.monotonicMs()) await sleep(this.clock, this.pausedUntilMs - this.clock.monotonicMs(), signal);
  }

  /** The server asked everybody to slow down. */
  pause(durationMs: number): void {
    this.pausedUntilMs = Math.max(this.pausedUntilMs, this.clock.monotonicMs() + Math.min(durationMs, MAX_PAUSE_MS));
  }

  private place(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.running < this.maxInFlight) {
      this.running++;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const admit = (): void => {
        signal.removeEventListener('abort', giveUp);
        this.running++;
        this.tellWaiting();
        resolve();
      };
      const giveUp = (): void => {
        this.queue.splice(this.queue.indexOf(admit), 1);
        this.tellWaiting();
        reject(signal.reason);
      };
      this.queue.push(admit);
      signal.addEventListener('abort', giveUp, { once: true });
      this.tellWaiting();
    });
  }

  private tellWaiting(): void {
    this.options.onWaiting?.(this.queue.length);
  }

  private reserve(nowMs: number): number {
    if (this.intervalMs === 0) return nowMs;
    const startMs = Math.max(this.nextDueMs, nowMs);
    this.nextDueMs = startMs + this.intervalMs;
    return startMs - (this.burst - 1) * this.intervalMs;
  }
}
