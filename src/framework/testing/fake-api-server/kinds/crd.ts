/**
 * CustomResourceDefinitions as the source of served kinds.
 *
 * Owns: reading the v1 form, from YAML or as an object, and the status a served CRD shows. Never: CEL rules, conversion webhooks.
 */
import { parseAllDocuments } from 'yaml';
import { isObject, type JsonObject, objectOr } from '../json';
import type { Schema } from '../schema/schema';
import { CUSTOM_TRAITS, rootSchema, type ServedKind, type ServedVersion } from './served-kind';

/** The CustomResourceDefinitions of a YAML text. @throws {TypeError} when there is none. */
export function crdsIn(yaml: string): JsonObject[] {
  const documents = parseAllDocuments(yaml).map((document) => document.toJS() as unknown);
  const crds = documents.filter((document) => isObject(document) && document['kind'] === 'CustomResourceDefinition') as JsonObject[];
  if (crds.length === 0) throw new TypeError('the YAML text holds no CustomResourceDefinition');
  return crds;
}

const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

/** A structural schema prunes what it does not name, at every level that it describes as an object. */
function closed(schema: Schema): Schema {
  const { properties, additionalProperties, items } = schema;
  const result: Schema = { ...schema };
  if (properties !== undefined)
    result.properties = Object.fromEntries(Object.entries(properties).map(([name, member]) => [name, closed(member)]));
  if (isObject(additionalProperties)) result.additionalProperties = closed(additionalProperties as Schema);
  if (items !== undefined) result.items = closed(items);
  if (schema['x-kubernetes-preserve-unknown-fields'] !== true) result.closed = true;
  return result;
}

function versionOf(version: JsonObject): ServedVersion {
  const schema = objectOr(version['schema'])['openAPIV3Schema'];
  const selectable = Array.isArray(version['selectableFields']) ? version['selectableFields'] : [];
  return {
    name: String(version['name']),
    schema: rootSchema(isObject(schema) ? closed(schema as Schema) : { 'x-kubernetes-preserve-unknown-fields': true }),
    statusSubresource: isObject(objectOr(version['subresources'])['status']),
    selectableFields: selectable.map((field) => String(objectOr(field)['jsonPath']).replace(/^\./, '')),
  };
}

/** @throws {TypeError} when the object is no v1 CustomResourceDefinition with a served version. */
export function servedKindOfCrd(crd: JsonObject): ServedKind {
  const spec = objectOr(crd['spec']);
  const names = objectOr(spec['names']);
  const versions = Array.isArray(spec['versions']) ? spec['versions'].filter(isObject) : [];
  const served = versions.filter((version) => version['served'] === true).map(versionOf);
  const name = String(objectOr(crd['metadata'])['name'] ?? '');
  if (served.length === 0) throw new TypeError(`CustomResourceDefinition ${name} serves no version; at least one needs served: true`);
  const kind = String(names['kind']);
  return {
    group: String(spec['group']),
    kind,
    plural: String(names['plural']),
    singular: String(names['singular'] ?? kind.toLowerCase()),
    shortNames: strings(names['shortNames']),
    scope: spec['scope'] === 'Cluster' ? 'Cluster' : 'Namespaced',
    versions: served,
    traits: CUSTOM_TRAITS,
  };
}

/** The status of a CRD that is served. */
export function establishedStatus(crd: JsonObject, time: string): JsonObject {
  const spec = objectOr(crd['spec']);
  const versions = Array.isArray(spec['versions']) ? spec['versions'].filter(isObject) : [];
  const condition = (type: string, reason: string, message: string): JsonObject => ({
    type,
    status: 'True',
    lastTransitionTime: time,
    reason,
    message,
  });
  return {
    conditions: [
      condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
      condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
    ],
    acceptedNames: spec['names'],
    storedVersions: versions.filter((version) => version['storage'] === true).map((version) => version['name']),
  };
}
