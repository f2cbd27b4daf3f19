/**
 * When something about a Machine came from its remote cluster that its status does not show yet.
 *
 * Owns: the time of the first piece of news since the last pass. Never: decides whether there is anything to write.
 * Invariant: at most one entry for each Machine; a pass takes it, whatever comes of the pass.
 */
import { CLOCK, type Clock, inject, type ObjectKey, singleton } from '../../framework';

@singleton()
export class RemoteNews {
  /** Milliseconds of the monotonic clock. */
  private readonly since = new Map<ObjectKey, number>();

  constructor(@inject(CLOCK) private readonly clock: Clock) {}

  came(machine: ObjectKey): void {
    if (!this.since.has(machine)) this.since.set(machine, this.clock.monotonicMs());
  }

  /** A pass begins. @returns when the oldest news came that it may show. */
  take(machine: ObjectKey): number | undefined {
    const sinceMs = this.since.get(machine);
    this.since.delete(machine);
    return sinceMs;
  }

  /** The pass failed before it could show anything. */
  putBack(machine: ObjectKey, sinceMs: number): void {
    this.since.set(machine, sinceMs);
  }

  forget(machine: ObjectKey): void {
    this.since.delete(machine);
  }

  secondsSince(sinceMs: number): number {
    return Math.max(0, this.clock.monotonicMs() - sinceMs) / 1_000;
  }
}
