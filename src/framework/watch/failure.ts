/**
 * What went wrong with a list or a watch, as the state machine needs to know it.
 *
 * Owns: sorting errors, Status objects and broken data into the few cases that are treated differently.
 */
import { isOperatorError } from '../errors/operator-error';
import { LineError } from './line-decoder';

/**
 * `gone`: our version or continue token has expired (410) · `decode`: what came cannot be read · `refused`: the server answered that the
 * request is wrong, a bad selector for one · `other`: nobody answered, or only with an error of the server; try again later.
 */
export type FailureKind = 'unauthorized' | 'forbidden' | 'notFound' | 'gone' | 'decode' | 'refused' | 'other';

export interface Failure {
  readonly kind: FailureKind;
  /** One line for people. */
  readonly text: string;
  readonly retryAfterMs?: number | undefined;
}

/** The answer of the server is no list or no watch event. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

/** The server ended a watch with an ERROR event. */
export class WatchStatusError extends Error {
  override readonly name = 'WatchStatusError';

  constructor(readonly failure: Failure) {
    super(failure.text);
  }
}

const KIND_BY_STATUS: Readonly<Record<number, FailureKind>> = { 401: 'unauthorized', 403: 'forbidden', 404: 'notFound', 410: 'gone' };

/** Refusals that pass with time: the server took too long to read, or has too much to do. */
const PASSING_STATUSES: readonly number[] = [408, 429];

function kindOfStatus(status: unknown): FailureKind {
  if (typeof status !== 'number') return 'other';
  const isRefusal = status >= 400 && status < 500 && !PASSING_STATUSES.includes(status);
  return KIND_BY_STATUS[status] ?? (isRefusal ? 'refused' : 'other');
}

/** Sorts anything thrown while listing or watching. */
export function failureOf(error: unknown): Failure {
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof DecodeError || error instanceof LineError) return { kind: 'decode', text };
  if (error instanceof WatchStatusError) return error.failure;
  if (!isOperatorError(error)) return { kind: 'other', text };
  const { status, retryAfterMs } = error as { status?: unknown; retryAfterMs?: unknown };
  return {
    kind: kindOfStatus(status),
    text,
    retryAfterMs: typeof retryAfterMs === 'number' ? retryAfterMs : undefined,
  };
}

/** Sorts the Status object of an ERROR event. */
export function failureOfStatus(status: unknown): Failure {
  const { code, reason, message, details } = (status ?? {}) as Record<string, unknown>;
  const expired = reason === 'Expired' || reason === 'Gone';
  const retryAfterSeconds = (details as { retryAfterSeconds?: unknown } | undefined)?.retryAfterSeconds;
  return {
    kind: expired ? 'gone' : kindOfStatus(code),
    text: `the server ended the watch: ${String(code ?? 'no code')} ${String(reason ?? '')}: ${String(message ?? '')}`,
    retryAfterMs: typeof retryAfterSeconds === 'number' ? retryAfterSeconds * 1_000 : undefined,
  };
}
