/** Waits for an outcome with a deadline, for tests against real processes. */
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 50;
const DEADLINE_MS = 15_000;

/**
 * Repeats the probe until it gives something other than `undefined` or `false`.
 *
 * @param what said in the error when the deadline (15 s unless given) passes.
 */
export async function eventually<T>(what: string, probe: () => Promise<T | undefined | false>, deadlineMs = DEADLINE_MS): Promise<T> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const outcome = await probe();
    if (outcome !== undefined && outcome !== false) return outcome;
    if (performance.now() > endMs) throw new Error(`${what}: not seen within ${deadlineMs} ms`);
    await delay(POLL_MS);
  }
}
