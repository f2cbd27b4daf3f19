/**
 * What a write may do to an object, as pure functions.
 *
 * Owns: the split between main resource and status, generation, canonical form, deletion finalizers. Never: reads or writes the store.
 */
import { isEqual, isObject, type JsonObject, objectOr } from '../json';
import { finalizersOf, finalizerWarnings } from '../schema/metadata-validation';
import type { WriteTarget } from './object-writer';

const ORPHAN = 'orphan';
const FOREGROUND = 'foregroundDeletion';

export const metadataOf = (object: JsonObject): JsonObject => objectOr(object['metadata']);

/** The new state without what this (sub)resource may not change. */
export function preparedForUpdate(target: WriteTarget, existing: JsonObject, sent: JsonObject): JsonObject {
  const old = metadataOf(existing);
  const storedVersion = { apiVersion: existing['apiVersion'], kind: existing['kind'] };
  if (target.subresource === 'status') {
    const { status: _dropped, ...rest } = existing;
    const { managedFields } = metadataOf(sent);
    const metadata: JsonObject = { ...old, ...(managedFields === undefined ? {} : { managedFields }) };
    if (managedFields === undefined) delete metadata['managedFields'];
    return { ...rest, ...(sent['status'] === undefined ? {} : { status: sent['status'] }), metadata };
  }
  const { status, ...rest } = sent;
  const kept = target.version.statusSubresource ? existing['status'] : status;
  const next: JsonObject = { ...rest, ...storedVersion, ...(kept === undefined ? {} : { status: kept }) };
  const metadata: JsonObject = {
    ...metadataOf(sent),
    uid: metadataOf(sent)['uid'] ?? old['uid'],
    resourceVersion: old['resourceVersion'],
  };
  for (const name of ['creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'generation']) {
    if (old[name] !== undefined) metadata[name] = old[name];
    else if (name === 'generation') delete metadata[name];
  }
  if (target.kind.traits.generation && changesSpec(target, existing, next)) metadata['generation'] = Number(old['generation'] ?? 0) + 1;
  return { ...next, metadata };
}

/** As the real types do when they are written: empty members are left out. */
export function withoutEmpty(object: JsonObject, names: readonly string[]): JsonObject {
  const result = { ...object };
  for (const name of names) {
    const value = result[name];
    if (value === null || (typeof value === 'object' && Object.keys(value).length === 0)) delete result[name];
  }
  return result;
}

export function noteFinalizers({ kind, warnings }: WriteTarget, next: JsonObject, old: JsonObject): void {
  if (!kind.traits.custom) return;
  const added = finalizersOf(metadataOf(next)).filter((finalizer) => !finalizersOf(metadataOf(old)).includes(finalizer));
  warnings.push(...finalizerWarnings(added));
}

/** ConfigMap and Secret: empty maps are left out, stringData becomes data. */
export function normalizeData(object: JsonObject): void {
  const { stringData } = object;
  if (object['kind'] === 'Secret' && isObject(stringData)) {
    const encoded = Object.entries(stringData).map(([name, text]) => [name, Buffer.from(String(text)).toString('base64')]);
    object['data'] = { ...objectOr(object['data']), ...Object.fromEntries(encoded) };
    delete object['stringData'];
  }
  for (const name of ['data', 'binaryData']) {
    const value = object[name];
    if (value === null || (isObject(value) && Object.keys(value).length === 0)) delete object[name];
  }
}

function changesSpec({ kind, version }: WriteTarget, before: JsonObject, after: JsonObject): boolean {
  if (!kind.traits.custom) return !isEqual(before['spec'], after['spec']);
  const { metadata: _a, status: s, ...a } = before;
  const { metadata: _b, status: t, ...b } = after;
  return !isEqual(a, b) || (!version.statusSubresource && !isEqual(s, t));
}

/** With managedFields as they were when only their time stamps differ. */
export function keepsTimestamps(existing: JsonObject, next: JsonObject): JsonObject {
  const before = metadataOf(existing)['managedFields'];
  const untimed = (entries: unknown): unknown =>
    Array.isArray(entries) ? entries.map(({ time: _time, ...entry }: JsonObject) => entry) : entries;
  if (!isEqual(untimed(before), untimed(metadataOf(next)['managedFields']))) return next;
  const calm = { ...next, metadata: { ...metadataOf(next), ...(before === undefined ? {} : { managedFields: before }) } };
  return isEqual(calm, existing) ? calm : next;
}

export function finalizersForDeletion(finalizers: readonly string[], policy: string | undefined): string[] {
  const own = finalizers.filter((finalizer) => finalizer !== ORPHAN && finalizer !== FOREGROUND);
  if (policy === 'Orphan') return [...own, ORPHAN];
  if (policy === 'Foreground') return [...own, FOREGROUND];
  return policy === undefined ? [...finalizers] : own;
}
