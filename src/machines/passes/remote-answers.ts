/**
 * What an answer of a remote API server means for a Machine.
 *
 * Owns: the cause as people read it, and which answers stay until something changes. Never: retries.
 */
import { ApiError } from '../../framework';

/** Method, path and status are of no use to people. */
const CALL = /^[A-Z]+ \/\S*: \d{3}(?: [A-Za-z]+)?: /;

/** The server's own words, without the call that it answers. */
export function causeText(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(CALL, '');
}

/** The server has understood and refuses: asking again changes nothing before somebody else does. */
export function isRefusal(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status >= 400 && error.status < 500 && ![401, 408, 409, 410, 429].includes(error.status);
}
