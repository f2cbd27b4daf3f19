/**
 * Whether the API server would take what a handler stages, asked while the handler runs, so that a mistake is its failure.
 *
 * Owns: the questions. Never: writes. What is said of a value is its type or a name, because the value may be secret.
 */
import { isConditionReason } from '../client';
import type { ConditionInput } from './context';

const STATUSES: readonly unknown[] = ['True', 'False', 'Unknown'];
const MAX_SHOWN_CHARS = 64;

/** @throws {TypeError} for an Event without a reason or a text. */
export function checkEvent(handler: string, reason: unknown, note: unknown): void {
  if (typeof reason !== 'string' || reason === '') throw refused(handler, 'reason of an Event', reason, 'a word');
  if (typeof note !== 'string') throw refused(handler, `note of the Event ${reason}`, note, 'a text');
}

/** @throws {TypeError} for a condition that a status cannot hold. */
export function checkCondition(handler: string, condition: ConditionInput): void {
  const { type, status, reason, message } = (condition ?? {}) as Partial<Record<keyof ConditionInput, unknown>>;
  if (typeof type !== 'string' || type === '') throw refused(handler, 'type of a condition', type, 'a word');
  if (!STATUSES.includes(status)) throw refused(handler, `status of condition ${type}`, status, STATUSES.join(', '));
  if (!isConditionReason(reason)) throw refused(handler, `reason of condition ${type}`, reason, 'one CamelCase word');
  if (typeof message !== 'string') throw refused(handler, `message of condition ${type}`, message, 'a text');
}

/** @throws {TypeError} for a value that JSON has no form for: a bigint, a function, an object within itself. */
export function checkStatusField(handler: string, name: string, value: unknown): void {
  if (value === undefined) return;
  let why = `a value of type ${typeof value}`;
  try {
    if (JSON.stringify(value) !== undefined) return;
  } catch (error) {
    // The engine's first line says what it met, without the value.
    if (error instanceof TypeError) why = error.message.split('\n')[0]!;
  }
  throw new TypeError(`${handler}: status field ${name} cannot be written as JSON: ${why}`);
}

function refused(handler: string, what: string, found: unknown, allowed: string): TypeError {
  return new TypeError(`${handler}: ${what} is ${shown(found)}; allowed: ${allowed}`);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, MAX_SHOWN_CHARS));
  return value === undefined || value === null ? String(value) : `a value of type ${typeof value}`;
}
