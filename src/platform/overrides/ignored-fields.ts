/**
 * Fields that the user keeps for himself: the annotation `platform.kubevirt.io/ignore-fields`.
 *
 * Owns: which pointers count, and taking them out of what we want. Never: copies a value of his into it, since that would make us owner.
 * Invariant: a pointer that is refused affects only itself; the desired object keeps its identity. Pure.
 */
import { isJsonMap, type Json, type JsonMap } from '../json';
import { memberOf, type Pointer, parsePointer, pointerText } from './json-pointer';
import { protectedPathAt } from './protected-paths';

const MAX_POINTERS = 128;
const MAX_BYTES = 8 * 1024;

export interface IgnoredFields {
  readonly pointers: readonly Pointer[];
  /** One sentence each, naming the pointer and the correct form. */
  readonly problems: readonly string[];
}

export const NOTHING_IGNORED: IgnoredFields = { pointers: [], problems: [] };

/** Reads the annotation; what depends on the object is checked by `withoutFields`. */
export function parseIgnoredFields(text: string): IgnoredFields {
  if (Buffer.byteLength(text) > MAX_BYTES)
    return { pointers: [], problems: [`the text is longer than ${MAX_BYTES} bytes, so none of it counts`] };
  const texts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const problems: string[] = [];
  if (texts.length > MAX_POINTERS) problems.push(`it has ${texts.length} pointers; the first ${MAX_POINTERS} count`);
  const pointers = new Map<string, Pointer>();
  for (const one of texts.slice(0, MAX_POINTERS)) {
    const pointer = usablePointer(one);
    if ('problem' in pointer) problems.push(`${shown(one)}: ${pointer.problem}`);
    else pointers.set(pointerText(pointer), pointer);
  }
  return { pointers: [...pointers.values()], problems };
}

function usablePointer(text: string): Pointer | { readonly problem: string } {
  if (text === '/') return { problem: 'it means the whole object; name a field, for example "/spec/replicas"' };
  const pointer = parsePointer(text);
  if ('problem' in pointer) return pointer;
  const touched = protectedPathAt(pointer);
  return touched === undefined ? pointer : { problem: `it touches ${touched}, which cannot be left to others` };
}

export interface MaskedObject {
  readonly object: JsonMap;
  /** Pointers that name something and could be ignored, whether or not the object has it. */
  readonly pointers: readonly Pointer[];
  readonly problems: readonly string[];
}

/** Takes the fields out of the desired object, and parents that this leaves empty. */
export function withoutFields(desired: JsonMap, { pointers, problems }: IgnoredFields): MaskedObject {
  let object = desired;
  const usable: Pointer[] = [];
  const refused: string[] = [];
  for (const pointer of pointers) {
    const problem = traversalProblem(desired, pointer);
    if (problem !== undefined) {
      refused.push(`${shown(pointerText(pointer))}: ${problem}`);
      continue;
    }
    usable.push(pointer);
    object = (without(object, pointer) ?? {}) as JsonMap;
  }
  return { object, pointers: usable, problems: [...problems, ...refused] };
}

/** Lists are atoms: the elements move when one is added, and then an index means another. */
function traversalProblem(desired: Json, pointer: Pointer): string | undefined {
  let value: Json | undefined = desired;
  for (const [at, segment] of pointer.entries()) {
    const above = pointerText(pointer.slice(0, at));
    if (Array.isArray(value)) return `${above} is a list, which can be ignored only as a whole: "${above}"`;
    if (value === undefined) return undefined;
    if (!isJsonMap(value)) return `${above} is a single value and has no fields; ignore "${above}"`;
    value = memberOf(value, segment);
  }
  return undefined;
}

/** @returns `undefined` when nothing is left that was not empty before. */
export function without(value: Json, [first, ...rest]: Pointer): Json | undefined {
  if (first === undefined) return undefined;
  if (!isJsonMap(value) || !Object.hasOwn(value, first)) return value;
  const { [first]: inner, ...others } = value;
  const left = rest.length === 0 ? undefined : without(inner!, rest);
  if (left !== undefined) return { ...value, [first]: left };
  return Object.keys(others).length === 0 ? undefined : others;
}

function shown(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}...` : text);
}
