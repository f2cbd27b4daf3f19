/**
 * Error answers as kube-apiserver sends them.
 *
 * Owns: text, reason, code and details of every Status the fake answers. Never: decides when one is due.
 * Wording follows k8s.io/apimachinery pkg/api/errors, because clients and people match on it.
 */
import type { JsonObject } from './json';

export interface StatusCause {
  reason: string;
  message: string;
  field: string;
}

/** A field error of a 422 answer. */
export interface FieldError {
  /** Cause type, for example `FieldValueInvalid`. */
  reason: string;
  field: string;
  /** The text after `<field>: `. */
  message: string;
}

/** What an error is about: a resource (lower-case plural) or a kind, with its group. */
export interface GroupName {
  group: string;
  name: string;
}

/** Thrown by the handlers of the fake; becomes the response. */
export class StatusError extends Error {
  constructor(
    readonly code: number,
    readonly reason: string,
    message: string,
    readonly details?: JsonObject,
    /** Further members of `metadata`, for example a new continue token. */
    readonly metadata: JsonObject = {},
  ) {
    super(message);
  }

  toBody(): JsonObject {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.metadata,
      status: 'Failure',
      message: this.message,
      ...(this.reason === '' ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    };
  }
}

const qualified = ({ group, name }: GroupName): string => (group === '' ? name : `${name}.${group}`);

function detailsOf({ group, name: kind }: GroupName, name: string, more: JsonObject = {}): JsonObject {
  return { ...(name === '' ? {} : { name }), ...(group === '' ? {} : { group }), ...(kind === '' ? {} : { kind }), ...more };
}

export function notFound(resource: GroupName, name: string): StatusError {
  return new StatusError(404, 'NotFound', `${qualified(resource)} "${name}" not found`, detailsOf(resource, name));
}

export function alreadyExists(resource: GroupName, name: string): StatusError {
  return new StatusError(409, 'AlreadyExists', `${qualified(resource)} "${name}" already exists`, detailsOf(resource, name));
}

export function conflict(resource: GroupName, name: string, why: string): StatusError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`;
  return new StatusError(409, 'Conflict', message, detailsOf(resource, name));
}

/** The object was changed since the version the client sent. */
export function staleVersion(resource: GroupName, name: string): StatusError {
  return conflict(resource, name, 'the object has been modified; please apply your changes to the latest version and try again');
}

export function applyConflict(message: string, causes: readonly StatusCause[]): StatusError {
  return new StatusError(409, 'Conflict', message, { causes });
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message);
}

export function forbidden(resource: GroupName, name: string, why: string): StatusError {
  const subject = name === '' ? `${qualified(resource)} is forbidden` : `${qualified(resource)} "${name}" is forbidden`;
  return new StatusError(403, 'Forbidden', `${subject}: ${why}`, detailsOf(resource, name));
}

export function unauthorized(): StatusError {
  return new StatusError(401, 'Unauthorized', 'Unauthorized');
}

export function methodNotAllowed(): StatusError {
  return new StatusError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
}

/** A path below a served built-in group version that leads nowhere. */
export function routeNotFound(): StatusError {
  return new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function invalid(kind: GroupName, name: string, errors: readonly FieldError[]): StatusError {
  const causes = errors.map(({ reason, message, field }) => ({ reason, message, field }));
  const texts = [...new Set(errors.map(({ field, message }) => `${field}: ${message}`))];
  const text = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  return new StatusError(422, 'Invalid', `${qualified(kind)} "${name}" is invalid: ${text}`, detailsOf(kind, name, { causes }));
}

/** The wanted version is older than what the server remembers. */
export function expired(message: string, metadata: JsonObject = {}): StatusError {
  return new StatusError(410, 'Expired', message, undefined, metadata);
}

export function tooLargeVersion(wanted: number, current: number): StatusError {
  return new StatusError(504, 'Timeout', `Too large resource version: ${wanted}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

/** Go's `%q` for the strings that occur in messages. */
export function quoted(value: string): string {
  return JSON.stringify(value);
}

export const invalidValue = (field: string, value: unknown, message: string): FieldError => ({
  reason: 'FieldValueInvalid',
  field,
  message: `Invalid value: ${typeof value === 'string' ? quoted(value) : JSON.stringify(value)}: ${message}`,
});

export const requiredValue = (field: string, detail = ''): FieldError => ({
  reason: 'FieldValueRequired',
  field,
  message: detail === '' ? 'Required value' : `Required value: ${detail}`,
});

export const forbiddenValue = (field: string, detail: string): FieldError => ({
  reason: 'FieldValueForbidden',
  field,
  message: `Forbidden: ${detail}`,
});
