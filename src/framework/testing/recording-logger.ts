/** A logger that keeps what it is told, for tests that look at log lines. */
import type { LogFields, Logger, LogLevel } from '../logging/logger';

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  /** Those of the call and those of every `child` above it. */
  readonly fields: LogFields;
}

export class RecordingLogger implements Logger {
  constructor(
    readonly lines: LogLine[] = [],
    private readonly bound: LogFields = {},
  ) {}

  error(message: string, fields: LogFields = {}): void {
    this.record('error', message, fields);
  }

  warn(message: string, fields: LogFields = {}): void {
    this.record('warn', message, fields);
  }

  info(message: string, fields: LogFields = {}): void {
    this.record('info', message, fields);
  }

  debug(message: string, fields: LogFields = {}): void {
    this.record('debug', message, fields);
  }

  child(fields: LogFields): Logger {
    return new RecordingLogger(this.lines, { ...this.bound, ...fields });
  }

  /** What was said at this level, without fields. */
  messages(level: LogLevel): string[] {
    return this.lines.filter((line) => line.level === level).map(({ message }) => message);
  }

  private record(level: LogLevel, message: string, fields: LogFields): void {
    this.lines.push({ level, message, fields: { ...this.bound, ...fields } });
  }
}
