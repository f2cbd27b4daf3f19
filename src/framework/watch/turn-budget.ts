/**
 * Keeps long work from holding the event loop.
 *
 * Owns: when to let go. Never: what is worked on. A 100 000 object list is thousands of short turns instead of one long stall.
 */
import type { Clock } from '../time/clock';

export interface TurnBudgetOptions {
  readonly turnObjects: number;
  readonly turnMs: number;
}

/** Lets timers and sockets have one turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export class TurnBudget {
  private objects = 0;
  private startedMs: number;

  constructor(
    private readonly clock: Clock,
    private readonly options: TurnBudgetOptions,
    private readonly yieldTurn: () => Promise<void>,
  ) {
    this.startedMs = clock.monotonicMs();
  }

  /** Counts one object. True when the turn is used up: `await rest()` before the next one. */
  spend(): boolean {
    this.objects++;
    return this.objects >= this.options.turnObjects || this.clock.monotonicMs() - this.startedMs >= this.options.turnMs;
  }

  async rest(): Promise<void> {
    await this.yieldTurn();
    this.begin();
  }

  /** Work starts again after a wait for something else. */
  begin(): void {
    this.objects = 0;
    this.startedMs = this.clock.monotonicMs();
  }
}
