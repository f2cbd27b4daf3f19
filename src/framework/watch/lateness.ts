/** Says once that something expected has not come in time. Owns the timer; never decides what is expected. */
import type { Clock, Timer } from '../time/clock';

export class Lateness {
  private timer: Timer | undefined;
  private late = false;

  constructor(
    private readonly clock: Clock,
    private readonly afterMs: number,
    private readonly onLate: () => void,
  ) {}

  get isLate(): boolean {
    return this.late;
  }

  /** From now on it is expected. Does nothing while it already is. */
  begin(): void {
    if (this.late || this.timer !== undefined) return;
    this.timer = this.clock.setTimer(this.afterMs, () => {
      this.late = true;
      this.onLate();
    });
  }

  /** It came, or is not expected any more. */
  end(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.late = false;
  }
}
