/** Errors a handler throws to steer the retry rule, and errors that tell it that it called at the wrong time or place. */
import { OperatorError, type OperatorErrorOptions } from './operator-error';

export interface TemporaryErrorOptions extends OperatorErrorOptions {
  /**
   * Wait this long before the next attempt, in milliseconds (plus up to 10 %), but at least 100. What is no finite number does not
   * count, and the log says so. @default the handler's backoff
   */
  delayMs?: number;
}

/** Expected and passing: retried, logged at info, reported on the object from the third attempt in a row on. */
export class TemporaryError extends OperatorError {
  readonly delayMs: number | undefined;

  constructor(message: string, options: TemporaryErrorOptions = {}) {
    super('TEMPORARY', message, options);
    this.delayMs = options.delayMs;
  }
}

/** Wrong input: not retried until the object changes or a resync comes. */
export class PermanentError extends OperatorError {
  constructor(message: string, options: OperatorErrorOptions = {}) {
    super('PERMANENT', message, options);
  }
}

/** An object exists and is not provably ours, so it was left alone. */
export class NotOursError extends OperatorError {
  constructor(
    readonly kind: string,
    readonly key: string,
    readonly found: string,
  ) {
    super('NOT_OURS', `${kind} ${key} exists and is not ours: ${found}`, { reason: 'NotOurs' });
  }
}

/** A context was used after the run it belongs to had ended. */
export class StaleContextError extends OperatorError {
  constructor(what: string) {
    super('STALE_CONTEXT', `${what} was used after the handler had returned; a context lives as long as one run`);
  }
}

/** A store was asked for that no decorator declares. */
export class NotCachedError extends OperatorError {
  constructor(kind: string, remedy: string) {
    super('NOT_CACHED', `no informer keeps ${kind}: ${remedy}`);
  }
}
