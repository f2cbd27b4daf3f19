/**
 * Remembers for a short time what a token may do.
 *
 * Owns: age and number of the answers. Never: holds a token; keys are keyed hashes that are of no use to anybody else.
 * Invariant: at most `maxEntries`; refusals leave first, so that a flood of made-up tokens cannot push out those that are allowed.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '../../time/clock';

/** `unauthenticated` = nobody's token, `forbidden` = somebody's who may not. */
export type Access = 'allowed' | 'unauthenticated' | 'forbidden';

export interface AccessCacheOptions {
  /** @default 60000 */
  ttlMs?: number;
  /** @default 256 */
  maxEntries?: number;
}

interface Entry {
  readonly access: Access;
  readonly untilMs: number;
}

export class AccessCache {
  private readonly ttlMs: number;
  private readonly maxEntries: number;
  private readonly secret = randomBytes(32);
  /** Insertion order is age. */
  private readonly entries = new Map<string, Entry>();

  constructor(
    private readonly clock: Clock,
    { ttlMs = 60_000, maxEntries = 256 }: AccessCacheOptions = {},
  ) {
    this.ttlMs = ttlMs;
    this.maxEntries = maxEntries;
  }

  get size(): number {
    return this.entries.size;
  }

  /** The key of a token; without the secret of this process it cannot be tested against guesses. */
  keyOf(token: string): string {
    return createHmac('sha256', this.secret).update(token).digest('base64');
  }

  get(key: string): Access | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.untilMs > this.clock.monotonicMs()) return entry.access;
    this.entries.delete(key);
    return undefined;
  }

  put(key: string, access: Access): void {
    this.entries.delete(key);
    if (this.entries.size >= this.maxEntries) this.makeRoom();
    this.entries.set(key, { access, untilMs: this.clock.monotonicMs() + this.ttlMs });
  }

  private makeRoom(): void {
    const nowMs = this.clock.monotonicMs();
    for (const [key, { untilMs }] of this.entries) if (untilMs <= nowMs) this.entries.delete(key);
    if (this.entries.size < this.maxEntries) return;
    const oldest = [...this.entries].find(([, { access }]) => access !== 'allowed') ?? this.entries.entries().next().value!;
    this.entries.delete(oldest[0]);
  }
}
