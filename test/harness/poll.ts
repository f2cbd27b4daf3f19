/**
 * Waiting for an outcome with a deadline; never for a duration.
 *
 * Owns: how patient tests are. Never: measures; a machine may be many times slower than the one a test was written on, so that a time
 * limit asserts nothing but that something does not hang.
 */
import { setTimeout as pause } from 'node:timers/promises';

/** Far longer than anything takes on a machine that does nothing else, and below mocha's limit for a test. */
export const PATIENCE_MS = 120_000;

export interface PollOptions {
  /** For what takes longer by itself. @default 120000 */
  timeoutMs?: number;
  /** @default 20 */
  intervalMs?: number;
  /** Adds what helps to understand a time-out. */
  onTimeout?: () => string;
}

/**
 * Calls `probe` until it yields something other than `undefined` or `false`.
 * @throws {Error} naming `what` when the time is over; whatever `probe` throws, at once.
 */
export async function poll<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  { timeoutMs = PATIENCE_MS, intervalMs = 20, onTimeout }: PollOptions = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const result = await probe();
    if (result !== undefined && result !== false) return result;
    if (performance.now() > deadline)
      throw new Error(`not within ${timeoutMs} ms: ${what}${onTimeout === undefined ? '' : `\n${onTimeout()}`}`);
    await pause(intervalMs);
  }
}
