/**
 * Values on their way into expressions and out of them.
 *
 * Owns: JSON to CEL and back. Invariant: null is absent on both ways, as it is in Kubernetes; no whole number loses its value.
 *
 * Maps become `Map`, since a plain object would answer for members such as `constructor` that nobody wrote.
 */
import { Optional } from '@marcbachmann/cel-js';
import { UnsignedInt } from '@marcbachmann/cel-js/evaluator';
import { isJsonMap, type Json } from '../json';
import { ExpressionError } from './expression-error';

export type CelValue = unknown;

export const MAX_RESULT_BYTES = 1024 * 1024;
export const MAX_RESULT_DEPTH = 100;

/** Values that were JSON objects and have named fields in expressions, such as `settings`. */
export abstract class FactsValue {}

const converted = new WeakMap<object, CelValue>();

/** Whole numbers become int, others double. What was converted once is not converted again. */
export function celValueOf(json: unknown): CelValue {
  if (typeof json === 'number') return Number.isSafeInteger(json) ? BigInt(json) : json;
  if (typeof json !== 'object' || json === null) return json;
  let value = converted.get(json);
  if (value === undefined) {
    value = Array.isArray(json) ? json.filter(isPresent).map(celValueOf) : celMapOf(json);
    converted.set(json, value);
  }
  return value;
}

function celMapOf(json: object): Map<string, CelValue> {
  const map = new Map<string, CelValue>();
  for (const [member, value] of Object.entries(json)) if (isPresent(value)) map.set(member, celValueOf(value));
  return map;
}

function isPresent(value: unknown): boolean {
  return value !== null && value !== undefined;
}

/** Room that is left for a result, counted while it is converted. */
interface Room {
  bytes: number;
}

/**
 * @returns `undefined` for null and `optional.none()`.
 * @throws {ExpressionError} when JSON has no such value, or when the value is too large.
 */
export function jsonOf(value: CelValue): Json | undefined {
  return converter(value, { bytes: MAX_RESULT_BYTES }, 0);
}

function converter(value: CelValue, room: Room, depth: number): Json | undefined {
  if (value === null || value === undefined) return undefined;
  if (depth > MAX_RESULT_DEPTH) throw new ExpressionError(`the result is nested more than ${MAX_RESULT_DEPTH} levels deep`);
  switch (typeof value) {
    case 'string':
      take(room, Buffer.byteLength(value) + 2);
      return value;
    case 'boolean':
      take(room, 5);
      return value;
    case 'bigint':
      return wholeNumber(value, room);
    case 'number':
      if (!Number.isFinite(value)) throw new ExpressionError(`the result is ${value}, which JSON has no number for`);
      take(room, 8);
      return value;
    default:
      return composite(value as object, room, depth);
  }
}

function wholeNumber(value: bigint, room: Room): number {
  take(room, 8);
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new ExpressionError(`the result is ${value}; allowed: whole numbers of at most 53 bits`);
  return number;
}

function composite(value: object, room: Room, depth: number): Json | undefined {
  if (value instanceof Optional) return value.hasValue() ? converter(value.value(), room, depth) : undefined;
  if (value instanceof UnsignedInt) return wholeNumber(value.valueOf(), room);
  take(room, 2);
  if (Array.isArray(value)) {
    return value.map((element) => converter(element, room, depth + 1)).filter((element) => element !== undefined);
  }
  if (value instanceof Map) return objectOf([...(value as Map<string, CelValue>)], room, depth);
  if (value instanceof FactsValue || (isJsonMap(value) && isPlain(value))) return objectOf(Object.entries(value), room, depth);
  throw new ExpressionError(`the result is a ${value.constructor.name}; allowed: what JSON has (text, numbers, lists, maps)`);
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || prototype === Object.prototype;
}

function objectOf(entries: [string, CelValue][], room: Room, depth: number): Json {
  const members: [string, Json][] = [];
  for (const [key, value] of entries) {
    const json = converter(value, room, depth + 1);
    if (json === undefined) continue;
    take(room, Buffer.byteLength(key) + 3);
    members.push([key, json]);
  }
  return Object.fromEntries(members);
}

function take(room: Room, bytes: number): void {
  room.bytes -= bytes;
  if (room.bytes < 0) throw new ExpressionError(`the result is larger than ${MAX_RESULT_BYTES} bytes`);
}
