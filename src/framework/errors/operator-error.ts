/**
 * Base of all errors of the framework.
 *
 * Matched by `isOperatorError(e, code)`, a brand instead of `instanceof`, so that two copies of the package do not break the match.
 */
const BRAND = Symbol.for('virt-steward.operator-error');

export interface OperatorErrorOptions {
  /** CamelCase cause for conditions and events, for example `PortInUse`. */
  reason?: string | undefined;
  cause?: unknown;
}

export class OperatorError extends Error {
  readonly [BRAND] = true;
  /** CamelCase, stable: scripts match it. */
  readonly reason: string | undefined;

  constructor(
    readonly code: string,
    message: string,
    { reason, cause }: OperatorErrorOptions = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.reason = reason;
  }
}

/** Never throws: what cannot be read, a proxy that was revoked for one, is none of ours. */
export function isOperatorError(error: unknown, code?: string): error is OperatorError {
  try {
    if (typeof error !== 'object' || error === null || !(BRAND in error)) return false;
    return code === undefined || (error as OperatorError).code === code;
  } catch {
    return false;
  }
}
