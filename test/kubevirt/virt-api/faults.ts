/**
 * Failures that tests ask for.
 *
 * Owns: a queue of faults per verb. Never: invents one. Invariant: each queued fault meets exactly one call, in order.
 */
import type { JournalEntry } from './journal';

/**
 * - `answer`: this status instead of the real answer, nothing written; with `retryAfterSeconds` as the header of that name.
 * - `hold`: the real answer, once `until` resolves.
 * - `cut`: no answer, nothing written.
 * - `cutAfterWrite`: written, but the answer never arrives.
 */
export type Fault =
  | { readonly kind: 'answer'; readonly code: 409 | 422 | 429 | 500 | 502 | 503 | 504; readonly retryAfterSeconds?: number }
  | { readonly kind: 'hold'; readonly until: Promise<void> }
  | { readonly kind: 'cut' }
  | { readonly kind: 'cutAfterWrite' };

export class Faults {
  private readonly queued = new Map<JournalEntry['verb'], Fault[]>();

  /** The next `count` calls of `verb` meet the fault. */
  failNext(verb: JournalEntry['verb'], fault: Fault, count = 1): void {
    const queue = this.queued.get(verb) ?? [];
    for (let i = 0; i < count; i++) queue.push(fault);
    this.queued.set(verb, queue);
  }

  take(verb: JournalEntry['verb']): Fault | undefined {
    return this.queued.get(verb)?.shift();
  }

  clear(): void {
    this.queued.clear();
  }
}
