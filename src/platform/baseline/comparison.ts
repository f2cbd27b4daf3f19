/**
 * What differs between two states of an object in a way that means something.
 *
 * Owns: when two values are the same although they are written in different ways. Never: says whose change it is. Pure.
 */
import { createHash } from 'node:crypto';
import { isJsonMap, isSameJson, type Json, type JsonMap } from '../json';
import { type Pointer, pointerText } from '../overrides/json-pointer';
import { isSameDuration, isSameQuantity } from './quantities';

const MAX_DIFFERENCES = 50;
const QUANTITY_MEMBERS: ReadonlySet<string> = new Set([
  ...['requests', 'limits', 'capacity', 'hard', 'evictionHard', 'evictionSoft', 'kubeReserved', 'systemReserved', 'reservedMemory'],
  ...['size', 'memory', 'cpu', 'storage'],
]);
const DURATION_MEMBER = /(duration|interval|timeout|renewbefore|period)$/i;

export interface Difference {
  readonly path: Pointer;
  /** `undefined` = absent. */
  readonly live: Json | undefined;
  readonly desired: Json | undefined;
}

interface Place {
  readonly path: Pointer;
  /** Of the value here (OpenAPI v3, structural); `undefined` when unknown. */
  readonly schema: JsonMap | undefined;
  readonly isQuantity: boolean;
  readonly isDuration: boolean;
}

/**
 * Lists are leaves.
 * @param schema of the whole object; without it all lists are in order and quantities are told by the names of members.
 * @returns at most 50.
 */
export function differencesBetween(live: JsonMap, desired: JsonMap, schema?: Json): readonly Difference[] {
  const found: Difference[] = [];
  compare(live, desired, { path: [], schema: mapOrNone(schema), isQuantity: false, isDuration: false }, found);
  return found;
}

function compare(live: Json | undefined, desired: Json | undefined, place: Place, found: Difference[]): void {
  if (found.length >= MAX_DIFFERENCES || live === desired) return;
  const [a, b] = [orEmptyMap(live), orEmptyMap(desired)];
  if (isJsonMap(a) && isJsonMap(b)) {
    for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) compare(own(a, name), own(b, name), below(place, name), found);
  } else if (!isSameLeaf(a, b, place)) {
    found.push({ path: place.path, live, desired });
  }
}

function own(map: JsonMap, name: string): Json | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined;
}

/** Null, absence, an empty map and an empty list say the same. */
function orEmptyMap(value: Json | undefined): Json {
  return value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0) ? {} : value;
}

function below(place: Place, name: string): Place {
  const properties = mapOrNone(place.schema?.['properties']);
  const schema = mapOrNone(properties?.[name]) ?? mapOrNone(place.schema?.['additionalProperties']);
  return {
    path: [...place.path, name],
    schema,
    isQuantity: place.isQuantity || QUANTITY_MEMBERS.has(name) || isQuantitySchema(schema),
    isDuration: DURATION_MEMBER.test(name),
  };
}

/** Definitions that are generated from Go say so by this pattern only. */
function isQuantitySchema(schema: JsonMap | undefined): boolean {
  return schema?.['x-kubernetes-int-or-string'] === true && String(schema['pattern'] ?? '').includes('KMGTPE]i');
}

function isSameLeaf(a: Json, b: Json, place: Place): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return isSameList(a, b, place);
  if (isSameJson(a, b)) return true;
  return (place.isQuantity && isSameQuantity(a, b)) || (place.isDuration && isSameDuration(a, b));
}

function isSameList(a: readonly Json[], b: readonly Json[], place: Place): boolean {
  if (a.length !== b.length) return false;
  const item: Place = { ...place, schema: mapOrNone(place.schema?.['items']) };
  const type = place.schema?.['x-kubernetes-list-type'];
  if (type !== 'map' && type !== 'set') return a.every((element, index) => isSame(element, b[index]!, item));
  const keys = place.schema?.['x-kubernetes-list-map-keys'];
  const names = type === 'map' && Array.isArray(keys) ? (keys as readonly Json[]).map(String) : undefined;
  const rest = new Map(b.map((element) => [identityOf(element, names), element]));
  if (rest.size !== b.length) return a.every((element, index) => isSame(element, b[index]!, item));
  return a.every((element) => {
    const other = rest.get(identityOf(element, names));
    return other !== undefined && isSame(element, other, item);
  });
}

function identityOf(element: Json, keys: readonly string[] | undefined): string {
  if (keys === undefined || !isJsonMap(element)) return JSON.stringify(element);
  return JSON.stringify(keys.map((key) => element[key] ?? null));
}

function isSame(a: Json, b: Json, place: Place): boolean {
  const found: Difference[] = [];
  compare(a, b, place, found);
  return found.length === 0;
}

function mapOrNone(value: Json | undefined): JsonMap | undefined {
  return isJsonMap(value) ? value : undefined;
}

const SHOWN_CHARS = 128;

/** For logs at debug level: pointers with values, of which long ones and those of Secrets are digests. */
export function shownDifferences(differences: readonly Difference[], kind: string): readonly Readonly<Record<string, string>>[] {
  return differences.map(({ path, live, desired }) => {
    const isSecret = kind === 'Secret' && (path[0] === 'data' || path[0] === 'stringData');
    return { path: pointerText(path), live: shown(live, isSecret), desired: shown(desired, isSecret) };
  });
}

function shown(value: Json | undefined, isSecret: boolean): string {
  const text = value === undefined ? '(absent)' : JSON.stringify(value);
  if (!isSecret && text.length <= SHOWN_CHARS) return text;
  return `sha256:${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}

/** For Events: at most five pointers and no values. */
export function pointersText(differences: readonly Difference[]): string {
  const shownOnes = differences.slice(0, 5).map(({ path }) => pointerText(path));
  const more = differences.length - shownOnes.length;
  return `${shownOnes.join(', ')}${more > 0 ? ` and ${more >= MAX_DIFFERENCES - 5 ? 'more' : `${more} more`}` : ''}`;
}
