/**
 * Types of fields, as far as the fake knows them: the structural schema of a CRD, or the merge rules of a built-in kind.
 *
 * Owns: which member has which type, and how lists and maps merge. Never: looks at values.
 * A schema without `closed` says only what it says: members it does not name are kept and merge like ordinary struct fields.
 */
export interface Schema {
  type?: string;
  properties?: { readonly [name: string]: Schema };
  additionalProperties?: Schema | boolean;
  items?: Schema;
  required?: readonly string[];
  enum?: readonly unknown[];
  default?: unknown;
  nullable?: boolean;
  format?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean;
  exclusiveMaximum?: boolean;
  multipleOf?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minItems?: number;
  maxItems?: number;
  minProperties?: number;
  maxProperties?: number;
  allOf?: readonly Schema[];
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  not?: Schema;
  'x-kubernetes-list-type'?: string;
  'x-kubernetes-list-map-keys'?: readonly string[];
  'x-kubernetes-map-type'?: string;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-embedded-resource'?: boolean;
  /** Members not named are unknown: pruned from objects, refused in an applied configuration. CRD schemas only. */
  closed?: boolean;
}

/** Nothing is known below: objects are structs, lists are atomic. */
export const OPEN: Schema = {};

/** Below `x-kubernetes-preserve-unknown-fields`: objects are free maps, lists are atomic. */
const DEDUCED: Schema = { 'x-kubernetes-preserve-unknown-fields': true };

export type ListMerge = { readonly kind: 'atomic' } | { readonly kind: 'set' } | { readonly kind: 'map'; readonly keys: readonly string[] };

const ATOMIC: ListMerge = { kind: 'atomic' };
const SET: ListMerge = { kind: 'set' };

export function listMergeOf(schema: Schema): ListMerge {
  switch (schema['x-kubernetes-list-type']) {
    case 'map':
      return { kind: 'map', keys: schema['x-kubernetes-list-map-keys'] ?? [] };
    case 'set':
      return SET;
    default:
      return ATOMIC;
  }
}

export function isAtomicMap(schema: Schema): boolean {
  return schema['x-kubernetes-map-type'] === 'atomic';
}

export interface Member {
  readonly schema: Schema;
  /** A struct field; `false` for the key of a map. */
  readonly named: boolean;
  /** Named by the schema, as additional property, or kept by preserve-unknown-fields. */
  readonly known: boolean;
}

export function memberOf(schema: Schema, name: string): Member {
  const named = schema.properties?.[name];
  if (named !== undefined) return { schema: named, named: true, known: true };
  const { additionalProperties } = schema;
  if (typeof additionalProperties === 'object') return { schema: additionalProperties, named: false, known: true };
  if (additionalProperties === true || schema['x-kubernetes-preserve-unknown-fields'] === true)
    return { schema: DEDUCED, named: false, known: true };
  return { schema: OPEN, named: true, known: schema.closed !== true };
}

export function itemOf(schema: Schema): Schema {
  return schema.items ?? OPEN;
}

const STRING_MAP: Schema = { type: 'object', additionalProperties: { type: 'string' } };

/** ObjectMeta, the same for every kind. */
export const OBJECT_META: Schema = {
  type: 'object',
  properties: {
    labels: STRING_MAP,
    annotations: STRING_MAP,
    finalizers: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
    ownerReferences: {
      type: 'array',
      items: { type: 'object', 'x-kubernetes-map-type': 'atomic' },
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['uid'],
    },
  },
};

/** `status.conditions` of a kind whose schema says nothing about it. */
export const CONDITIONS: Schema = {
  type: 'array',
  items: { type: 'object' },
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
};
