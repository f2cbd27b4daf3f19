/**
 * What a failed run means: when to try again, and what to tell people.
 *
 * Owns: the retry rule and the reporting rule, both pure. Never: writes or waits.
 */
import { isConditionReason } from '../client';
import type { ApiError } from '../errors/api-error';
import type { TemporaryError } from '../errors/handler-errors';
import { isOperatorError } from '../errors/operator-error';
import type { ClusterUnavailableError } from '../errors/refusal-errors';
import { maskMessage } from '../logging/mask';
import { backoffMs, type CompiledRetryOptions } from '../queue/backoff';

/** Conflicts that reach the queue are other people's writes, not our failure; this many in a row are taken for that. */
const FREE_CONFLICTS = 5;
/** A passing error is news only when it does not pass. */
const TEMPORARY_REPORTED_FROM = 3;
/** Conditions and Events show a message on one line. */
const MESSAGE_CHARS = 512;
/** A cause has a cause; a chain longer than this is a mistake. */
const MAX_CAUSES = 16;

/**
 * Shortest time between a run and the next one that it asked for or that repeats it, in milliseconds: a handler that asks for none
 * would otherwise keep a core busy and the API server with it.
 */
export const SHORTEST_DELAY_MS = 100;

/** A cluster that does not answer is asked for again this much later, if it has not been heard of before. */
export const PARKED_MS = 60_000;

/** The cluster that does not answer, when that is what the error says. */
export function unavailableCluster(error: unknown): string | undefined {
  return isOperatorError(error, 'CLUSTER_UNAVAILABLE') ? (error as ClusterUnavailableError).cluster : undefined;
}

export interface FailureHistory {
  failures: number;
  conflicts: number;
}

export type RetryDecision =
  | { readonly kind: 'retry'; readonly delayMs: number; readonly history: FailureHistory }
  | { readonly kind: 'give-up'; readonly history: FailureHistory };

/** @param history failures and conflicts in a row before this one. */
export function decideRetry(error: unknown, retry: CompiledRetryOptions, history: FailureHistory, random: () => number): RetryDecision {
  if (isPermanent(error)) return { kind: 'give-up', history: { failures: 0, conflicts: 0 } };
  const isConflict = isOperatorError(error, 'CONFLICT');
  if (isConflict && history.conflicts < FREE_CONFLICTS) {
    const conflicts = history.conflicts + 1;
    return { kind: 'retry', delayMs: 100 + 900 * random(), history: { failures: history.failures, conflicts } };
  }
  const next = { failures: history.failures + 1, conflicts: isConflict ? history.conflicts : 0 };
  if (next.failures >= retry.maxAttempts) return { kind: 'give-up', history: next };
  const delayMs = Math.max(SHORTEST_DELAY_MS, delayOf(error, retry, next.failures, random));
  return { kind: 'retry', delayMs, history: next };
}

function delayOf(error: unknown, retry: CompiledRetryOptions, failures: number, random: () => number): number {
  const backoff = backoffMs(retry, failures, random);
  if (isOperatorError(error, 'TEMPORARY')) {
    const { delayMs } = error as TemporaryError;
    return isDelay(delayMs) ? delayMs * (1 + 0.1 * random()) : backoff;
  }
  return Math.max(backoff, retryAfterMs(error));
}

/** @returns what stands in `delayMs` of the error and is no finite number, as text, so that it does not count. */
export function unusableDelay(error: unknown): string | undefined {
  if (!isOperatorError(error, 'TEMPORARY')) return undefined;
  const { delayMs } = error as TemporaryError;
  if (delayMs === undefined || isDelay(delayMs)) return undefined;
  return typeof delayMs === 'number' || typeof delayMs === 'string' ? String(delayMs) : `a value of type ${typeof delayMs}`;
}

function isDelay(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** How long the server wants to be left alone, in milliseconds; 0 when it does not say. */
export function retryAfterMs(error: unknown): number {
  const { retryAfterMs: wanted } = isOperatorError(error) ? (error as Partial<ApiError>) : {};
  return isDelay(wanted) ? wanted : 0;
}

/** Wrong input: trying again changes nothing before the object does. */
export function isPermanent(error: unknown): boolean {
  return isOperatorError(error, 'PERMANENT') || isOperatorError(error, 'INVALID') || isOperatorError(error, 'NOT_OURS');
}

/** Expected and passing, or at least not ours: reported only when it stays. */
export function isTemporary(error: unknown): boolean {
  return ['TEMPORARY', 'TRANSPORT', 'UNAVAILABLE', 'TOO_MANY_REQUESTS', 'CONFLICT'].some((code) => isOperatorError(error, code));
}

export function isWorthReporting(error: unknown, history: FailureHistory): boolean {
  return !isTemporary(error) || history.failures >= TEMPORARY_REPORTED_FROM;
}

/** CamelCase reason for the condition and the Event; one that no condition can hold does not count. */
export function failureReason(error: unknown): string {
  const reason = ownReason(error);
  if (reason !== undefined) return isConditionReason(reason) ? reason : 'ReconcileError';
  return isPermanent(error) ? 'InvalidConfiguration' : 'ReconcileError';
}

/** @returns the reason that the error names and no condition can hold, as text. */
export function unusableReason(error: unknown): string | undefined {
  const reason = ownReason(error);
  if (reason === undefined || isConditionReason(reason)) return undefined;
  return typeof reason === 'string' ? reason : `a value of type ${typeof reason}`;
}

function ownReason(error: unknown): unknown {
  try {
    return isOperatorError(error) ? error.reason : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The message on one line, with what lies at the bottom of the error when that adds something, as in
 * `fetch failed: connect ECONNREFUSED 10.0.0.1:443`. Masked before it is cut, between characters, so that no half of a secret is left.
 * Anything can be thrown, and not everything can be read.
 */
export function failureMessage(error: unknown): string {
  const line = maskMessage(readableText(error).replace(/\s+/g, ' '), MESSAGE_CHARS * 2);
  return line.length <= MESSAGE_CHARS ? line : [...line].slice(0, MESSAGE_CHARS).join('');
}

function readableText(error: unknown): string {
  try {
    const [own, cause] = [textOf(error) ?? fallbackText(error), causeText(error)];
    return cause === undefined || own.includes(cause) ? own : `${own}: ${cause}`;
  } catch {
    return 'something that cannot be read was thrown';
  }
}

/** What the innermost cause says; `undefined` when there is none, or none with words. */
function causeText(error: unknown): string | undefined {
  let text: string | undefined;
  const seen = new Set([error]);
  for (let cause = causeOf(error); cause !== undefined && !seen.has(cause) && seen.size <= MAX_CAUSES; cause = causeOf(cause)) {
    seen.add(cause);
    text = textOf(cause) ?? text;
  }
  return text;
}

/** What an error was made of: its cause, or the first of the errors it stands for, as when every address of a host was tried. */
function causeOf(error: unknown): unknown {
  if (typeof error !== 'object' || error === null) return undefined;
  const { cause, errors } = error as { cause?: unknown; errors?: unknown };
  return cause ?? (Array.isArray(errors) ? errors[0] : undefined) ?? undefined;
}

/** The words of an error, or of a text that was thrown. */
function textOf(thrown: unknown): string | undefined {
  if (typeof thrown === 'string') return thrown.trim() === '' ? undefined : thrown;
  if (typeof thrown !== 'object' || thrown === null) return undefined;
  const { message } = thrown as { message?: unknown };
  return typeof message === 'string' && message.trim() !== '' ? message : undefined;
}

/** Anything can be thrown, and not everything can be turned into text. */
function fallbackText(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) return `${String(thrown)} was thrown`;
  const { name } = thrown as { name?: unknown };
  return typeof name === 'string' && name !== '' ? name : 'an object that is no error was thrown';
}
