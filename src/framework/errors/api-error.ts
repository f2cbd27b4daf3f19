/**
 * Answers of the API server that are errors, and calls that got no answer.
 *
 * Owns: the mapping from HTTP status and Status reason to one class a situation. Never: decides whether to retry inside a call.
 */
import { OperatorError } from './operator-error';

export interface ApiErrorFields {
  /** HTTP status, 300 or more: redirects are not followed, so they are errors too. */
  status: number;
  /** `reason` of the Status object, for example `AlreadyExists`; empty when the body was none. */
  reason: string;
  message: string;
  /** `details` of the Status object as sent; left out for kinds that hold secrets. */
  details?: unknown;
  /** HTTP method and path without query, never a body. */
  method: string;
  path: string;
  /** What the call was, as the server's authorizer names it: `patch`, `virtualmachines.kubevirt.io/start`, `ns/name`. */
  verb?: string | undefined;
  kind?: string | undefined;
  key?: string | undefined;
  /** From Retry-After, in milliseconds. */
  retryAfterMs?: number | undefined;
  /** The server's Audit-Id, which finds the call in its audit log. */
  requestId?: string | undefined;
}

export class ApiError extends OperatorError {
  readonly status: number;
  readonly statusReason: string;
  readonly details: unknown;
  readonly verb: string | undefined;
  readonly kind: string | undefined;
  readonly key: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly requestId: string | undefined;

  constructor(fields: ApiErrorFields, code = 'API') {
    const status = fields.reason === '' ? `${fields.status}` : `${fields.status} ${fields.reason}`;
    super(code, `${fields.method} ${fields.path}: ${status}: ${fields.message}`);
    this.status = fields.status;
    this.statusReason = fields.reason;
    this.details = fields.details;
    this.verb = fields.verb;
    this.kind = fields.kind;
    this.key = fields.key;
    this.retryAfterMs = fields.retryAfterMs;
    this.requestId = fields.requestId;
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

/** One field that server-side apply would have taken from another owner. */
export interface FieldConflict {
  /** Field manager that owns it. */
  readonly manager: string;
  /** Path as the server writes it, for example `.spec.replicas`. */
  readonly field: string;
}

/** Server-side apply without force met fields of other owners. Trying again does not help; forcing, or not asking for them, does. */
export class ApplyConflictError extends ApiError {
  constructor(
    fields: ApiErrorFields,
    readonly conflicts: readonly FieldConflict[],
  ) {
    super(fields, 'APPLY_CONFLICT');
  }
}

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

/**
 * The class for an answer: by status, except that 409 splits into AlreadyExists, apply conflicts and Conflict, and that an apply
 * which met another UID is a conflict too: the server calls it invalid, but the object moved and the request was right.
 */
export function apiErrorOf(fields: ApiErrorFields): ApiError {
  if (fields.status === 422 && causesOf(fields.details).some(({ field }) => field === 'metadata.uid')) return new ConflictError(fields);
  if (fields.status === 409 && fields.reason === 'AlreadyExists') return new AlreadyExistsError(fields);
  const conflicts = fields.status === 409 ? fieldConflictsOf(fields.details) : [];
  if (conflicts.length > 0) return new ApplyConflictError(fields, conflicts);
  const Class = BY_STATUS[fields.status] ?? ApiError;
  return new Class(fields);
}

/** Reads the causes of a refused apply: `conflict with "kubectl" using apps/v1` at `.spec.replicas`. */
function fieldConflictsOf(details: unknown): readonly FieldConflict[] {
  return causesOf(details)
    .filter(({ reason }) => reason === 'FieldManagerConflict')
    .map(({ message, field }) => ({
      manager: /^conflict with "([^"]*)"/.exec(String(message))?.[1] ?? String(message),
      field: String(field),
    }));
}

function causesOf(details: unknown): readonly { reason?: unknown; message?: unknown; field?: unknown }[] {
  const { causes } = (details ?? {}) as { causes?: unknown };
  return Array.isArray(causes) ? causes.filter((cause) => typeof cause === 'object' && cause !== null) : [];
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
