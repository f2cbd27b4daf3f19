/**
 * What happens to errors that nobody caught.
 *
 * Owns: the two listeners of the process. Never: ends the process; whoever owns it does, told by `onException`.
 * A rejected promise leaves the state of the program as it was, so it is logged, counted and survived. An exception out of a callback
 * does not: what it interrupted is half done, so the process has to end.
 */
import type { Logger } from '../logging/logger';

export interface ProcessErrorOptions {
  readonly log: Logger;
  readonly onRejection: () => void;
  readonly onException: (error: unknown) => void;
}

/** The part of `process` that is needed. */
export interface ErrorEmitter {
  on(event: 'unhandledRejection' | 'uncaughtException', listener: (error: unknown) => void): unknown;
  off(event: 'unhandledRejection' | 'uncaughtException', listener: (error: unknown) => void): unknown;
}

/** Begins to listen. @returns ends it. */
export function listenForProcessErrors(
  { log, onRejection, onException }: ProcessErrorOptions,
  emitter: ErrorEmitter = process,
): () => void {
  const rejected = (error: unknown): void => {
    log.error('a promise was rejected and nobody waited for it', { error });
    onRejection();
  };
  const thrown = (error: unknown): void => {
    log.error('an exception was not caught, the process has to end', { error });
    onException(error);
  };
  emitter.on('unhandledRejection', rejected);
  emitter.on('uncaughtException', thrown);
  return () => {
    emitter.off('unhandledRejection', rejected);
    emitter.off('uncaughtException', thrown);
  };
}
