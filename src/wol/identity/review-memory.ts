/**
 * Remembers for a short time who a token belongs to.
 *
 * Owns: age and number of the answers. Never: holds a token.
 * Invariant: refusals have a room of their own, so that a flood of made-up tokens cannot push out those that are accepted.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../framework/basics';
import { ACCEPTED_TTL_MS, MAX_REMEMBERED_REVIEWS, REFUSED_TTL_MS } from './limits';
import type { TokenReview } from './token-review';

interface Entry {
  readonly review: TokenReview;
  readonly untilMs: number;
}

export class ReviewMemory {
  /** Insertion order is age in each. */
  private readonly accepted = new Map<string, Entry>();
  private readonly refused = new Map<string, Entry>();

  constructor(private readonly clock: Clock) {}

  get size(): number {
    return this.accepted.size + this.refused.size;
  }

  keyOf(token: string): string {
    return createHash('sha256').update(token).digest('base64');
  }

  get(key: string): TokenReview | undefined {
    for (const room of [this.accepted, this.refused]) {
      const entry = room.get(key);
      if (entry === undefined) continue;
      if (entry.untilMs > this.clock.monotonicMs()) return entry.review;
      room.delete(key);
    }
    return undefined;
  }

  put(key: string, review: TokenReview): void {
    this.accepted.delete(key);
    this.refused.delete(key);
    const [room, ttlMs] = review.kind === 'user' ? [this.accepted, ACCEPTED_TTL_MS] : [this.refused, REFUSED_TTL_MS];
    const [oldest] = room.keys();
    if (room.size >= MAX_REMEMBERED_REVIEWS && oldest !== undefined) room.delete(oldest);
    room.set(key, { review, untilMs: this.clock.monotonicMs() + ttlMs });
  }
}
