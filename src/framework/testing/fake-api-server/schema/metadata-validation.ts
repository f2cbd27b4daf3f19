/**
 * Checks metadata as kube-apiserver does for every kind.
 *
 * Owns: names, labels, finalizers, owner references and what an update may not change. Wording: k8s.io/apimachinery api/validation.
 */

import { isObject, type JsonObject, objectOr } from '../json';
import type { ServedKind } from '../kinds/served-kind';
import { type FieldError, forbiddenValue, invalidValue, requiredValue } from '../status-error';

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const SUBDOMAIN_MESSAGE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const LABEL_VALUE_MESSAGE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const NAME_PART = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const NAME_PART_MESSAGE =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

const STANDARD_FINALIZERS = ['kubernetes', 'orphan', 'foregroundDeletion'];

/** RBAC objects may be named like paths: `system:node`. */
const PATH_SEGMENT_GROUP = 'rbac.authorization.k8s.io';

export function validateMetadata(metadata: JsonObject, { scope, group, traits }: ServedKind): FieldError[] {
  const errors = validateName(metadata, group);
  const { namespace } = metadata;
  if (scope === 'Namespaced' && (namespace === undefined || namespace === '')) errors.push(requiredValue('metadata.namespace'));
  if (scope === 'Cluster' && namespace !== undefined && namespace !== '')
    errors.push(forbiddenValue('metadata.namespace', 'not allowed on this type'));
  for (const [key, value] of Object.entries(objectOr(metadata['labels']))) {
    errors.push(...validateQualifiedName('metadata.labels', key));
    errors.push(...validateLabelValue(String(value)));
  }
  for (const key of Object.keys(objectOr(metadata['annotations'])))
    errors.push(...validateQualifiedName('metadata.annotations', key, key.toLowerCase()));
  errors.push(...validateOwners(metadata['ownerReferences']));
  for (const finalizer of finalizersOf(metadata)) errors.push(...validateQualifiedName('metadata.finalizers', finalizer));
  if (!traits.custom) errors.push(...validateStandardFinalizers(metadata));
  return errors;
}

/** Built-in kinds want a domain in the name of a finalizer that is not one of Kubernetes. */
function validateStandardFinalizers(metadata: JsonObject): FieldError[] {
  return finalizersOf(metadata).flatMap((finalizer, i) => {
    if (finalizer.includes('/') || STANDARD_FINALIZERS.includes(finalizer)) return [];
    return [invalidValue(`metadata.finalizers[${i}]`, finalizer, 'name is neither a standard finalizer name nor is it fully qualified')];
  });
}

/** What custom kinds say about such a name instead of refusing it. */
export function finalizerWarnings(finalizers: readonly string[]): string[] {
  return finalizers
    .filter((finalizer) => !finalizer.includes('/') && !STANDARD_FINALIZERS.includes(finalizer))
    .sort()
    .map(
      (finalizer) =>
        `metadata.finalizers: ${JSON.stringify(finalizer)}: prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers`,
    );
}

function validateName({ name }: JsonObject, group: string): FieldError[] {
  if (typeof name !== 'string' || name === '') return [requiredValue('metadata.name', 'name or generateName is required')];
  if (group === PATH_SEGMENT_GROUP) return /[/%]/.test(name) ? [invalidValue('metadata.name', name, "may not contain '/'")] : [];
  const errors: FieldError[] = [];
  if (name.length > 253) errors.push(invalidValue('metadata.name', name, 'must be no more than 253 bytes'));
  if (!SUBDOMAIN.test(name)) errors.push(invalidValue('metadata.name', name, SUBDOMAIN_MESSAGE));
  return errors;
}

function validateLabelValue(value: string): FieldError[] {
  const errors: FieldError[] = [];
  if (value.length > 63) errors.push(invalidValue('metadata.labels', value, 'must be no more than 63 bytes'));
  if (!LABEL_VALUE.test(value)) errors.push(invalidValue('metadata.labels', value, LABEL_VALUE_MESSAGE));
  return errors;
}

function validateQualifiedName(field: string, shown: string, value = shown): FieldError[] {
  const slash = value.indexOf('/');
  const errors: FieldError[] = [];
  if (slash === 0) errors.push(invalidValue(field, shown, 'prefix part must be non-empty'));
  else if (slash > 0 && !SUBDOMAIN.test(value.slice(0, slash))) errors.push(invalidValue(field, shown, `prefix part ${SUBDOMAIN_MESSAGE}`));
  const name = value.slice(slash + 1);
  if (name === '') errors.push(invalidValue(field, shown, 'name part must be non-empty'));
  else if (name.length > 63) errors.push(invalidValue(field, shown, 'name part must be no more than 63 bytes'));
  if (!NAME_PART.test(name)) errors.push(invalidValue(field, shown, NAME_PART_MESSAGE));
  return errors;
}

function validateOwners(references: unknown): FieldError[] {
  const errors: FieldError[] = [];
  if (!Array.isArray(references)) return errors;
  let controller: string | undefined;
  for (const reference of references.filter(isObject)) {
    const text = (member: string): string => String(reference[member] ?? '');
    const path = 'metadata.ownerReferences';
    if (text('apiVersion') === '') errors.push(invalidValue(`${path}.apiVersion`, '', 'version must not be empty'));
    for (const member of ['kind', 'name', 'uid'])
      if (text(member) === '') errors.push(invalidValue(`${path}.${member}`, '', 'must not be empty'));
    if (reference['controller'] !== true) continue;
    const found = `${text('kind')}/${text('name')}`;
    if (controller === undefined) controller = found;
    else {
      const why = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${found}`;
      errors.push(invalidValue(path, references, why));
    }
  }
  return errors;
}

export function finalizersOf(metadata: JsonObject): string[] {
  return Array.isArray(metadata['finalizers']) ? metadata['finalizers'].map(String) : [];
}

/** What an update changed that it may not change. */
export function validateMetadataUpdate(metadata: JsonObject, old: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  if (old['deletionTimestamp'] !== undefined) {
    const added = finalizersOf(metadata).filter((finalizer) => !finalizersOf(old).includes(finalizer));
    if (added.length > 0) {
      const list = added
        .sort()
        .map((finalizer) => JSON.stringify(finalizer))
        .join(', ');
      const why = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`;
      errors.push(forbiddenValue('metadata.finalizers', why));
    }
  }
  for (const member of ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds']) {
    if (metadata[member] !== old[member]) errors.push(invalidValue(`metadata.${member}`, metadata[member] ?? '', 'field is immutable'));
  }
  return errors;
}
