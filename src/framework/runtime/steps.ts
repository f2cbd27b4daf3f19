/** Tells of a sequence, such as a start, by one log line a step with its time. */
import type { LogFields, Logger } from '../logging/logger';
import type { Clock } from '../time/clock';

export class Steps {
  private readonly beganMs: number;
  private lastMs: number;

  /** @param sentence of every line, for example `start-up step done`. */
  constructor(
    private readonly sentence: string,
    private readonly log: Logger,
    private readonly clock: Clock,
  ) {
    this.beganMs = clock.monotonicMs();
    this.lastMs = this.beganMs;
  }

  /** Says that a step is done, how long it took and how long everything has taken so far, in whole milliseconds. */
  done(step: string, fields: LogFields = {}): void {
    const nowMs = this.clock.monotonicMs();
    const [tookMs, totalMs] = [Math.round(nowMs - this.lastMs), Math.round(nowMs - this.beganMs)];
    this.lastMs = nowMs;
    this.log.info(this.sentence, { step, tookMs, totalMs, ...fields });
  }
}
