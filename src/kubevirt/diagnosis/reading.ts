/**
 * What came of asking the API server for something with the rights of whoever runs the command.
 *
 * Owns: telling "there is none" from "you may not look". Never: turns a refusal into an empty list.
 */
import { isOperatorError } from '../../framework';

export type Reading<T> =
  | { readonly kind: 'read'; readonly value: T }
  /** There is none, or the API server does not know the kind. */
  | { readonly kind: 'absent' }
  /** The caller lacks a right, as a person would ask for it: `list nodes`. */
  | { readonly kind: 'denied'; readonly right: string }
  | { readonly kind: 'failed'; readonly text: string };

/** @throws what no other request would get beyond either: no answer from the API server, or credentials that it does not know. */
export async function reading<T>(right: string, read: () => Promise<T>): Promise<Reading<T>> {
  try {
    return { kind: 'read', value: await read() };
  } catch (error) {
    if (!isOperatorError(error)) throw error;
    const { code, message } = error;
    if (code === 'NOT_FOUND') return { kind: 'absent' };
    if (code === 'FORBIDDEN') return { kind: 'denied', right };
    if (code === 'UNAUTHORIZED' || code === 'TRANSPORT') throw error;
    return { kind: 'failed', text: message };
  }
}

/** The value, or `fallback` when there is none to be had. */
export function valueOr<T, F>(result: Reading<T>, fallback: F): T | F {
  return result.kind === 'read' ? result.value : fallback;
}
