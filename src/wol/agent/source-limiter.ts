/**
 * Tells which senders are over their share: a token bucket per source address.
 *
 * Owns: the buckets. Never: decides what happens to a sender that is; its events wait behind those of all others, see DeliveryQueue, so
 * that a flood starves nobody and a burst from one sender is not lost while nobody else wants anything.
 * Invariant: at most MAX_SOURCES of them; the least recently used one goes first.
 * Caveats: a forgotten address starts with a full bucket again, so a sender that forges many addresses gets more; what it can
 * fill then is the bounded queue, where a sender with less in line displaces one with more.
 */
import type { Clock } from '../../framework/basics';
import { MAX_SOURCES, SOURCE_BURST, SOURCE_EVENTS_PER_SECOND } from '../protocol/limits';

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

export interface SourceLimiterOptions {
  /** @default SOURCE_EVENTS_PER_SECOND */
  perSecond?: number;
  /** @default SOURCE_BURST */
  burst?: number;
  /** @default MAX_SOURCES */
  maxSources?: number;
}

export class SourceLimiter {
  private readonly perSecond: number;
  private readonly burst: number;
  private readonly maxSources: number;
  /** In order of last use. */
  private readonly buckets = new Map<string, Bucket>();

  constructor(
    private readonly clock: Clock,
    { perSecond = SOURCE_EVENTS_PER_SECOND, burst = SOURCE_BURST, maxSources = MAX_SOURCES }: SourceLimiterOptions = {},
  ) {
    this.perSecond = perSecond;
    this.burst = burst;
    this.maxSources = maxSources;
  }

  /** Number of addresses that have a bucket. */
  get size(): number {
    return this.buckets.size;
  }

  /** Takes one token of `source`; false when there is none. */
  allows(source: string): boolean {
    const bucket = this.touch(source);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  private touch(source: string): Bucket {
    const nowMs = this.clock.monotonicMs();
    const bucket = this.buckets.get(source) ?? { tokens: this.burst, filledAtMs: nowMs };
    bucket.tokens = Math.min(this.burst, bucket.tokens + ((nowMs - bucket.filledAtMs) / 1_000) * this.perSecond);
    bucket.filledAtMs = nowMs;
    this.buckets.delete(source);
    this.buckets.set(source, bucket);
    if (this.buckets.size > this.maxSources) this.forgetLeastRecentlyUsed();
    return bucket;
  }

  private forgetLeastRecentlyUsed(): void {
    for (const source of this.buckets.keys()) {
      this.buckets.delete(source);
      return;
    }
  }
}
