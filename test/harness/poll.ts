/** Waiting for an outcome with a deadline; never for a duration. */
import { setTimeout as pause } from 'node:timers/promises';

export interface PollOptions {
  /** @default 15000 */
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
  { timeoutMs = 15_000, intervalMs = 20, onTimeout }: PollOptions = {},
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
