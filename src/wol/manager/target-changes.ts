/**
 * Waits for a change of one wake target, or for time to pass.
 *
 * Invariant: a change between `look` and `wait` is not missed: `wait` then returns at once.
 */
import type { Clock } from '../../framework';
import type { WakeMap } from './wake-map';

export class TargetChanges {
  private changed = false;
  private wakeUp: (() => void) | undefined;
  private readonly unwatch: () => void;

  constructor(
    map: Pick<WakeMap, 'watchTarget'>,
    key: string,
    private readonly clock: Clock,
    private readonly signal: AbortSignal,
  ) {
    this.unwatch = map.watchTarget(key, () => {
      this.changed = true;
      this.wakeUp?.();
    });
  }

  /** Marks the present state as seen. */
  look(): void {
    this.changed = false;
  }

  /** Resolves at the next change since `look`, at `untilMs` (monotonic), or when the signal aborts. */
  wait(untilMs: number): Promise<void> {
    const delayMs = untilMs - this.clock.monotonicMs();
    if (this.changed || this.signal.aborted || delayMs <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel();
        this.signal.removeEventListener('abort', end);
        this.wakeUp = undefined;
        resolve();
      };
      const timer = this.clock.setTimer(delayMs, end);
      this.signal.addEventListener('abort', end, { once: true });
      this.wakeUp = end;
    });
  }

  close(): void {
    this.unwatch();
  }
}
