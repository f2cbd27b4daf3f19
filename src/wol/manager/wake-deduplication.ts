/**
 * Makes many packets for one virtual machine one wake.
 *
 * Owns: which wakes are in flight and which succeeded a moment ago. Never: runs a wake or decides its outcome.
 * Guarantees: at most one wake per key at any time; a window is counted from the arrival of the first packet and not prolonged
 * by repetitions; a failure is forgotten at once.
 * Caveats: beyond its cap the oldest success is forgotten early, which costs at most a superfluous look at the virtual machine.
 */
import type { Clock } from '../../framework';
import { MAX_REMEMBERED_WAKES, MAX_WAKES_IN_FLIGHT } from './limits';

export interface WakeDeduplicationOptions {
  /** How long a success answers repetitions, in milliseconds; 0 = never. @default 10000 */
  windowMs?: number;
  /** @default MAX_REMEMBERED_WAKES */
  maxRemembered?: number;
  /** @default MAX_WAKES_IN_FLIGHT */
  maxInFlight?: number;
}

export type Admission<Wake> =
  /** The virtual machine was woken within the window. */
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'shared'; readonly wake: Wake }
  | { readonly kind: 'begun'; readonly wake: Wake }
  | { readonly kind: 'overloaded' };

export class WakeDeduplication<Wake> {
  private readonly inFlight = new Map<string, { readonly wake: Wake; readonly arrivedAtMs: number }>();
  /** Arrival of the first packet, by key; oldest success first. */
  private readonly succeeded = new Map<string, number>();
  private readonly windowMs: number;
  private readonly maxRemembered: number;
  private readonly maxInFlight: number;
  private evicted = 0;

  constructor(
    private readonly clock: Clock,
    { windowMs = 10_000, maxRemembered = MAX_REMEMBERED_WAKES, maxInFlight = MAX_WAKES_IN_FLIGHT }: WakeDeduplicationOptions = {},
  ) {
    this.windowMs = windowMs;
    this.maxRemembered = maxRemembered;
    this.maxInFlight = maxInFlight;
  }

  get inFlightCount(): number {
    return this.inFlight.size;
  }

  /** Successes whose window has not passed; asking forgets the others. */
  get rememberedCount(): number {
    for (const [key, arrivedAtMs] of this.succeeded) if (!this.isOpen(arrivedAtMs)) this.succeeded.delete(key);
    return this.succeeded.size;
  }

  /** Successes that were forgotten before their window had passed, since the start. */
  get evictions(): number {
    return this.evicted;
  }

  /** Looks up and begins in one step; `begin` must not call back before it returns. */
  admit(key: string, arrivedAtMs: number, begin: () => Wake): Admission<Wake> {
    const firstArrivedAtMs = this.succeeded.get(key);
    if (firstArrivedAtMs !== undefined && this.isOpen(firstArrivedAtMs)) return { kind: 'duplicate' };
    const running = this.inFlight.get(key);
    if (running !== undefined) return { kind: 'shared', wake: running.wake };
    if (this.inFlight.size >= this.maxInFlight) return { kind: 'overloaded' };
    const wake = begin();
    this.inFlight.set(key, { wake, arrivedAtMs });
    return { kind: 'begun', wake };
  }

  /** Ends the wake in flight. Only a success is remembered. */
  finish(key: string, result: 'success' | 'failure'): void {
    const running = this.inFlight.get(key);
    this.inFlight.delete(key);
    this.succeeded.delete(key);
    if (running === undefined || result === 'failure' || !this.isOpen(running.arrivedAtMs)) return;
    this.makeRoom();
    this.succeeded.set(key, running.arrivedAtMs);
  }

  /** Lets the next packet through: the success turned out to be none. */
  forget(key: string): void {
    this.succeeded.delete(key);
  }

  private isOpen(arrivedAtMs: number): boolean {
    return this.clock.monotonicMs() - arrivedAtMs < this.windowMs;
  }

  private makeRoom(): void {
    for (const [key, arrivedAtMs] of this.succeeded) {
      const isOpen = this.isOpen(arrivedAtMs);
      if (isOpen && this.succeeded.size < this.maxRemembered) return;
      this.succeeded.delete(key);
      if (isOpen) this.evicted++;
    }
  }
}
