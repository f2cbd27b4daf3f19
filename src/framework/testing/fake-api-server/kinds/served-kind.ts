/**
 * What the fake knows of one kind it serves.
 *
 * Owns: the description and its derivation from a framework `Kind`. Never: holds objects.
 */
import type { Kind, Scope } from '../../../kinds/kind';
import type { JsonObject } from '../json';
import { CONDITIONS, OBJECT_META, type Schema } from '../schema/schema';
import type { GroupName } from '../status-error';

export interface ServedVersion {
  readonly name: string;
  readonly schema: Schema;
  readonly statusSubresource: boolean;
  /** Field selectors beyond metadata.name and metadata.namespace, as dotted paths. */
  readonly selectableFields: readonly string[];
}

/** Where kinds of the real server differ from one another. */
export interface KindTraits {
  /** Served by the CRD machinery: list items carry kind and apiVersion, PUT needs a resourceVersion. */
  readonly custom: boolean;
  /** `metadata.generation` is kept. */
  readonly generation: boolean;
  /** PUT of an object that is not there creates it. */
  readonly createOnUpdate: boolean;
  /** PUT without resourceVersion replaces whatever is there. */
  readonly unconditionalUpdate: boolean;
  /** DELETE answers the object instead of a Status. */
  readonly returnsDeleted: boolean;
  /** Categories of discovery, such as `all`. */
  readonly categories: readonly string[];
  /** The structs an object holds even when nothing is set in them. */
  readonly blank: JsonObject;
}

export interface ServedKind {
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly scope: Scope;
  /** The first one is preferred. */
  readonly versions: readonly ServedVersion[];
  readonly traits: KindTraits;
}

export const CUSTOM_TRAITS: KindTraits = {
  custom: true,
  generation: true,
  createOnUpdate: false,
  unconditionalUpdate: false,
  returnsDeleted: false,
  categories: [],
  blank: {},
};

/** `<plural>.<group>`; the bare plural for the core group. */
export function idOf(kind: { group: string; plural: string }): string {
  return kind.group === '' ? kind.plural : `${kind.plural}.${kind.group}`;
}

export const resourceOf = (kind: ServedKind): GroupName => ({ group: kind.group, name: kind.plural });
export const kindNameOf = (kind: ServedKind): GroupName => ({ group: kind.group, name: kind.kind });

export function apiVersionOf(kind: { group: string }, version: ServedVersion): string {
  return kind.group === '' ? version.name : `${kind.group}/${version.name}`;
}

/** The root schema of an object: the given one with the members every object has. */
export function rootSchema(schema: Schema): Schema {
  const status = schema.properties?.['status'];
  const assumed = schema.closed || status !== undefined ? {} : { status: { properties: { conditions: CONDITIONS } } };
  return {
    ...schema,
    properties: { apiVersion: { type: 'string' }, kind: { type: 'string' }, ...assumed, ...schema.properties, metadata: OBJECT_META },
  };
}

/** A kind without a schema: everything is kept, nothing validated; `alternatives` are served beside `apiVersion`. */
export function servedKindOf(kind: Kind): ServedKind {
  const version = (apiVersion: string): ServedVersion => ({
    name: apiVersion.slice(apiVersion.lastIndexOf('/') + 1),
    schema: rootSchema({}),
    statusSubresource: kind.status,
    selectableFields: [],
  });
  return {
    group: kind.group,
    kind: kind.kind,
    plural: kind.plural,
    singular: kind.kind.toLowerCase(),
    shortNames: [],
    scope: kind.scope,
    versions: [kind.apiVersion, ...kind.alternatives].map(version),
    traits: CUSTOM_TRAITS,
  };
}
