/** Drops what a structural schema does not know, and fills in its defaults. Never: touches apiVersion, kind or metadata of the object. */
import { copyOf, isObject } from '../json';
import { itemOf, memberOf, type Schema } from './schema';

const UNTOUCHED = ['apiVersion', 'kind', 'metadata'];

/** Paths of unknown members, dotted, as warnings of the API server name them. The value itself is changed. */
export function prune(value: unknown, schema: Schema, path = '', isRoot = true): string[] {
  const dropped: string[] = [];
  if (Array.isArray(value)) {
    value.forEach((item, i) => {
      dropped.push(...prune(item, itemOf(schema), `${path}[${i}]`, false));
    });
  } else if (isObject(value)) {
    const keepsMeta = isRoot || schema['x-kubernetes-embedded-resource'] === true;
    for (const name of Object.keys(value)) {
      if (keepsMeta && UNTOUCHED.includes(name)) continue;
      const member = memberOf(schema, name);
      const memberPath = path === '' ? name : `${path}.${name}`;
      if (member.known) {
        dropped.push(...prune(value[name], member.schema, memberPath, false));
      } else {
        delete value[name];
        dropped.push(memberPath);
      }
    }
  }
  return dropped;
}

/**
 * Drops nulls that the schema neither allows nor replaces by a default. The value itself is changed.
 *
 * Not done to the outcome of a server-side apply, where such a null is refused by validation instead.
 */
export function pruneNulls(value: unknown, schema: Schema): void {
  if (Array.isArray(value)) {
    for (const item of value) pruneNulls(item, itemOf(schema));
  } else if (isObject(value)) {
    for (const [name, member] of Object.entries(value)) {
      const { schema: memberSchema } = memberOf(schema, name);
      const isFree = memberSchema['x-kubernetes-preserve-unknown-fields'] === true;
      if (member !== null) pruneNulls(member, memberSchema);
      else if (!isFree && memberSchema.nullable !== true && memberSchema.default === undefined) delete value[name];
    }
  }
}

/** Sets missing members, and nulls that are not allowed, to their defaults. The value itself is changed. */
export function applyDefaults(value: unknown, schema: Schema): void {
  if (Array.isArray(value)) {
    for (const item of value) applyDefaults(item, itemOf(schema));
    return;
  }
  if (!isObject(value)) return;
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    const isMissing = value[name] === undefined || (value[name] === null && member.nullable !== true);
    if (isMissing && member.default !== undefined) value[name] = copyOf(member.default);
  }
  for (const [name, member] of Object.entries(value)) applyDefaults(member, memberOf(schema, name).schema);
}
