/**
 * What the framework and its users need of a logger.
 *
 * `message` is a constant sentence; what varies goes into `fields`. The implementation masks secrets as its last step.
 */
export type LogFields = Record<string, unknown>;
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

export interface Logger {
  /** Someone must act. */
  error(message: string, fields?: LogFields): void;
  /** Degraded, heals by itself. */
  warn(message: string, fields?: LogFields): void;
  /** A state change; never once per pass. */
  info(message: string, fields?: LogFields): void;
  /** Passes and requests. */
  debug(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every line. */
  child(fields: LogFields): Logger;
  /** Resolves when everything said so far has been written, what was held back included. The last step of a shutdown. */
  flush?(): Promise<void>;
}

/** Swallows everything. */
export const nullLogger: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => nullLogger,
};
