/**
 * A clock that can die: what uses it never wakes again, as after kill -9.
 *
 * Owns: the timers of one life. Never: moves time.
 */
import type { Clock, Timer } from '../time/clock';

export class MortalClock implements Clock {
  private readonly timers = new Set<Timer>();
  private isDead = false;

  constructor(private readonly clock: Clock) {}

  now(): number {
    return this.clock.now();
  }

  monotonicMs(): number {
    return this.clock.monotonicMs();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    if (this.isDead) return { cancel: () => undefined };
    const inner = this.clock.setTimer(delayMs, () => {
      this.timers.delete(timer);
      callback();
    });
    const timer: Timer = {
      cancel: () => {
        this.timers.delete(timer);
        inner.cancel();
      },
    };
    this.timers.add(timer);
    return timer;
  }

  nextTurn(callback: () => void): Timer {
    return this.isDead ? { cancel: () => undefined } : this.clock.nextTurn(() => this.isDead || callback());
  }

  /** No timer of this clock fires from now on. */
  kill(): void {
    this.isDead = true;
    for (const timer of [...this.timers]) timer.cancel();
  }
}
