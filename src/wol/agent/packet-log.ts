/**
 * Log lines about packets, at a pace that people can read.
 *
 * Owns: the limit of lines per second. Invariant: what is left out is counted and said once the second is over.
 */
import type { Clock, LogFields, Logger, Timer } from '../../framework/basics';

const LINES_PER_SECOND = 10;
const SECOND_MS = 1_000;

export class PacketLog {
  private lines = 0;
  private leftOut = 0;
  private timer: Timer | undefined;

  constructor(
    private readonly logger: Logger,
    private readonly clock: Clock,
  ) {}

  info(message: string, fields: LogFields): void {
    this.timer ??= this.clock.setTimer(SECOND_MS, () => this.endSecond());
    if (this.lines < LINES_PER_SECOND) {
      this.lines++;
      this.logger.info(message, fields);
    } else {
      this.leftOut++;
    }
  }

  close(): void {
    if (this.timer !== undefined) this.endSecond();
  }

  private endSecond(): void {
    this.timer?.cancel();
    this.timer = undefined;
    if (this.leftOut > 0) this.logger.info('packet lines left out', { count: this.leftOut });
    this.lines = 0;
    this.leftOut = 0;
  }
}
