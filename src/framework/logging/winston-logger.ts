/**
 * The process's logger, on winston.
 *
 * Owns: levels, folding of repeats and output. Invariant: masking is the last step before a line leaves the process.
 */
import { createLogger, format, transports, type Logger as Winston } from 'winston';
import { type Clock, SystemClock } from '../time/clock';
import { microTimestampOf } from '../time/timestamp';
import { type LogFormat, type LogRecord, renderRecord } from './log-record';
import type { LogFields, Logger, LogLevel } from './logger';
import { RepeatFilter } from './repeat-filter';

export interface WinstonLoggerOptions {
  /** @default info */
  level?: LogLevel;
  /** @default json */
  format?: LogFormat;
  /** @default the standard error stream */
  stream?: NodeJS.WritableStream;
  clock?: Clock;
}

/** winston's slot for the line as it is written (triple-beam MESSAGE). */
const MESSAGE = Symbol.for('message');

/** What makes two warnings the same: the sentence and the object it is about. */
const IDENTITY = ['cluster', 'kind', 'namespace', 'name', 'key', 'controller'] as const;

interface Output {
  readonly winston: Winston;
  readonly repeats: RepeatFilter<Omit<LogRecord, 'repeated'>>;
  readonly clock: Clock;
}

export class WinstonLogger implements Logger {
  private constructor(
    private readonly output: Output,
    private readonly fields: LogFields,
  ) {}

  static create(options: WinstonLoggerOptions = {}): WinstonLogger {
    const { level = 'info', format: lineFormat = 'json', stream = process.stderr, clock = new SystemClock() } = options;
    const render = format((info) => {
      info[MESSAGE] = renderRecord(info['record'] as LogRecord, lineFormat);
      return info;
    });
    const winston = createLogger({
      level,
      levels: { error: 0, warn: 1, info: 2, debug: 3 },
      format: render(),
      transports: [new transports.Stream({ stream })],
      exitOnError: false,
    });
    return new WinstonLogger({ winston, repeats: new RepeatFilter(clock), clock }, {});
  }

  error(message: string, fields?: LogFields): void {
    this.fold('error', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.fold('warn', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.write({ ...this.record('info', message, fields), repeated: 0 });
  }

  debug(message: string, fields?: LogFields): void {
    if (this.output.winston.isLevelEnabled('debug')) this.write({ ...this.record('debug', message, fields), repeated: 0 });
  }

  child(fields: LogFields): Logger {
    return new WinstonLogger(this.output, { ...this.fields, ...fields });
  }

  /** Changes the level of this logger and all its children. */
  setLevel(level: LogLevel): void {
    this.output.winston.level = level;
  }

  /** Writes what was held back; resolves when every line has been handed to the stream. The logger stays usable. */
  async flush(): Promise<void> {
    for (const { line, repeated } of this.output.repeats.drain()) this.write({ ...line, repeated });
    const { winston } = this.output;
    if (winston.writableLength > 0) await new Promise<void>((resolve) => winston.once('drain', resolve));
  }

  private fold(level: 'error' | 'warn', message: string, fields: LogFields | undefined): void {
    const record = this.record(level, message, fields);
    const key = [level, message, ...IDENTITY.map((name) => String(record.fields[name] ?? ''))].join('\u0000');
    for (const { line, repeated } of this.output.repeats.pass(key, record)) this.write({ ...line, repeated });
  }

  private record(level: LogLevel, msg: string, fields: LogFields | undefined): Omit<LogRecord, 'repeated'> {
    const time = `${microTimestampOf(this.output.clock.now()).slice(0, 23)}Z`;
    return { time, level, msg, fields: { ...this.fields, ...fields } };
  }

  private write(record: LogRecord): void {
    this.output.winston.log({ level: record.level, message: '', record });
  }
}
