/**
 * Checks an object against the structural schema of its CRD.
 *
 * Owns: which values are refused, and the words for it (those of k8s.io/kube-openapi and apiextensions-apiserver).
 * Never: CEL rules; formats other than the integer ones.
 */

import { elementOf, TypedValueError } from '../apply/typed-value';
import { canonicalJson, isObject, type JsonObject } from '../json';
import { type FieldError, invalidValue, quoted, requiredValue } from '../status-error';
import { itemOf, listMergeOf, memberOf, type Schema } from './schema';

const META = ['apiVersion', 'kind', 'metadata'];

/** All mistakes in the object, none when it is valid. */
export function validate(object: JsonObject, schema: Schema): FieldError[] {
  const errors = required(object, schema, '');
  for (const [name, value] of Object.entries(object))
    if (!META.includes(name)) errors.push(...validateValue(value, memberOf(schema, name).schema, name));
  return errors;
}

function required(value: JsonObject, schema: Schema, path: string): FieldError[] {
  const missing = (schema.required ?? []).filter((name) => value[name] === undefined);
  return missing.map((name) => requiredValue(path === '' ? name : `${path}.${name}`));
}

function jsonTypeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function fitsType(value: unknown, schema: Schema): boolean {
  const type = jsonTypeOf(value);
  if (type === 'null' && schema.nullable === true) return true;
  if (schema['x-kubernetes-int-or-string'] === true) return type === 'integer' || type === 'string';
  return schema.type === undefined || type === schema.type || (type === 'integer' && schema.type === 'number');
}

function validateValue(value: unknown, schema: Schema, path: string): FieldError[] {
  if (!fitsType(value, schema)) {
    const found = jsonTypeOf(value);
    const wanted = schema['x-kubernetes-int-or-string'] === true ? 'integer,string' : schema.type;
    const message = `Invalid value: ${quoted(found)}: ${path} in body must be of type ${wanted}: ${quoted(found)}`;
    const errors: FieldError[] = [{ reason: 'FieldValueTypeInvalid', field: path, message }];
    if (found === 'number' && schema.type === 'integer') {
      errors.push(invalidValue('<nil>', '', `Checked value must be of type integer (default format) in ${path}`));
    }
    return errors;
  }
  if (value === null) return [];
  const errors = combined(value, schema, path);
  if (schema.enum !== undefined && !schema.enum.some((allowed) => canonicalJson(allowed) === canonicalJson(value)))
    errors.push(unsupported(path, value, schema.enum));
  if (typeof value === 'number') errors.push(...range(value, schema, path));
  if (typeof value === 'string') errors.push(...text(value, schema, path));
  if (Array.isArray(value)) errors.push(...list(value, schema, path));
  if (isObject(value)) errors.push(...members(value, schema, path));
  return errors;
}

function unsupported(path: string, value: unknown, allowed: readonly unknown[]): FieldError {
  const values = allowed.map((item) => quoted(typeof item === 'string' ? item : JSON.stringify(item))).join(', ');
  return {
    reason: 'FieldValueNotSupported',
    field: path,
    message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${values}`,
  };
}

function range(value: number, schema: Schema, path: string): FieldError[] {
  const { minimum, maximum, multipleOf } = schema;
  const errors: FieldError[] = [];
  const fail = (rule: string): void => void errors.push(invalidValue(path, value, `${path} in body should be ${rule}`));
  if (maximum !== undefined && schema.exclusiveMaximum === true && value >= maximum) fail(`less than ${maximum}`);
  else if (maximum !== undefined && value > maximum) fail(`less than or equal to ${maximum}`);
  if (minimum !== undefined && schema.exclusiveMinimum === true && value <= minimum) fail(`greater than ${minimum}`);
  else if (minimum !== undefined && value < minimum) fail(`greater than or equal to ${minimum}`);
  if (multipleOf !== undefined && value % multipleOf !== 0) fail(`a multiple of ${multipleOf}`);
  return errors;
}

function text(value: string, { maxLength, minLength, pattern }: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const length = [...value].length;
  if (maxLength !== undefined && length > maxLength) {
    errors.push({ reason: 'FieldValueTooLong', field: path, message: `Too long: may not be more than ${maxLength} bytes` });
  }
  if (minLength !== undefined && length < minLength)
    errors.push(invalidValue(path, value, `${path} in body should be at least ${minLength} chars long`));
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value))
    errors.push(invalidValue(path, value, `${path} in body should match '${pattern}'`));
  return errors;
}

function tooMany(path: string, count: number, most: number): FieldError {
  return { reason: 'FieldValueTooMany', field: path, message: `Too many: ${count}: must have at most ${most} items` };
}

function list(value: readonly unknown[], schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (schema.maxItems !== undefined && value.length > schema.maxItems) errors.push(tooMany(path, value.length, schema.maxItems));
  if (schema.minItems !== undefined && value.length < schema.minItems) {
    errors.push(invalidValue(path, value.length, `${path} in body should have at least ${schema.minItems} items`));
  }
  value.forEach((item, i) => {
    errors.push(...validateValue(item, itemOf(schema), `${path}[${i}]`));
  });
  return [...errors, ...duplicates(value, schema, path)];
}

function duplicates(value: readonly unknown[], schema: Schema, path: string): FieldError[] {
  const merge = listMergeOf(schema);
  const errors: FieldError[] = [];
  if (merge.kind === 'atomic') return errors;
  const seen = new Set<string>();
  value.forEach((item, i) => {
    try {
      const element = elementOf(item, merge, itemOf(schema));
      if (seen.has(element))
        errors.push({ reason: 'FieldValueDuplicate', field: `${path}[${i}]`, message: `Duplicate value: ${element.slice(2)}` });
      seen.add(element);
    } catch (error) {
      if (!(error instanceof TypedValueError)) throw error;
    }
  });
  return errors;
}

function members(value: JsonObject, schema: Schema, path: string): FieldError[] {
  const errors = required(value, schema, path);
  const count = Object.keys(value).length;
  if (schema.maxProperties !== undefined && count > schema.maxProperties) errors.push(tooMany(path, count, schema.maxProperties));
  if (schema.minProperties !== undefined && count < schema.minProperties) {
    errors.push(invalidValue(path, count, `${path} in body should have at least ${schema.minProperties} properties`));
  }
  const keepsMeta = schema['x-kubernetes-embedded-resource'] === true;
  for (const [name, member] of Object.entries(value)) {
    if (keepsMeta && META.includes(name)) continue;
    errors.push(...validateValue(member, memberOf(schema, name).schema, `${path}.${name}`));
  }
  return errors;
}

function combined(value: unknown, schema: Schema, path: string): FieldError[] {
  const valid = (branch: Schema): boolean => validateValue(value, branch, path).length === 0;
  const fail = (message: string): FieldError => invalidValue(path, '', message);
  const errors: FieldError[] = (schema.allOf ?? []).flatMap((branch) => validateValue(value, branch, path));
  if (schema.anyOf !== undefined && !schema.anyOf.some(valid))
    errors.push(fail(`${quoted(path)} must validate at least one schema (anyOf)`));
  const matching = schema.oneOf?.filter(valid).length ?? 1;
  if (matching !== 1) {
    const found = matching === 0 ? 'Found none valid' : `Found ${matching} valid alternatives`;
    errors.push(fail(`${quoted(path)} must validate one and only one schema (oneOf). ${found}`));
  }
  if (schema.not !== undefined && valid(schema.not)) errors.push(fail(`${quoted(path)} must not validate the schema (not)`));
  return errors;
}
