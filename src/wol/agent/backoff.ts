/** Growing pauses between attempts to reach a manager. Pure but for the injected randomness. */

/** First and longest pause, in milliseconds: a manager that is back hears within 1 s that events wait, and has 2 s of its 3 for the starts. */
const INITIAL_MS = 100;
const MAX_MS = 1_000;
/** Spread, so that the agents of a cluster do not come back at the same moment. */
const JITTER = 0.2;

export class Backoff {
  private failures = 0;

  /** @param random a number from 0 up to, not including, 1. */
  constructor(private readonly random: () => number = Math.random) {}

  /** The pause after one more failure: doubles up to 1 s, ±20 %, never above 1 s. */
  nextMs(): number {
    const baseMs = Math.min(MAX_MS, INITIAL_MS * 2 ** this.failures);
    this.failures = Math.min(this.failures + 1, 16);
    return Math.min(MAX_MS, baseMs * (1 - JITTER + 2 * JITTER * this.random()));
  }

  reset(): void {
    this.failures = 0;
  }
}
