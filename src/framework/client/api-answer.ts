/**
 * Reads what an API server answered.
 *
 * Owns: bodies, Status objects and Retry-After as values and errors, pure. Never: lets the content of a secret kind into an error.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { type ApiError, apiErrorOf } from '../errors/api-error';
import { maskMessage } from '../logging/mask';
import { requestInfo, requestKey, resourceId } from './request-info';
import type { ApiRequest } from './transport';

/** An error page of a proxy may be long. */
const MESSAGE_CHARS = 1_024;
/** Core kinds whose content must not show up in a message. */
const SENSITIVE_RESOURCES = new Set(['secrets']);
/** Answers that may quote the object sent. */
const QUOTING_STATUS = new Set([400, 409, 415, 422, 500]);

export type PlainHeaders = Readonly<Record<string, string | undefined>>;

export function plainHeaders(headers: IncomingHttpHeaders): PlainHeaders {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]));
}

/** JSON when the content type says so and there is a body; else the text; `undefined` when empty. @throws {SyntaxError} on broken JSON. */
export function parseBody(headers: PlainHeaders, bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  const text = bytes.toString('utf8');
  return /^application\/(?:[-\w.]+\+)?json\b/i.test(headers['content-type'] ?? '') ? (JSON.parse(text) as unknown) : text;
}

/** Seconds as Kubernetes sends it; dates are not used by API servers and are ignored. */
export function retryAfterMs(headers: PlainHeaders): number | undefined {
  const seconds = headers['retry-after'];
  return seconds !== undefined && /^\d{1,7}$/.test(seconds.trim()) ? Number(seconds) * 1_000 : undefined;
}

/** The error an answer stands for, whatever its body is. */
export function errorOfAnswer(request: ApiRequest, status: number, statusText: string, headers: PlainHeaders, bytes: Buffer): ApiError {
  const info = requestInfo(request.method, request.path, request.query);
  const { reason, message, details } = statusOf(headers, bytes);
  const isSensitive = info.group === '' && SENSITIVE_RESOURCES.has(info.resource) && QUOTING_STATUS.has(status);
  const text = isSensitive ? 'message left out, it may quote a secret' : maskMessage(message, MESSAGE_CHARS);
  return apiErrorOf({
    status,
    reason,
    message: text === '' ? statusText || 'no message' : text,
    details: isSensitive ? undefined : details,
    method: request.method,
    path: request.path,
    verb: info.verb,
    kind: resourceId(info),
    key: requestKey(info),
    retryAfterMs: retryAfterMs(headers),
    requestId: headers['audit-id'],
  });
}

/** `reason`, `message` and `details` of a Status object; a text body is the message; anything else is taken as none. */
function statusOf(headers: PlainHeaders, bytes: Buffer): { reason: string; message: string; details: unknown } {
  let body: unknown;
  try {
    body = parseBody(headers, bytes);
  } catch {
    body = bytes.toString('utf8');
  }
  if (typeof body === 'string') return { reason: '', message: body.slice(0, MESSAGE_CHARS * 4), details: undefined };
  const { reason, message, details } = (body ?? {}) as Record<string, unknown>;
  return { reason: typeof reason === 'string' ? reason : '', message: typeof message === 'string' ? message : '', details };
}
