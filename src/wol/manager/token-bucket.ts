/**
 * A token bucket: so many a minute, as many at once.
 *
 * Owns: its level. Never: waits; time is handed in.
 */
const MINUTE_MS = 60_000;
/** Absorbs rounding, so that a token is there at the very millisecond that was promised. */
const EPSILON = 1e-6;

export class TokenBucket {
  private level: number;
  private updatedAtMs: number;

  /** @param perMinute tokens a minute and burst; 0 = no limit. */
  constructor(
    private perMinute: number,
    nowMs: number,
  ) {
    this.level = perMinute;
    this.updatedAtMs = nowMs;
  }

  /** Changes the rate; tokens beyond the new burst are lost. */
  configure(perMinute: number, nowMs: number): void {
    if (perMinute === this.perMinute) return;
    this.refill(nowMs);
    this.perMinute = perMinute;
    this.level = Math.min(this.level, perMinute);
  }

  /** Milliseconds until a token is there; 0 when one is. */
  waitMs(nowMs: number): number {
    if (this.perMinute === 0) return 0;
    this.refill(nowMs);
    return this.level >= 1 - EPSILON ? 0 : Math.ceil(((1 - this.level) * MINUTE_MS) / this.perMinute);
  }

  /** Takes one; call only after `waitMs` returned 0. */
  take(): void {
    this.level = Math.max(0, this.level - 1);
  }

  giveBack(): void {
    this.level = Math.min(this.perMinute, this.level + 1);
  }

  private refill(nowMs: number): void {
    const earned = ((nowMs - this.updatedAtMs) * this.perMinute) / MINUTE_MS;
    this.level = Math.min(this.perMinute, this.level + earned);
    this.updatedAtMs = nowMs;
  }
}
