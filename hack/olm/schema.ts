/**
 * Checks an object against the schema of its CRD, as far as that needs no API server. Pure.
 *
 * Owns: types, unknown and missing fields, enumerations, patterns and limits. Never: evaluates CEL rules or formats.
 */
import type { Bundle } from './bundle';
import { at, type Json, listOf, mapOf, textOf } from './values';

/** `undefined` when no CRD of the bundle has this version and kind. */
export function schemaOf({ crds }: Bundle, { apiVersion, kind }: Json): Json | undefined {
  for (const { object } of crds) {
    if (at(object, 'spec', 'names', 'kind') !== kind) continue;
    const group = textOf(at(object, 'spec', 'group'));
    const version = listOf(at(object, 'spec', 'versions')).find((one) => `${group}/${textOf(at(one, 'name'))}` === apiVersion);
    if (version !== undefined) return mapOf(at(version, 'schema', 'openAPIV3Schema'));
  }
  return undefined;
}

/** One text a mistake. */
export function schemaProblems(object: Json, schema: Json): string[] {
  // The API server has a schema of its own for metadata.
  const { metadata: _, ...rest } = object;
  const { metadata: __, ...properties } = mapOf(schema['properties']);
  return [...valueProblems('', rest, { ...schema, properties })];
}

function* valueProblems(path: string, value: unknown, schema: Json): Iterable<string> {
  if (value === null && schema['nullable'] === true) return;
  const type = typeOf(value);
  const wanted = textOf(schema['type']);
  if (schema['x-kubernetes-int-or-string'] === true) {
    if (type !== 'integer' && type !== 'string') yield `${path} is ${type}; allowed: a number or a text`;
    return;
  }
  if (wanted !== '' && type !== wanted && !(wanted === 'number' && type === 'integer'))
    return yield `${path} is ${type}; allowed: ${wanted}`;
  const values = schema['enum'];
  if (Array.isArray(values) && !values.includes(value)) yield `${path} is ${JSON.stringify(value)}; allowed: ${values.join(', ')}`;
  if (type === 'object') yield* objectProblems(path, mapOf(value), schema);
  else if (type === 'array') yield* listProblems(path, listOf(value), schema);
  else yield* limitProblems(path, value, schema);
}

function* objectProblems(path: string, value: Json, schema: Json): Iterable<string> {
  const properties = mapOf(schema['properties']);
  const others = schema['additionalProperties'];
  const takesAny =
    schema['x-kubernetes-preserve-unknown-fields'] === true ||
    others === true ||
    (others === undefined && schema['properties'] === undefined);
  for (const key of listOf(schema['required']).map(textOf)) if (!(key in value)) yield `${inside(path, key)} is missing`;
  for (const [key, child] of Object.entries(value)) {
    if (key in properties) yield* valueProblems(inside(path, key), child, mapOf(properties[key]));
    else if (typeof others === 'object') yield* valueProblems(inside(path, key), child, mapOf(others));
    else if (!takesAny) yield `${inside(path, key)} is no field of it`;
  }
}

function* listProblems(path: string, value: readonly unknown[], schema: Json): Iterable<string> {
  if (isAbove(value.length, schema['maxItems'])) yield `${path} has ${value.length} items; allowed: ${String(schema['maxItems'])}`;
  if (isBelow(value.length, schema['minItems'])) yield `${path} has ${value.length} items; needed: ${String(schema['minItems'])}`;
  for (const [index, item] of value.entries()) yield* valueProblems(`${path}[${index}]`, item, mapOf(schema['items']));
}

function* limitProblems(path: string, value: unknown, schema: Json): Iterable<string> {
  if (typeof value === 'number') {
    if (isAbove(value, schema['maximum']) || isBelow(value, schema['minimum']))
      yield `${path} is ${value}; allowed: ${String(schema['minimum'])} to ${String(schema['maximum'])}`;
  }
  if (typeof value !== 'string') return;
  if (isAbove(value.length, schema['maxLength']) || isBelow(value.length, schema['minLength']))
    yield `${path} has ${value.length} characters`;
  const pattern = textOf(schema['pattern']);
  if (pattern !== '' && !new RegExp(pattern).test(value)) yield `${path} is ${JSON.stringify(value)}; allowed: ${pattern}`;
}

const inside = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);
const isAbove = (value: number, limit: unknown): boolean => typeof limit === 'number' && value > limit;
const isBelow = (value: number, limit: unknown): boolean => typeof limit === 'number' && value < limit;

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (Number.isInteger(value)) return 'integer';
  return value === null ? 'null' : typeof value;
}
