/**
 * Keeps packets from becoming a flood of Kubernetes Events.
 *
 * Owns: at most one Event in 60 s that says the same of the same, and at most 20 a second in all. Never: sends any.
 * Bounded: what was told more than 60 s ago is forgotten, so at most 1,200 are remembered.
 */
import type { Clock } from '../../framework';

const SAME_EVENT_MS = 60_000;
const MAX_PER_SECOND = 20;
const SECOND_MS = 1_000;

export class WakeEventGate {
  /** Oldest first. */
  private readonly toldAtMs = new Map<string, number>();
  private secondBeganMs = Number.NEGATIVE_INFINITY;
  private toldInSecond = 0;

  constructor(private readonly clock: Clock) {}

  /** @param what identifies reason, object and virtual machine. @returns whether the Event may be sent; then it counts as sent. */
  admits(what: string): boolean {
    const nowMs = this.clock.monotonicMs();
    this.forgetBefore(nowMs - SAME_EVENT_MS);
    if (this.toldAtMs.has(what)) return false;
    if (nowMs - this.secondBeganMs >= SECOND_MS) {
      this.secondBeganMs = nowMs;
      this.toldInSecond = 0;
    }
    if (this.toldInSecond >= MAX_PER_SECOND) return false;
    this.toldInSecond++;
    this.toldAtMs.set(what, nowMs);
    return true;
  }

  /** Events told in the last 60 s. */
  get remembered(): number {
    return this.toldAtMs.size;
  }

  private forgetBefore(limitMs: number): void {
    for (const [what, toldMs] of this.toldAtMs) {
      if (toldMs > limitMs) return;
      this.toldAtMs.delete(what);
    }
  }
}
