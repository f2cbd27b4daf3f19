/** Delays between attempts: 200 ms, doubling to 5 s, each ±20 %. */
import { FIRST_RETRY_DELAY_MS, MAX_RETRY_DELAY_MS, RETRY_JITTER } from './limits';

export class RetryDelays {
  private nextMs = FIRST_RETRY_DELAY_MS;

  /** @param random uniform in [0, 1). */
  constructor(private readonly random: () => number) {}

  /** The delay before the next attempt, in milliseconds, and at least what the server asked for. */
  next(retryAfterMs = 0): number {
    const baseMs = this.nextMs;
    this.nextMs = Math.min(baseMs * 2, MAX_RETRY_DELAY_MS);
    const jitter = 1 + RETRY_JITTER * (2 * this.random() - 1);
    return Math.max(retryAfterMs, baseMs * jitter);
  }
}
