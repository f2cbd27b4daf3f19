/**
 * Runs one function for each key that needs attention.
 *
 * Owns: order, repetition and limits. Never: knows what the keys stand for.
 * Invariant: one key never runs twice at once; a key asked for while it runs runs again; at most `limit` keys run at a time.
 */
import type { Clock, Timer } from '../../../src/framework/time/clock';

export class KeyedWorker {
  private readonly waiting = new Set<string>();
  private readonly active = new Map<string, Promise<void>>();
  private readonly timers = new Map<string, { readonly dueMs: number; readonly timer: Timer }>();
  private closed = false;

  /** @param run must not throw; it asks for a repetition with `add` or `addAfter`. */
  constructor(
    private readonly clock: Clock,
    private readonly run: (key: string) => Promise<void>,
    private readonly limit = 32,
  ) {}

  add(key: string): void {
    if (this.closed) return;
    this.waiting.add(key);
    this.pump();
  }

  /** Of several delays of one key the one that ends first counts. */
  addAfter(key: string, delayMs: number): void {
    const dueMs = this.clock.monotonicMs() + delayMs;
    const pending = this.timers.get(key);
    if (this.closed || (pending !== undefined && pending.dueMs <= dueMs)) return;
    pending?.timer.cancel();
    const timer = this.clock.setTimer(delayMs, () => {
      this.timers.delete(key);
      this.add(key);
    });
    this.timers.set(key, { dueMs, timer });
  }

  /** Resolves when everything under way has ended; nothing starts any more. */
  async close(): Promise<void> {
    this.closed = true;
    this.waiting.clear();
    for (const { timer } of this.timers.values()) timer.cancel();
    this.timers.clear();
    await Promise.all(this.active.values());
  }

  private pump(): void {
    for (const key of this.waiting) {
      if (this.active.size >= this.limit) return;
      if (this.active.has(key)) continue;
      this.waiting.delete(key);
      const work = this.run(key).finally(() => {
        this.active.delete(key);
        this.pump();
      });
      this.active.set(key, work);
    }
  }
}
