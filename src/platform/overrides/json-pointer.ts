/** JSON pointers (RFC 6901) as lists of decoded segments. Pure. */
import { isJsonMap, type Json } from '../json';

/** Decoded, outermost first. Empty = the whole document. */
export type Pointer = readonly string[];

/** Segments that no pointer of a user may have, whatever it points to. */
const REFUSED_SEGMENTS: readonly string[] = ['__proto__', 'prototype', 'constructor'];

/** @returns the segments, or a sentence that says what is wrong with the text. */
export function parsePointer(text: string): Pointer | { readonly problem: string } {
  if (text === '') return { problem: 'the empty pointer means the whole object, which is refused' };
  if (!text.startsWith('/'))
    return { problem: `a pointer starts with "/", for example ${JSON.stringify(`/${text.replaceAll('.', '/')}`)}` };
  if (/~(?![01])/.test(text)) return { problem: 'after "~" only 0 or 1 may follow ("~0" is "~", "~1" is "/")' };
  const segments = text.slice(1).split('/').map(decode);
  const refused = segments.find((segment) => REFUSED_SEGMENTS.includes(segment));
  return refused === undefined ? segments : { problem: `the segment "${refused}" is refused` };
}

/** `~1` first: `~01` is `~1`, not `/`. */
function decode(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~');
}

export function pointerText(pointer: Pointer): string {
  return pointer.map((segment) => `/${segment.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** Whether `pointer` is `ancestor` or below it. */
export function isAtOrBelow(pointer: Pointer, ancestor: Pointer): boolean {
  return ancestor.length <= pointer.length && ancestor.every((segment, index) => segment === pointer[index]);
}

/** The position a segment names in a list: digits without leading zero. @returns `undefined` for anything else. */
export function listIndex(segment: string): number | undefined {
  return /^(?:0|[1-9][0-9]{0,8})$/.test(segment) ? Number(segment) : undefined;
}

/** The own member or element of a value; `undefined` when there is none. */
export function memberOf(value: Json | undefined, segment: string): Json | undefined {
  if (Array.isArray(value)) {
    const index = listIndex(segment);
    return index === undefined ? undefined : (value as readonly Json[])[index];
  }
  return isJsonMap(value) && Object.hasOwn(value, segment) ? value[segment] : undefined;
}

/** What is there; `undefined` when nothing is. */
export function valueAt(document: Json, pointer: Pointer): Json | undefined {
  let value: Json | undefined = document;
  for (const segment of pointer) value = memberOf(value, segment);
  return value;
}
