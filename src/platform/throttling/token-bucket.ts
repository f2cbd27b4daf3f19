/**
 * How many writes one object may get in a time.
 *
 * Owns: the arithmetic. Never: reads a clock; callers pass monotonic milliseconds.
 * Invariant: never more tokens than the capacity, never fewer than none; time that was no whole token is not lost.
 */
export interface BucketSize {
  readonly capacity: number;
  /** In which an empty bucket fills, in milliseconds. */
  readonly windowMs: number;
}

export class TokenBucket {
  /** Counted in parts of a token, of which `windowMs` make one and `capacity` come back every millisecond: whole numbers, so exact. */
  private parts: number;
  private atMs: number;

  constructor(
    private readonly size: BucketSize,
    nowMs: number,
  ) {
    this.parts = this.fullParts;
    this.atMs = nowMs;
  }

  /** @returns whether there was one. */
  take(nowMs: number): boolean {
    this.fill(nowMs);
    if (this.parts < this.size.windowMs) return false;
    this.parts -= this.size.windowMs;
    return true;
  }

  /** For a write that did not happen. */
  giveBack(): void {
    this.parts = Math.min(this.fullParts, this.parts + this.size.windowMs);
  }

  /** Until there is a whole token; 0 = there is one. */
  waitMs(nowMs: number): number {
    this.fill(nowMs);
    return Math.max(0, Math.ceil((this.size.windowMs - this.parts) / this.size.capacity));
  }

  private get fullParts(): number {
    return this.size.capacity * this.size.windowMs;
  }

  private fill(nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.atMs);
    this.atMs += elapsedMs;
    this.parts = Math.min(this.fullParts, this.parts + elapsedMs * this.size.capacity);
  }
}
