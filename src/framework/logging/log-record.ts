/**
 * One log line: what it holds and how it is printed.
 *
 * Owns: field names, order and the two formats. Invariant: every value has been masked before it is rendered.
 */
import { isOperatorError } from '../errors/operator-error';
import type { LogFields, LogLevel } from './logger';
import { isSecretName, maskText, maskValue, UNREADABLE } from './mask';

export type LogFormat = 'json' | 'text';

export interface LogRecord {
  /** ISO 8601 with milliseconds. */
  readonly time: string;
  readonly level: LogLevel;
  readonly msg: string;
  readonly fields: LogFields;
  readonly repeated: number;
}

/** Fields that belong to the line itself and cannot be replaced by a caller. */
const RESERVED = new Set(['time', 'level', 'msg', 'repeated']);
/** A cause has a cause; further ones are not printed. */
const MAX_CAUSES = 4;
const MAX_STACK_CHARS = 2_048;

/** Renders a record with everything masked; the result is one line without its line end. */
export function renderRecord(record: LogRecord, format: LogFormat): string {
  const fields = maskedFields(record.fields);
  const repeated = record.repeated > 0 ? { repeated: record.repeated } : {};
  if (format === 'json') {
    return JSON.stringify({ time: record.time, level: record.level, msg: maskText(record.msg), ...fields, ...repeated });
  }
  const pairs = Object.entries({ ...fields, ...repeated }).map(([name, value]) => `${name}=${textOf(value)}`);
  return [record.time, record.level.toUpperCase().padEnd(5), maskText(record.msg), ...pairs].join(' ');
}

function maskedFields(fields: LogFields): Record<string, unknown> {
  const masked: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const key = RESERVED.has(name) ? `_${name}` : maskText(name, 256);
    masked[key] = maskedField(value, name);
  }
  return masked;
}

function maskedField(value: unknown, name: string): unknown {
  try {
    return value instanceof Error && !isSecretName(name) ? errorFields(value) : maskValue(value, name);
  } catch {
    return UNREADABLE;
  }
}

/** Type, code, message and causes; a stack only where nobody expected the error. */
function errorFields(error: Error, depth = 0): Record<string, unknown> {
  const { code } = error as { code?: unknown };
  const fields: Record<string, unknown> = { type: error.name };
  if (typeof code === 'string') fields['code'] = maskText(code, 128);
  fields['message'] = maskText(error.message);
  if (depth === 0 && !isOperatorError(error) && error.stack !== undefined) fields['stack'] = maskText(error.stack, MAX_STACK_CHARS);
  if (error.cause !== undefined && depth < MAX_CAUSES) {
    fields['cause'] = error.cause instanceof Error ? errorFields(error.cause, depth + 1) : maskValue(error.cause);
  }
  return fields;
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value) ?? String(value);
}
