/**
 * When each key is looked at wholly again, whatever has happened to it until then.
 *
 * Owns: one time a key, from its first run on. Never: wakes a key; whoever runs it asks how long it may wait.
 */
import type { Clock } from '../../framework';

/** Resyncs of keys are spread by this part of the interval, both ways. */
const SPREAD = 0.2;

export class Resyncs {
  /** Monotonic milliseconds, by key. */
  private readonly dueMs = new Map<string, number>();

  constructor(
    private readonly intervalMs: number,
    private readonly clock: Clock,
  ) {}

  /** A run begins. @returns whether it looks at everything; the next one that does is planned then. */
  begin(key: string): boolean {
    const nowMs = this.clock.monotonicMs();
    if ((this.dueMs.get(key) ?? 0) > nowMs) return false;
    this.dueMs.set(key, nowMs + this.intervalMs * (1 + SPREAD * (2 * Math.random() - 1)));
    return true;
  }

  /** Milliseconds until the next one is due, below 0 when it is already; `undefined` for a key that is gone. */
  inMs(key: string): number | undefined {
    const dueMs = this.dueMs.get(key);
    return dueMs === undefined ? undefined : dueMs - this.clock.monotonicMs();
  }

  forget(key: string): void {
    this.dueMs.delete(key);
  }
}
