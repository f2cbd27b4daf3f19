/**
 * Create, update, patch and delete, with the order of checks and effects of kube-apiserver.
 *
 * Owns: what a write does to an object: system metadata, generation, status isolation, managedFields, validation, finalizers.
 * Never: HTTP. Invariant: a write that changes nothing but managedFields time stamps is no write.
 * Source: k8s.io/apiserver pkg/registry/generic/registry/store.go and pkg/registry/rest.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock } from '../../../time/clock';
import { apply, trackUpdate, type WriteOrigin } from '../apply/managed-fields';
import { assertDeclared, TypedValueError } from '../apply/typed-value';
import { copyOf, isEqual, isObject, type JsonObject } from '../json';
import { apiVersionOf, idOf, kindNameOf, resourceOf, type ServedKind, type ServedVersion } from '../kinds/served-kind';
import { JsonPatchError, jsonPatched } from '../patch/json-patch';
import { mergePatched } from '../patch/merge-patch';
import { finalizersOf, validateMetadata, validateMetadataUpdate } from '../schema/metadata-validation';
import { applyDefaults, prune, pruneNulls } from '../schema/pruning';
import { validate } from '../schema/validation';
import {
  alreadyExists,
  badRequest,
  conflict,
  type FieldError,
  invalid,
  invalidValue,
  notFound,
  StatusError,
  staleVersion,
} from '../status-error';
import {
  finalizersForDeletion,
  keepsTimestamps,
  metadataOf,
  normalizeData,
  noteFinalizers,
  preparedForUpdate,
  withoutEmpty,
} from './object-rules';
import { type ObjectStore, storageKey } from './object-store';

export interface WriteTarget {
  readonly kind: ServedKind;
  readonly version: ServedVersion;
  readonly namespace: string;
  readonly name: string;
  /** `''` or `status`. */
  readonly subresource: string;
  readonly manager: string;
  readonly isDryRun: boolean;
  /** Unknown fields are refused, warned about, or dropped silently. */
  readonly fieldValidation: 'Strict' | 'Warn' | 'Ignore';
  /** Collects what goes into Warning headers. */
  readonly warnings: string[];
}

export interface WriteResult {
  readonly object: JsonObject;
  readonly isNew: boolean;
}

export interface DeleteOptions {
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly propagationPolicy: string | undefined;
}

export interface DeleteResult {
  readonly object: JsonObject;
  /** False while finalizers keep the object. */
  readonly isGone: boolean;
}

export type PatchType = 'json' | 'merge' | 'apply';

/** Attempts to find a free name for generateName. From k8s.io/apiserver store.go. */
const GENERATE_NAME_ATTEMPTS = 8;

/** RFC 3339 with whole seconds, as metav1.Time is written. */
export function timestamp(nowMs: number): string {
  return `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
}

export class ObjectWriter {
  constructor(
    private readonly store: ObjectStore,
    private readonly clock: Clock,
  ) {}

  create(target: WriteTarget, body: JsonObject): JsonObject {
    const object = this.decoded(target, body);
    const metadata = metadataOf(object);
    if (target.name !== '' && metadata['name'] !== target.name) throw nameMismatch(String(metadata['name'] ?? ''), target.name);
    const generateName = String(metadata['generateName'] ?? '');
    if ((metadata['name'] ?? '') !== '' || generateName === '') return this.insert(target, this.tracked(target, undefined, object));
    for (let attempt = 1; ; attempt++) {
      const name = `${generateName.slice(0, 58)}${suffix()}`;
      const isFree = this.store.get(idOf(target.kind), storageKey(target.namespace, name)) === undefined;
      if (isFree || attempt === GENERATE_NAME_ATTEMPTS)
        return this.insert(target, this.tracked(target, undefined, { ...object, metadata: { ...metadata, name } }));
    }
  }

  update(target: WriteTarget, body: JsonObject): WriteResult {
    const next = this.decoded(target, body);
    this.assertName(target, next);
    const existing = this.existing(target);
    const uid = metadataOf(next)['uid'];
    if (existing === undefined) {
      if (!target.kind.traits.createOnUpdate || target.subresource !== '') throw notFound(resourceOf(target.kind), target.name);
      return { object: this.insert(target, this.tracked(target, undefined, next)), isNew: true };
    }
    const liveUid = metadataOf(existing)['uid'];
    if (typeof uid === 'string' && uid !== '' && uid !== liveUid) throw this.uidPrecondition(target, uid, String(liveUid));
    return { object: this.replace(target, existing, this.tracked(target, existing, next)), isNew: false };
  }

  /** @param patch the parsed body. @param force take over fields of other managers; for apply only. */
  patch(target: WriteTarget, type: PatchType, patch: unknown, force: boolean): WriteResult {
    const existing = this.existing(target);
    if (type === 'apply') return this.applyPatch(target, existing, patch, force);
    if (existing === undefined) throw notFound(resourceOf(target.kind), target.name);
    const live = { ...existing, apiVersion: apiVersionOf(target.kind, target.version), kind: target.kind.kind };
    const patched = type === 'merge' ? mergePatched(live, patch) : patchedByOperations(live, patch);
    if (!isObject(patched)) throw badRequest('the patch leaves no object');
    const next = this.decoded(target, patched);
    this.assertName(target, next);
    return { object: this.replace(target, existing, this.tracked(target, existing, next)), isNew: false };
  }

  delete(target: WriteTarget, options: DeleteOptions): DeleteResult {
    const existing = this.existing(target);
    if (existing === undefined) throw notFound(resourceOf(target.kind), target.name);
    this.assertPreconditions(target, existing, options);
    const metadata = metadataOf(existing);
    const finalizers = finalizersForDeletion(finalizersOf(metadata), options.propagationPolicy);
    if (finalizers.length > 0) return { object: this.markDeleting(target, existing, finalizers), isGone: false };
    if (target.isDryRun) return { object: existing, isGone: true };
    return { object: this.store.remove(idOf(target.kind), this.keyOf(target)) ?? existing, isGone: true };
  }

  private applyPatch(target: WriteTarget, existing: JsonObject | undefined, patch: unknown, force: boolean): WriteResult {
    if (!isObject(patch)) throw badRequest('error decoding YAML: the applied configuration is not an object');
    if (existing === undefined && target.subresource !== '') throw notFound(resourceOf(target.kind), target.name);
    const config = this.appliedConfiguration(target, patch);
    const origin = this.originOf(target);
    const live = existing === undefined ? undefined : { ...existing, apiVersion: origin.apiVersion };
    let applied: JsonObject;
    try {
      assertDeclared(config, target.version.schema);
      applied = apply(live, config, origin, force);
    } catch (error) {
      if (!(error instanceof TypedValueError)) throw error;
      const object = `${metadataOf(config)['namespace'] ?? ''}/${target.name}; ${origin.apiVersion}, Kind=${target.kind.kind}`;
      throw new StatusError(500, '', `failed to create typed patch object (${object}): ${error.message}`);
    }
    const next = this.decoded(target, applied, true);
    const { uid } = metadataOf(next);
    if (existing === undefined && typeof uid === 'string' && uid !== '') {
      throw conflict(
        resourceOf(target.kind),
        target.name,
        `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
      );
    }
    this.assertName(target, next);
    if (existing === undefined) return { object: this.insert(target, next), isNew: true };
    return { object: this.replace(target, existing, next), isNew: false };
  }

  /** The configuration, once its type is known to be right. */
  private appliedConfiguration(target: WriteTarget, patch: JsonObject): JsonObject {
    const wanted = apiVersionOf(target.kind, target.version);
    if (patch['kind'] === undefined || patch['apiVersion'] === undefined) {
      throw badRequest(`Object '${patch['kind'] === undefined ? 'Kind' : 'apiVersion'}' is missing in '${JSON.stringify(patch)}'`);
    }
    if (patch['apiVersion'] !== wanted) {
      throw badRequest(`Incorrect version specified in apply patch. Specified patch version: ${patch['apiVersion']}, expected: ${wanted}`);
    }
    return copyOf(patch);
  }

  private insert(target: WriteTarget, object: JsonObject): JsonObject {
    const id = idOf(target.kind);
    const {
      resourceVersion,
      deletionTimestamp: _a,
      deletionGracePeriodSeconds: _b,
      selfLink: _c,
      generation: _d,
      ...kept
    } = metadataOf(object);
    const metadata: JsonObject = { ...kept, uid: randomUUID(), creationTimestamp: timestamp(this.clock.now()) };
    if (target.kind.traits.generation) metadata['generation'] = 1;
    const { status, ...rest } = object;
    const created: JsonObject = { ...rest, ...(target.version.statusSubresource || status === undefined ? {} : { status }), metadata };
    this.assertValid(target, created, []);
    noteFinalizers(target, created, {});
    const key = storageKey(target.namespace, String(metadata['name']));
    if (this.store.get(id, key) !== undefined) throw alreadyExists(resourceOf(target.kind), String(metadata['name']));
    if (resourceVersion !== undefined && resourceVersion !== '')
      throw new StatusError(500, '', 'resourceVersion should not be set on objects to be created');
    return target.isDryRun ? created : this.store.put(id, key, created);
  }

  private replace(target: WriteTarget, existing: JsonObject, sent: JsonObject): JsonObject {
    const old = metadataOf(existing);
    const version = metadataOf(sent)['resourceVersion'];
    if (version === undefined || version === '' || version === '0') {
      if (!target.kind.traits.unconditionalUpdate) {
        throw invalid(resourceOf(target.kind), target.name, [
          invalidValue('metadata.resourceVersion', 0, 'must be specified for an update'),
        ]);
      }
    } else if (version !== old['resourceVersion']) throw staleVersion(resourceOf(target.kind), target.name);

    const next = keepsTimestamps(existing, preparedForUpdate(target, existing, sent));
    const changes = validateMetadataUpdate(metadataOf(next), old);
    this.assertValid(target, next, [...changes, ...changes]);
    noteFinalizers(target, next, existing);
    if (old['deletionTimestamp'] !== undefined && finalizersOf(metadataOf(next)).length === 0) {
      if (!target.isDryRun) this.store.remove(idOf(target.kind), this.keyOf(target));
      return next;
    }
    if (isEqual(next, existing)) return existing;
    return target.isDryRun ? next : this.store.put(idOf(target.kind), this.keyOf(target), next);
  }

  private markDeleting(target: WriteTarget, existing: JsonObject, finalizers: readonly string[]): JsonObject {
    const old = metadataOf(existing);
    const isFirst = old['deletionTimestamp'] === undefined;
    const metadata: JsonObject = { ...old, finalizers, deletionGracePeriodSeconds: 0 };
    if (isFirst) metadata['deletionTimestamp'] = timestamp(this.clock.now());
    if (isFirst && typeof old['generation'] === 'number') metadata['generation'] = old['generation'] + 1;
    const next = { ...existing, metadata };
    if (isEqual(next, existing)) return existing;
    return target.isDryRun ? next : this.store.put(idOf(target.kind), this.keyOf(target), next);
  }

  /** A body, or the outcome of an apply, as the server reads it: checked against the address, pruned, with defaults. */
  private decoded(target: WriteTarget, body: JsonObject, isApplied = false): JsonObject {
    const { kind, version } = target;
    const apiVersion = apiVersionOf(kind, version);
    const object = copyOf(body);
    if (kind.traits.custom && object['kind'] === undefined) throw badRequest(`Object 'Kind' is missing in '${JSON.stringify(body)}'`);
    object['kind'] ??= kind.kind;
    object['apiVersion'] ??= apiVersion;
    if (object['apiVersion'] !== apiVersion && !kind.traits.custom) {
      const why = `no kind "${object['kind']}" is registered for version "${object['apiVersion']}" in scheme "pkg/runtime/scheme.go:111"`;
      throw badRequest(`${object['kind']} in version "${object['apiVersion']}" cannot be handled as a ${kind.kind}: ${why}`);
    }
    if (object['apiVersion'] !== apiVersion) {
      throw badRequest(`the API version in the data (${object['apiVersion']}) does not match the expected API version (${apiVersion})`);
    }
    if (object['kind'] !== kind.kind) {
      const sent = `${object['apiVersion']}, Kind=${object['kind']}`;
      throw badRequest(`the kind in the data (${sent}) does not match the expected kind (${apiVersion}, Kind=${kind.kind})`);
    }
    const metadata = metadataOf(object);
    if (kind.scope === 'Namespaced' && (metadata['namespace'] ?? '') === '') metadata['namespace'] = target.namespace;
    if (kind.scope === 'Namespaced' && metadata['namespace'] !== target.namespace) {
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    }
    object['metadata'] = withoutEmpty(metadata, ['labels', 'annotations', 'finalizers', 'ownerReferences']);
    if (!kind.traits.custom) normalizeData(object);
    this.noteUnknown(target, prune(object, version.schema));
    if (!isApplied || version.schema.closed !== true) pruneNulls(object, version.schema);
    applyDefaults(object, version.schema);
    return object;
  }

  private noteUnknown({ kind, version, fieldValidation, warnings }: WriteTarget, unknown: readonly string[]): void {
    if (unknown.length === 0 || fieldValidation === 'Ignore') return;
    const texts = unknown.toSorted().map((path) => `unknown field "${path}"`);
    if (fieldValidation === 'Warn') warnings.push(...texts);
    else {
      throw badRequest(
        `${kind.kind} in version "${version.name}" cannot be handled as a ${kind.kind}: strict decoding error: ${texts.join(', ')}`,
      );
    }
  }

  private tracked(target: WriteTarget, live: JsonObject | undefined, next: JsonObject): JsonObject {
    try {
      return trackUpdate(live, next, this.originOf(target));
    } catch (error) {
      if (!(error instanceof TypedValueError)) throw error;
      const { managedFields: _dropped, ...metadata } = metadataOf(next);
      return { ...next, metadata };
    }
  }

  private originOf({ kind, version, subresource, manager }: WriteTarget): WriteOrigin {
    const resetFields = subresource === 'status' ? ['metadata', 'spec'] : version.statusSubresource ? ['status'] : [];
    return {
      manager,
      apiVersion: apiVersionOf(kind, version),
      subresource,
      time: timestamp(this.clock.now()),
      schema: version.schema,
      blank: kind.traits.blank,
      resetFields,
    };
  }

  private assertValid(target: WriteTarget, object: JsonObject, errors: readonly FieldError[]): void {
    const { kind, version } = target;
    const all = [...validateMetadata(metadataOf(object), kind), ...errors, ...(kind.traits.custom ? validate(object, version.schema) : [])];
    if (all.length > 0) throw invalid(kindNameOf(kind), String(metadataOf(object)['name'] ?? ''), all);
  }

  private assertName(target: WriteTarget, object: JsonObject): void {
    const name = String(metadataOf(object)['name'] ?? '');
    if (name !== target.name) throw nameMismatch(name, target.name);
  }

  private assertPreconditions({ kind, name }: WriteTarget, existing: JsonObject, { uid, resourceVersion }: DeleteOptions): void {
    const live = metadataOf(existing);
    if (uid !== undefined && uid !== live['uid']) {
      const why = `the UID in the precondition (${uid}) does not match the UID in record (${live['uid']}). The object might have been deleted and then recreated`;
      throw conflict(kindNameOf(kind), name, why);
    }
    if (resourceVersion !== undefined && resourceVersion !== live['resourceVersion']) {
      const why = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${live['resourceVersion']}). The object might have been modified`;
      throw conflict(kindNameOf(kind), name, why);
    }
  }

  private uidPrecondition({ kind, namespace, name }: WriteTarget, sent: string, live: string): Error {
    const key = `/registry/${kind.group === '' ? '' : `${kind.group}/`}${kind.plural}/${storageKey(namespace, name)}`;
    const message = `Precondition failed: UID in precondition: ${sent}, UID in object meta: ${live}`;
    return conflict(
      resourceOf(kind),
      name,
      `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ${message}`,
    );
  }

  private existing(target: WriteTarget): JsonObject | undefined {
    return this.store.get(idOf(target.kind), this.keyOf(target));
  }

  private keyOf({ kind, namespace, name }: WriteTarget): string {
    return storageKey(kind.scope === 'Namespaced' ? namespace : '', name);
  }
}

function patchedByOperations(live: JsonObject, patch: unknown): unknown {
  try {
    return jsonPatched(live, patch);
  } catch (error) {
    if (!(error instanceof JsonPatchError)) throw error;
    if (error.isMalformed) throw badRequest(`error decoding patch: ${error.message}`);
    throw new StatusError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
  }
}

function nameMismatch(sent: string, wanted: string): Error {
  if (sent === '') return badRequest(`the name of the object (${wanted} based on URL) was undeterminable: name must be provided`);
  return badRequest(`the name of the object (${sent}) does not match the name on the URL (${wanted})`);
}

/** Five characters without vowels and look-alikes, as k8s.io/apimachinery util/rand makes them. */
function suffix(): string {
  const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
  return [...randomBytes(5)].map((byte) => alphabet[byte % alphabet.length]).join('');
}
