/**
 * The files that a MachineConfig puts on nodes, by what is in them.
 *
 * The same bytes can be written in many ways: plain or base64, gzip by another compressor or of another level. A node pool that is handed
 * another way of writing reboots its nodes for nothing; hence what is there is kept as it is written as long as it means the same. Pure.
 */
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { isJsonMap, isSameJson, type Json, type JsonMap } from '../json';
import { valueAt } from '../overrides/json-pointer';
import { groupOf } from '../overrides/sensitive-kinds';

/** A file may inflate to this much; more is no configuration, and left as it is written. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;
const DATA_URL = /^data:([^,]*),(.*)$/s;

function isMachineConfig(object: JsonMap): boolean {
  return object['kind'] === 'MachineConfig' && groupOf(String(object['apiVersion'])) === 'machineconfiguration.openshift.io';
}

/** The bytes of `contents`; `undefined` when they cannot be told, as with a URL elsewhere. */
function decoded(contents: Json | undefined): Buffer | undefined {
  if (!isJsonMap(contents)) return undefined;
  const { source, compression = null } = contents;
  const match = typeof source === 'string' ? DATA_URL.exec(source) : null;
  if (match === null) return undefined;
  try {
    const [, type = '', data = ''] = match;
    const text = decodeURIComponent(data);
    const bytes = /;base64$/i.test(type) ? Buffer.from(text, 'base64') : Buffer.from(text);
    if (compression === 'gzip') return gunzipSync(bytes, { maxOutputLength: MAX_FILE_BYTES });
    return compression === null || compression === '' ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** The object with a digest in place of each way of writing, for comparison. */
export function withComparablePayload(object: JsonMap): JsonMap {
  return isMachineConfig(object)
    ? withFiles(object, (file) => {
        const bytes = decoded(file['contents']);
        return bytes === undefined ? file : { ...file, contents: createHash('sha256').update(bytes).digest('hex') };
      })
    : object;
}

const ATTRIBUTES: readonly string[] = ['mode', 'user', 'group', 'overwrite'];

/** The desired object, with files and version written as they are in the live one wherever that means the same. */
export function withPayloadOf(live: JsonMap, desired: JsonMap): JsonMap {
  if (!isMachineConfig(desired)) return desired;
  const known = new Map(filesOf(live).map((file) => [file['path'], file]));
  const kept = withFiles(desired, (file) => {
    const before = known.get(file['path']);
    if (before === undefined || !ATTRIBUTES.every((name) => isSameJson(before[name] ?? null, file[name] ?? null))) return file;
    const [old, now] = [decoded(before['contents']), decoded(file['contents'])];
    return old !== undefined && now !== undefined && old.equals(now) ? { ...file, contents: before['contents']! } : file;
  });
  return withVersionOf(live, kept);
}

/** Ignition of a newer 3.x reads older configurations; one that differs in nothing else need not go back. */
function withVersionOf(live: JsonMap, desired: JsonMap): JsonMap {
  const [old, now] = [ignitionVersion(live), ignitionVersion(desired)];
  if (old === undefined || now === undefined || minor(old) === undefined || (minor(old) ?? 0) <= (minor(now) ?? Number.POSITIVE_INFINITY)) {
    return desired;
  }
  const moved = withVersion(desired, old);
  return isSameJson(withoutEmpty(moved['spec'] ?? null), withoutEmpty(live['spec'] ?? null)) ? moved : desired;
}

function minor(version: string): number | undefined {
  const match = /^3\.([0-9]{1,4})\.0$/.exec(version);
  return match === null ? undefined : Number(match[1]);
}

function ignitionVersion(object: JsonMap): string | undefined {
  const version = valueAt(object, ['spec', 'config', 'ignition', 'version']);
  return typeof version === 'string' ? version : undefined;
}

function withVersion(object: JsonMap, version: string): JsonMap {
  return withMember(object, ['spec', 'config', 'ignition', 'version'], version);
}

function filesOf(object: JsonMap): readonly JsonMap[] {
  const files = valueAt(object, ['spec', 'config', 'storage', 'files']);
  return Array.isArray(files) ? (files as readonly Json[]).filter(isJsonMap) : [];
}

function withFiles(object: JsonMap, change: (file: JsonMap) => JsonMap): JsonMap {
  const path = ['spec', 'config', 'storage', 'files'];
  const files = valueAt(object, path);
  if (!Array.isArray(files)) return object;
  return withMember(
    object,
    path,
    (files as readonly Json[]).map((file) => (isJsonMap(file) ? change(file) : file)),
  );
}

function withMember(object: JsonMap, [first, ...rest]: readonly string[], value: Json): JsonMap {
  const inner = object[first!];
  return { ...object, [first!]: rest.length === 0 ? value : withMember(isJsonMap(inner) ? inner : {}, rest, value) };
}

/** The API server keeps `compression: ""` and others do not. */
function withoutEmpty(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(withoutEmpty);
  if (!isJsonMap(value)) return value;
  const members = Object.entries(value).map(([name, member]) => [name, withoutEmpty(member)] as const);
  return Object.fromEntries(members.filter(([, member]) => member !== null && member !== '' && !isEmptyContainer(member)));
}

function isEmptyContainer(value: Json): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
