/**
 * What is remembered of writes, one entry for each object.
 *
 * Owns: buckets and contests by key, their number and their age. Never: writes or reports anything.
 * Invariant: at most `maxKeys` entries; one not used for an hour is dropped. Losing one is harmless.
 */
import type { Clock } from '../../framework';
import { Contest } from './contest';
import { type BucketSize, TokenBucket } from './token-bucket';

const MAX_KEYS = 2_000;
const KEPT_MS = 60 * 60_000;

export interface ThrottleOptions extends BucketSize {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** @default 2000 */
  readonly maxKeys?: number;
}

interface Entry {
  bucket: TokenBucket;
  readonly contest: Contest;
  usedMs: number;
}

export class Throttle {
  /** Least recently used first. */
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly options: ThrottleOptions) {}

  get size(): number {
    return this.entries.size;
  }

  /** @returns 0 when a token was taken, else in how many milliseconds there is one. */
  take(key: string): number {
    const { bucket } = this.entry(key);
    return bucket.take(this.nowMs) ? 0 : Math.max(1, bucket.waitMs(this.nowMs));
  }

  /** The write that a token was taken for did not happen. */
  giveBack(key: string): void {
    this.entry(key).bucket.giveBack();
  }

  /** @see Contest.throttled */
  throttled(key: string, version: string, rival: string | undefined): 'quiet' | 'war' {
    return this.entry(key).contest.throttled(version, rival, this.nowMs);
  }

  /** @see Contest.corrected */
  corrected(key: string, rival: string | undefined): boolean {
    return rival === undefined ? false : this.entry(key).contest.corrected(rival, this.nowMs);
  }

  /** Pauses in memory, because the annotation could not be written. */
  hold(key: string): void {
    this.entry(key).contest.hold(this.nowMs);
  }

  /** @see Contest.holdIfPruned */
  holdIfPruned(key: string): boolean {
    return this.entry(key).contest.holdIfPruned(this.nowMs);
  }

  /** Of the pause in memory, in milliseconds; 0 = there is none. */
  heldMs(key: string): number {
    return this.entries.get(key)?.contest.heldMs(this.nowMs) ?? 0;
  }

  isWar(key: string): boolean {
    return this.entries.get(key)?.contest.isWar ?? false;
  }

  isContested(key: string): boolean {
    return this.entries.get(key)?.contest.isContested(this.nowMs) ?? false;
  }

  /** The pause is over: bucket and counters begin anew. */
  resume(key: string): void {
    const entry = this.entry(key);
    entry.bucket = new TokenBucket(this.options, this.nowMs);
    entry.contest.resume();
  }

  private get nowMs(): number {
    return this.options.clock.monotonicMs();
  }

  private entry(key: string): Entry {
    const { nowMs } = this;
    const known = this.entries.get(key);
    const isKept = known !== undefined && nowMs - known.usedMs < KEPT_MS;
    const entry = isKept
      ? known
      : { bucket: new TokenBucket(this.options, nowMs), contest: new Contest(this.options.windowMs), usedMs: nowMs };
    entry.usedMs = nowMs;
    this.entries.delete(key);
    this.entries.set(key, entry);
    this.sweep(nowMs);
    return entry;
  }

  private sweep(nowMs: number): void {
    for (const [key, { usedMs }] of this.entries) {
      if (nowMs - usedMs < KEPT_MS && this.entries.size <= (this.options.maxKeys ?? MAX_KEYS)) return;
      this.entries.delete(key);
    }
  }
}
