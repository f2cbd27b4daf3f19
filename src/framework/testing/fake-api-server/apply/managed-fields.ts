/**
 * Who set which field: keeps `metadata.managedFields` over updates, and merges applied configurations.
 *
 * Expected flow: every write goes through `trackUpdate` (create, update, patches) or `apply` (server-side apply) with the live object.
 * Guarantees: the entries, conflicts and removals are those of k8s.io/apimachinery pkg/util/managedfields for one schema version.
 * Assumptions: live objects carry entries that this code or a real server wrote.
 * Caveats: sets of other API versions of the kind are compared without conversion (the fake converts nothing but apiVersion).
 * Errors: StatusError 409 with one cause a conflicting field; 400 for a bad configuration.
 */
import { copyOf, isEqual, isObject, type JsonObject, objectOr } from '../json';
import type { Schema } from '../schema/schema';
import { applyConflict, badRequest } from '../status-error';
import { FieldSet, printPath } from './field-set';
import { type Comparison, compare, fieldsOf, merge, withNamedParents, without } from './typed-value';

/** One write, as managed fields see it. */
export interface WriteOrigin {
  manager: string;
  apiVersion: string;
  /** Empty for the main resource. */
  subresource: string;
  /** RFC 3339, seconds. */
  time: string;
  schema: Schema;
  /** What an object of the kind holds before anything is set: nobody comes to own these structs themselves. */
  blank: JsonObject;
  /** Top-level fields that a write to this (sub)resource does not change, for example `status`. */
  resetFields: readonly string[];
}

interface Entry {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  subresource: string;
  time: string | undefined;
  set: FieldSet;
}

type Managed = Map<string, Entry>;

/** More update managers than this are folded into `ancient-changes`. From k8s.io/apimachinery DefaultMaxUpdateManagers. */
const MAX_UPDATE_MANAGERS = 10;

/** Never owned by anybody. From k8s.io/apimachinery stripmeta.go. */
const STRIPPED = FieldSet.ofFields([
  ['apiVersion'],
  ['kind'],
  ['metadata'],
  ...['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'clusterName', 'generation', 'managedFields', 'resourceVersion'].map(
    (name) => ['metadata', name],
  ),
]);

function idOf(entry: Omit<Entry, 'set' | 'time'>): string {
  return JSON.stringify([entry.manager, entry.operation, entry.operation === 'Update' ? entry.apiVersion : '', entry.subresource]);
}

function decode(entries: unknown): Managed {
  const managed: Managed = new Map();
  if (!Array.isArray(entries)) return managed;
  for (const raw of entries) {
    if (!isObject(raw) || (raw['operation'] !== 'Apply' && raw['operation'] !== 'Update') || raw['fieldsType'] !== 'FieldsV1')
      return new Map();
    const entry: Entry = {
      manager: String(raw['manager'] ?? ''),
      operation: raw['operation'],
      apiVersion: String(raw['apiVersion'] ?? ''),
      subresource: String(raw['subresource'] ?? ''),
      time: typeof raw['time'] === 'string' ? raw['time'] : undefined,
      set: FieldSet.fromFieldsV1(raw['fieldsV1']),
    };
    managed.set(idOf(entry), entry);
  }
  return managed;
}

function encode(managed: Managed): JsonObject[] | undefined {
  if (managed.size === 0) return undefined;
  const rank = (e: Entry): string[] => [e.operation, e.time ?? '', e.manager, e.apiVersion, e.subresource];
  const sorted = [...managed.values()].sort((a, b) => {
    const [p, q] = [rank(a), rank(b)];
    const i = p.findIndex((part, n) => part !== q[n]);
    return i < 0 ? 0 : p[i]! < q[i]! ? -1 : 1;
  });
  return sorted.map(({ manager, operation, apiVersion, subresource, time, set }) => ({
    manager,
    operation,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: set.toFieldsV1(),
    ...(subresource === '' ? {} : { subresource }),
  }));
}

function withManaged(object: JsonObject, managed: Managed | undefined): JsonObject {
  const { managedFields: _dropped, ...metadata } = objectOr(object['metadata']);
  const entries = managed === undefined ? undefined : encode(managed);
  return { ...object, metadata: { ...metadata, ...(entries === undefined ? {} : { managedFields: entries }) } };
}

const entriesOf = (object: JsonObject | undefined): unknown => objectOr(object?.['metadata'])['managedFields'];

function isReset(entries: unknown): boolean {
  return Array.isArray(entries) && (entries.length === 0 || (entries.length === 1 && isEqual(entries[0], {})));
}

/** The entries an update starts from: those it sends, else the live ones. Through a subresource always the live ones. */
function entriesForUpdate(live: JsonObject | undefined, next: JsonObject, subresource: string): Managed {
  if (subresource === '') {
    if (isReset(entriesOf(next))) return new Map();
    const sent = decode(entriesOf(next));
    if (sent.size > 0) return sent;
  }
  return decode(entriesOf(live));
}

function filtered({ added, removed, modified }: Comparison, fields: readonly string[]): Comparison {
  return { added: added.withoutFields(fields), removed: removed.withoutFields(fields), modified: modified.withoutFields(fields) };
}

function put(managed: Managed, id: string, entry: Entry): void {
  if (entry.set.isEmpty) managed.delete(id);
  else managed.set(id, entry);
}

/**
 * The object of an update with its new managedFields.
 *
 * @param live the stored object, `undefined` for a create.
 * @param next the object as it will be stored, managedFields as the client sent them.
 */
export function trackUpdate(live: JsonObject | undefined, next: JsonObject, origin: WriteOrigin): JsonObject {
  const managed = entriesForUpdate(live, next, origin.subresource);
  if (managed.size === 0 && live !== undefined) return withManaged(next, undefined);
  noteUpdate(managed, live, next, origin);
  return withManaged(next, managed);
}

function blankOf({ apiVersion, kind }: JsonObject, { blank }: WriteOrigin): JsonObject {
  return { apiVersion, kind, ...copyOf(blank) };
}

function noteUpdate(managed: Managed, live: JsonObject | undefined, next: JsonObject, origin: WriteOrigin): void {
  const before = live === undefined ? blankOf(next, origin) : withManaged(live, undefined);
  const { added, removed, modified } = filtered(compare(before, withManaged(next, undefined), origin.schema), origin.resetFields);
  const taken = modified.union(added);
  for (const [id, entry] of [...managed])
    put(managed, id, { ...entry, set: entry.set.difference(entry.set.intersection(taken)).difference(removed) });
  const own = taken.difference(STRIPPED);
  if (!own.isEmpty) {
    const { manager, apiVersion, subresource, time } = origin;
    const entry: Entry = { manager: manager === '' ? 'unknown' : manager, operation: 'Update', apiVersion, subresource, time, set: own };
    const previous = managed.get(idOf(entry));
    managed.set(idOf(entry), previous === undefined ? entry : { ...entry, set: own.union(previous.set) });
  }
  capUpdateManagers(managed);
}

/** Folds the oldest update entries of one API version into a single one until few enough are left. */
function capUpdateManagers(managed: Managed): void {
  const updates = [...managed]
    .filter(([, entry]) => entry.operation === 'Update')
    .sort(([, a], [, b]) => ((a.time ?? '') < (b.time ?? '') ? -1 : 1));
  let excess = updates.length - MAX_UPDATE_MANAGERS;
  const firstOf = new Map<string, [string, Entry]>();
  for (const [id, entry] of updates) {
    if (excess <= 0) return;
    const first = firstOf.get(entry.apiVersion);
    if (first === undefined) {
      firstOf.set(entry.apiVersion, [id, entry]);
      continue;
    }
    const bucket: Entry = { ...entry, manager: 'ancient-changes', subresource: '', set: entry.set.union(first[1].set) };
    managed.delete(id);
    managed.delete(first[0]);
    managed.set(idOf(bucket), bucket);
    firstOf.set(entry.apiVersion, [idOf(bucket), bucket]);
    excess--;
  }
}

/**
 * Server-side apply: the live object merged with the configuration, with its new managedFields.
 *
 * @param live the stored object, `undefined` when the configuration creates it.
 * @throws {StatusError} 409 when another manager owns a field with another value and `force` is false; 400 for managedFields in the configuration.
 */
export function apply(live: JsonObject | undefined, config: JsonObject, origin: WriteOrigin, force: boolean): JsonObject {
  if (entriesOf(config) !== undefined) throw badRequest('metadata.managedFields must be nil');
  const managed = decode(entriesOf(live));
  const { schema, resetFields, manager, apiVersion, subresource, time } = origin;
  if (managed.size === 0 && live !== undefined) noteUpdate(managed, undefined, live, { ...origin, manager: 'before-first-apply' });
  const base = live === undefined ? blankOf(config, origin) : copyOf(withManaged(live, undefined));

  const entry: Entry = { manager, operation: 'Apply', apiVersion, subresource, time: undefined, set: new FieldSet() };
  const id = idOf(entry);
  const last = managed.get(id);
  const merged = merge(base, config, schema) as JsonObject;
  entry.set = fieldsOf(config, schema).withoutFields(resetFields);
  entry.time = last?.time;
  managed.set(id, entry);
  const next = last === undefined || last.set.isEmpty ? merged : pruned(merged, managed, last.set, schema);

  takeOver(managed, id, filtered(compare(base, next, schema), resetFields), force);
  const own = managed.get(id);
  if (own !== undefined) {
    put(managed, id, { ...own, set: own.set.difference(STRIPPED), time: isEqual(base, next) ? own.time : time });
  }
  return withManaged(next, managed);
}

/** Drops what this manager applied last time, does not apply now, and nobody else owns. */
function pruned(merged: JsonObject, managed: Managed, last: FieldSet, schema: Schema): JsonObject {
  const lastNamed = withNamedParents(last, schema);
  const mergedNamed = withNamedParents(fieldsOf(merged, schema), schema);
  const named = (value: unknown): FieldSet => withNamedParents(fieldsOf(value ?? {}, schema), schema);
  let owned = new FieldSet();
  for (const entry of managed.values()) owned = owned.union(entry.set);
  const bare = without(merged, lastNamed, schema);
  const withOwned = without(merged, mergedNamed.difference(named(bare).union(withNamedParents(owned, schema))), schema);
  return without(merged, mergedNamed.difference(named(withOwned)).intersection(lastNamed), schema) as JsonObject;
}

function takeOver(managed: Managed, ownId: string, { added, removed, modified }: Comparison, force: boolean): void {
  const taken = modified.union(added);
  const contested = new Map<string, FieldSet>();
  for (const [id, entry] of managed) {
    const set = entry.set.intersection(taken);
    if (id !== ownId && !set.isEmpty) contested.set(id, set);
  }
  if (!force && contested.size > 0) throw conflictOf(managed, contested);
  for (const [id, entry] of [...managed]) {
    if (id !== ownId) put(managed, id, { ...entry, set: entry.set.difference(contested.get(id) ?? new FieldSet()).difference(removed) });
  }
}

function printManager({ manager, subresource, operation, apiVersion }: Entry): string {
  const name = `${JSON.stringify(manager)}${subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`}`;
  return operation === 'Update' ? `${name} using ${apiVersion}` : name;
}

function conflictOf(managed: Managed, contested: ReadonlyMap<string, FieldSet>): Error {
  const byManager = [...contested].map(([id, set]) => ({
    manager: printManager(managed.get(id)!),
    paths: [...set.paths()].map(printPath),
  }));
  byManager.sort((a, b) => (a.manager < b.manager ? -1 : 1));
  const causes = byManager.flatMap(({ manager, paths }) =>
    paths.map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${manager}`, field })),
  );
  if (causes.length === 1) return applyConflict(`Apply failed with 1 conflict: ${causes[0]!.message}: ${causes[0]!.field}`, causes);
  const lines = byManager.flatMap(({ manager, paths }) => [`conflicts with ${manager}:`, ...paths.map((path) => `- ${path}`)]);
  return applyConflict(`Apply failed with ${causes.length} conflicts: ${lines.join('\n')}`, causes);
}
