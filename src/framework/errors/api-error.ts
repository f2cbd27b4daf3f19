/**
 * Answers of the API server that are errors, and calls that got no answer.
 *
 * Owns: the mapping from HTTP status and Status reason to one class a situation. Never: decides whether to retry inside a call.
 */
import { OperatorError } from './operator-error';

export interface ApiErrorFields {
  /** HTTP status, 400 or more. */
  status: number;
  /** `reason` of the Status object, for example `AlreadyExists`; empty when the body was none. */
  reason: string;
  message: string;
  /** `details` of the Status object as sent. */
  details?: unknown;
  /** HTTP method and path without query, never a body. */
  method: string;
  path: string;
  /** From Retry-After, in milliseconds. */
  retryAfterMs?: number | undefined;
}

export class ApiError extends OperatorError {
  readonly status: number;
  readonly statusReason: string;
  readonly details: unknown;
  readonly retryAfterMs: number | undefined;

  constructor(fields: ApiErrorFields, code = 'API') {
    super(code, `${fields.method} ${fields.path}: ${fields.status} ${fields.reason}: ${fields.message}`);
    this.status = fields.status;
    this.statusReason = fields.reason;
    this.details = fields.details;
    this.retryAfterMs = fields.retryAfterMs;
  }
}

const named = (code: string): (new (fields: ApiErrorFields) => ApiError) =>
  class extends ApiError {
    constructor(fields: ApiErrorFields) {
      super(fields, code);
    }
  };

export class UnauthorizedError extends named('UNAUTHORIZED') {}
export class ForbiddenError extends named('FORBIDDEN') {}
export class NotFoundError extends named('NOT_FOUND') {}
export class ConflictError extends named('CONFLICT') {}
export class AlreadyExistsError extends named('ALREADY_EXISTS') {}
export class GoneError extends named('GONE') {}
export class InvalidError extends named('INVALID') {}
export class TooManyRequestsError extends named('TOO_MANY_REQUESTS') {}
export class UnavailableError extends named('UNAVAILABLE') {}

const BY_STATUS: Readonly<Record<number, new (fields: ApiErrorFields) => ApiError>> = {
  401: UnauthorizedError,
  403: ForbiddenError,
  404: NotFoundError,
  409: ConflictError,
  410: GoneError,
  422: InvalidError,
  429: TooManyRequestsError,
  502: UnavailableError,
  503: UnavailableError,
  504: UnavailableError,
};

/** The class for an answer: by status, except that 409 splits into AlreadyExists and Conflict by the Status reason. */
export function apiErrorOf(fields: ApiErrorFields): ApiError {
  if (fields.status === 409 && fields.reason === 'AlreadyExists') return new AlreadyExistsError(fields);
  const Class = BY_STATUS[fields.status] ?? ApiError;
  return new Class(fields);
}

/** No HTTP answer came. `unknown` means that a write may have happened. */
export class TransportError extends OperatorError {
  constructor(
    readonly phase: 'connect' | 'headers' | 'body',
    readonly outcome: 'not-sent' | 'unknown',
    message: string,
    cause?: unknown,
  ) {
    super('TRANSPORT', message, { cause });
  }
}
