/**
 * What an answer to a start or unpause call means.
 *
 * Owns: the classification by HTTP status, never by wording. Never: retries, waits or decides.
 */
import { isOperatorError } from '../framework';

/** How long one start or unpause call may take, in milliseconds. */
export const CALL_TIMEOUT_MS = 10_000;
/** Longest Retry-After that is honoured, in milliseconds: a person waits in front of a screen. */
const MAX_RETRY_AFTER_MS = 5_000;
/** Longest piece of a server's message that is passed on, in characters. */
const MAX_MESSAGE_LENGTH = 256;

export type CallOutcome =
  | { readonly kind: 'accepted' }
  /** 409: the watch is behind, or somebody else was faster. */
  | { readonly kind: 'conflict'; readonly message: string }
  /** Worth another try. `unreachable`: no answer came, or one that says nobody is there. */
  | {
      readonly kind: 'transient';
      readonly message: string;
      readonly unreachable: boolean;
      /** Capped at 5 s; absent when the server named none. */
      readonly retryAfterMs?: number;
    }
  | { readonly kind: 'missing'; readonly message: string }
  /** 401: once more with fresh credentials, which the transport renews. */
  | { readonly kind: 'unauthorized'; readonly message: string }
  | { readonly kind: 'forbidden'; readonly message: string }
  | { readonly kind: 'refused'; readonly status: number; readonly message: string };

export interface CallAnswer {
  /** HTTP status. */
  readonly status: number;
  readonly message?: string | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** Classifies an answer of the API server or of virt-api behind it. */
export function classifyAnswer({ status, message, retryAfterMs }: CallAnswer): CallOutcome {
  const text = quotable(message ?? `status ${status}`);
  if (status >= 200 && status < 300) return { kind: 'accepted' };
  if (status >= 500 || status === 429) {
    const unreachable = status === 502 || status === 503 || status === 504;
    const honoured = status === 429 || status === 503 ? retryAfterMs : undefined;
    return {
      kind: 'transient',
      message: text,
      unreachable,
      ...(honoured !== undefined && { retryAfterMs: Math.min(honoured, MAX_RETRY_AFTER_MS) }),
    };
  }
  switch (status) {
    case 409:
      return { kind: 'conflict', message: text };
    case 404:
      return { kind: 'missing', message: text };
    case 401:
      return { kind: 'unauthorized', message: text };
    case 403:
      return { kind: 'forbidden', message: text };
    default:
      return { kind: 'refused', status, message: text };
  }
}

/** Classifies what a transport throws: an `ApiError` by its status, everything else as no answer. */
export function classifyFailure(error: unknown): CallOutcome {
  if (isOperatorError(error) && 'status' in error && typeof error.status === 'number') {
    const retryAfterMs = 'retryAfterMs' in error && typeof error.retryAfterMs === 'number' ? error.retryAfterMs : undefined;
    return classifyAnswer({ status: error.status, message: error.message, retryAfterMs });
  }
  const message = error instanceof Error ? error.message : String(error);
  return { kind: 'transient', message: quotable(message), unreachable: true };
}

/** A foreign text made safe for answers, Events and logs: control characters escaped, at most 256 characters. */
export function quotable(text: string): string {
  const escaped = text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return escaped.length <= MAX_MESSAGE_LENGTH ? escaped : `${escaped.slice(0, MAX_MESSAGE_LENGTH - 1)}…`;
}
