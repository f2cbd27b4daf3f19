/**
 * What a refused or failed call means: status, words, and when to try again.
 *
 * Owns: reading the answers of the API server, which says by message what it does not say by code. Never: waits. Pure.
 * @source messages: k8s.io/apiserver/pkg/admission/plugin/webhook/errors/statuserror.go, sigs.k8s.io/structured-merge-diff/typed
 */
import { ApiError, isOperatorError } from '../../framework';
import type { BaselineStatus } from './outcome';

const MESSAGE_CHARS = 512;
const MINUTE_MS = 60_000;

export interface Failure {
  readonly status: BaselineStatus;
  readonly message: string;
  /** `backoff` = 1 s, doubling up to `maxMs`; `wait` = after `maxMs`; `none` = when something changes. */
  readonly retry: 'backoff' | 'wait' | 'none';
  readonly maxMs: number;
  /** At least this long, because the server said so. */
  readonly retryAfterMs: number;
}

/** @param call what was tried: of a write after a good dry-run nothing but its failing is known to be wrong. */
export function failureOf(error: unknown, call: 'read' | 'dry-run' | 'create' | 'apply'): Failure {
  const message = messageOf(error);
  const of = (status: BaselineStatus, retry: Failure['retry'], maxMs: number): Failure => ({
    ...{ status, message, retry, maxMs },
    retryAfterMs: retryAfterOf(error),
  });
  const transient = of('Transient', 'backoff', 5 * MINUTE_MS);
  if (!(error instanceof ApiError)) return transient;
  const webhook = /admission webhook "([^"]+)" (denied|does not support dry run)/.exec(message);
  if (webhook?.[2] === 'does not support dry run') return of('DryRunUnsupported', 'backoff', 10 * MINUTE_MS);
  if (isMissingNamespace(error)) return of('NamespaceMissing', 'none', 0);
  // Somebody deleted the object between our calls.
  if (error.status === 404 && error.statusReason === 'NotFound' && isNamed(error.details)) return transient;
  if (error.status === 404) return { ...of('CRDMissing', 'backoff', MINUTE_MS), message: 'its kind is not served any more' };
  if (error.status === 403 && /\bcannot [a-z]+ resource\b/.test(message))
    return { ...of('Forbidden', 'wait', 5 * MINUTE_MS), message: rightText(error) };
  if (isSchemaError(error, message)) return of('SchemaMismatch', 'none', 0);
  if (isPassing(error)) return transient;
  if (call === 'apply') return of('ApplyFailed', 'backoff', 5 * MINUTE_MS);
  const isAdmission =
    webhook !== null || error.status === 403 || /ValidatingAdmissionPolicy|denied the request|denied request/.test(message);
  return isAdmission ? of('Rejected', 'backoff', 5 * MINUTE_MS) : of('SchemaMismatch', 'none', 0);
}

function isNamed(details: unknown): boolean {
  const { name } = (details ?? {}) as { name?: unknown };
  return typeof name === 'string' && name !== '';
}

/** A namespace that does not exist, or that is on its way out. */
function isMissingNamespace({ status, details, statusReason, message }: ApiError): boolean {
  const { kind, causes } = (details ?? {}) as { kind?: unknown; causes?: unknown };
  if (status === 404) return kind === 'namespaces' || /namespaces "[^"]*" not found/.test(message);
  const reasons = Array.isArray(causes) ? (causes as { reason?: unknown }[]).map(({ reason }) => reason) : [];
  return statusReason === 'Forbidden' && (reasons.includes('NamespaceTerminating') || /because it is being terminated/.test(message));
}

/** A field that the schema does not declare is answered with 400 or 500, depending on the version of the server. */
function isSchemaError({ status, statusReason }: ApiError, message: string): boolean {
  if (
    /field not declared in schema|unknown field "|failed to create typed patch object|\.[A-Za-z].*: expected (map|list|string|numeric|boolean)/.test(
      message,
    )
  )
    return true;
  return status === 422 && statusReason === 'Invalid' && !/ValidatingAdmissionPolicy|admission webhook/.test(message);
}

function isPassing({ status }: ApiError): boolean {
  return status === 409 || status === 429 || status >= 500 || status === 401 || status === 408;
}

/** Verb, group, resource and name of what is missing, as an administrator needs it to grant it. */
function rightText({ verb, kind, key, message }: ApiError): string {
  const said = /cannot ([a-z]+) resource "([^"]*)" in API group "([^"]*)"/.exec(message);
  if (said !== null) {
    const [, saidVerb, resource, group] = said;
    const where = / in the namespace "([^"]*)"/.exec(message)?.[1];
    const name = / "([^"]*)" is forbidden/.exec(message)?.[1];
    return `not allowed to ${saidVerb} ${resource}${group === '' ? '' : `.${group}`}${name === undefined ? '' : ` named ${name}`}${where === undefined ? '' : ` in ${where}`}`;
  }
  return `not allowed to ${verb ?? 'use'} ${kind ?? 'the resource'}${key === undefined ? '' : ` ${key}`}`;
}

function retryAfterOf(error: unknown): number {
  const after = isOperatorError(error) ? (error as Partial<ApiError>).retryAfterMs : undefined;
  return typeof after === 'number' && Number.isFinite(after) ? after : 0;
}

export function messageOf(error: unknown): string {
  const text = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ');
  const characters = [...text];
  return characters.length <= MESSAGE_CHARS ? text : `${characters.slice(0, MESSAGE_CHARS).join('')}...`;
}

/** The pause before the next try after so many failures in a row. */
export function pauseMs({ retry, maxMs, retryAfterMs }: Failure, failures: number): number | undefined {
  if (retry === 'none') return undefined;
  const wait = retry === 'wait' ? maxMs : Math.min(maxMs, 1_000 * 2 ** Math.min(20, failures - 1));
  return Math.max(wait, retryAfterMs);
}
