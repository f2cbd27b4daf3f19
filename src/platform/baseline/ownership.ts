/**
 * Who owns which field of a live object, and what has to change in that before we apply.
 *
 * Owns: the decision. Never: writes; changes entries of other managers than ours and the older operators'. Pure.
 * Invariant: control annotations, finalizers and owner references are never in our set: an apply that does not name what it owns
 * deletes it, and those belong to the user and to other controllers.
 */
import type { KubernetesObject } from '../../framework';
import { isJsonMap, isSameJson, type Json, type JsonMap } from '../json';
import { ADOPTED_LABEL_VALUES, MANAGED_BY, MANAGED_BY_LABEL, OLDER_MANAGERS, PAUSE_MANAGER } from '../keys';
import { isControlAnnotation } from '../overrides/control-keys';
import { isAtOrBelow, type Pointer, pointerText } from '../overrides/json-pointer';
import type { Difference } from './comparison';
import { type FieldSet, hasNode, holds, membersBelow, NO_FIELDS, unionOf, withoutNode } from './field-set';

export interface ManagedFieldsEntry {
  readonly manager?: string;
  readonly operation?: string;
  readonly apiVersion?: string;
  readonly time?: string;
  readonly fieldsType?: string;
  readonly fieldsV1?: FieldSet;
  readonly subresource?: string;
}

const ANNOTATIONS: Pointer = ['metadata', 'annotations'];
const FOREIGN_METADATA: readonly Pointer[] = [
  ['metadata', 'finalizers'],
  ['metadata', 'ownerReferences'],
];

export function entriesOf(live: KubernetesObject | undefined): readonly ManagedFieldsEntry[] {
  return ((live?.metadata?.managedFields ?? []) as unknown[]).filter((entry): entry is ManagedFieldsEntry => isJsonMap(entry));
}

function isOurs({ manager, operation, subresource = '' }: ManagedFieldsEntry): boolean {
  return manager === MANAGED_BY && operation === 'Apply' && subresource === '';
}

/** What we own by applying; empty when nothing. */
export function ownFields(live: KubernetesObject | undefined): FieldSet {
  return entriesOf(live).find(isOurs)?.fieldsV1 ?? NO_FIELDS;
}

/** Whether we own a field, or are about to take it over from an older operator that shares it with nobody. */
export function isOurField(live: KubernetesObject, path: Pointer): boolean {
  if (holds(ownFields(live), path)) return true;
  const holders = entriesOf(live).filter(({ fieldsV1 = NO_FIELDS }) => holds(fieldsV1, path));
  return holders.length > 0 && holders.every(isOfOlder);
}

/** Whether what we own, or take over, was written in another version of the API than the object was read in: then its paths mean nothing. */
export function isOwnedInOtherVersion(live: KubernetesObject): boolean {
  const entries = entriesOf(live);
  const own = entries.find(isOurs);
  return (own === undefined ? entries.filter(isOfOlder) : [own]).some((entry) => isOfOtherVersion(entry, live));
}

function isOfOlder({ manager = '', subresource = '' }: ManagedFieldsEntry): boolean {
  return OLDER_MANAGERS.includes(manager) && subresource === '';
}

function isOfOtherVersion({ apiVersion }: ManagedFieldsEntry, live: KubernetesObject): boolean {
  return apiVersion !== undefined && live.apiVersion !== undefined && apiVersion !== live.apiVersion;
}

/** Whether the object was written by us at any time. */
export function hasEntryOfOurs(live: KubernetesObject): boolean {
  return entriesOf(live).some(({ manager }) => manager === MANAGED_BY);
}

export type Standing = 'ours' | 'free' | 'foreign';

/** Whose object it is: `foreign` = another manager says by the label that it is his, and we never wrote to it. */
export function standingOf(live: KubernetesObject): Standing {
  if (hasEntryOfOurs(live)) return 'ours';
  const label = live.metadata?.labels?.[MANAGED_BY_LABEL];
  if (label === undefined) return 'free';
  return ADOPTED_LABEL_VALUES.includes(label) ? 'ours' : 'foreign';
}

/** What has to change before the next apply. */
export interface OwnershipChange {
  /** The whole of metadata.managedFields. */
  readonly entries: readonly ManagedFieldsEntry[];
  /** Field managers whose fields become ours. */
  readonly migrated: readonly string[];
  /** Fields that we let go. */
  readonly released: readonly string[];
}

/** @param letGo pointers whose values we do not want to own any more. @returns `undefined` when nothing has to change. */
export function ownershipChange(live: KubernetesObject, letGo: readonly Pointer[]): OwnershipChange | undefined {
  const entries = entriesOf(live);
  const older = entries.filter(isOfOlder);
  const own = entries.find(isOurs);
  if (own === undefined && older.length === 0) return undefined;
  const base = own ?? older.find(({ operation }) => operation === 'Apply') ?? older[0]!;
  // Paths of another version of the API mean nothing in this one.
  const sources = [...(own === undefined ? [] : [own]), ...older].filter(({ apiVersion }) => apiVersion === base.apiVersion);
  // What is to be let go has other names there: so everything is let go, and the apply that follows takes back what is wanted.
  const isLost = letGo.length > 0 && isOfOtherVersion(base, live);
  let fields = isLost ? NO_FIELDS : sources.reduce((all, { fieldsV1 = NO_FIELDS }) => unionOf(all, fieldsV1), NO_FIELDS);
  const unwanted = [...letGo, ...controlPaths(fields), ...(older.length > 0 ? FOREIGN_METADATA : [])].filter((path) =>
    hasNode(fields, path),
  );
  if (older.length === 0 && unwanted.length === 0 && !isLost) return undefined;
  for (const path of unwanted) fields = withoutNode(fields, path);
  const entry: ManagedFieldsEntry = { ...base, manager: MANAGED_BY, operation: 'Apply', fieldsV1: fields };
  const others = entries.filter((one) => one !== own && !older.includes(one));
  return {
    // A list without any entry would leave everything as it is.
    entries: Object.keys(fields).length > 0 ? [...others, entry] : others.length > 0 ? others : [{}],
    migrated: [...new Set(older.map(({ manager = '' }) => manager))],
    released: isLost ? [`everything that was written as ${base.apiVersion}`] : unwanted.map(pointerText),
  };
}

function controlPaths(fields: FieldSet): Pointer[] {
  return membersBelow(fields, ANNOTATIONS)
    .filter(isControlAnnotation)
    .map((name) => [...ANNOTATIONS, name]);
}

/** Whether an apply changes what we own, though it may change no value. */
export function isOwnershipDrift(live: KubernetesObject, applied: KubernetesObject): boolean {
  return !isSameJson(ownFields(live), ownFields(applied));
}

export interface Rival {
  readonly manager: string;
  readonly operation: string;
}

/** Who else wrote what differs; `undefined` when nobody else wrote anything. */
export function rivalOf(live: KubernetesObject, differences: readonly Difference[]): Rival | undefined {
  const others = entriesOf(live).filter(
    ({ manager = '', subresource = '' }) =>
      manager !== MANAGED_BY && manager !== PAUSE_MANAGER && subresource === '' && !OLDER_MANAGERS.includes(manager),
  );
  const owner = others
    .filter(({ fieldsV1 = NO_FIELDS }) => differences.some(({ path }) => holdsAnywhere(fieldsV1, path)))
    .sort(newestFirst)[0];
  // Of a field that was removed nobody is the owner.
  const rival = owner ?? newest(live, others);
  return rival === undefined ? undefined : { manager: rival.manager ?? '', operation: rival.operation ?? '' };
}

function holdsAnywhere(set: FieldSet, path: Pointer): boolean {
  return holds(set, path);
}

/** The entry of the last write, unless that was our own. */
function newest(live: KubernetesObject, others: readonly ManagedFieldsEntry[]): ManagedFieldsEntry | undefined {
  const own = entriesOf(live).find(isOurs);
  const candidate = [...others].sort(newestFirst)[0];
  return candidate !== undefined && (candidate.time ?? '') >= (own?.time ?? '') ? candidate : undefined;
}

function newestFirst(a: ManagedFieldsEntry, b: ManagedFieldsEntry): number {
  return (b.time ?? '') < (a.time ?? '') ? -1 : Number((b.time ?? '') > (a.time ?? ''));
}

/**
 * The pointers to give up so that an apply without them takes nothing away: where leaving out a field left its parents empty, those too.
 * @param desired without the fields.
 */
export function pathsToLetGo(desired: JsonMap, left: readonly Pointer[]): readonly Pointer[] {
  const widened = left.map((path) => {
    let length = path.length;
    while (length > 1 && !hasMember(desired, path.slice(0, length - 1))) length--;
    return path.slice(0, length);
  });
  return widened.filter(
    (path, index) => !widened.some((other, at) => at !== index && isAtOrBelow(path, other) && (other.length < path.length || at < index)),
  );
}

function hasMember(desired: Json, path: Pointer): boolean {
  let value: Json | undefined = desired;
  for (const segment of path) {
    if (!isJsonMap(value) || !Object.hasOwn(value, segment)) return false;
    value = value[segment];
  }
  return true;
}
