/**
 * Takes out of a YAML text what somebody set in it.
 *
 * Invariant: the result says what was said before, without those members. Everything else stays as it is written, comments and spaces
 * included; only text in flow style is written anew as a whole. Pure.
 */
import { type Document, isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';
import { isJsonMap, isSameJson, type Json } from '../json';

/** Members of a map, from the outside to a leaf. */
type Path = readonly string[];

/**
 * @param set what was made of an empty text.
 * @returns `undefined` when one of the two is no map, or the text does not say what was set any more.
 */
export function textWithout(text: string, set: string): string | undefined {
  const [said, ours] = [jsonIn(text), jsonIn(set)];
  if (said === undefined || ours === undefined) return undefined;
  const leaves = leavesOf(ours);
  if (leaves.length === 0 || !leaves.every(({ path, value }) => isSameJson(at(said, path) ?? null, value))) return undefined;
  return leaves.reduce((left, { path }) => withoutMember(left, path), text);
}

function jsonIn(text: string): Json | undefined {
  const document = parseDocument(text, { uniqueKeys: true });
  const json = document.errors.length > 0 ? undefined : ((document.toJS() as Json) ?? {});
  return isJsonMap(json) ? json : undefined;
}

function leavesOf(value: Json, path: Path = []): { readonly path: Path; readonly value: Json }[] {
  if (!isJsonMap(value)) return [{ path, value }];
  return Object.entries(value).flatMap(([member, inner]) => leavesOf(inner ?? null, [...path, member]));
}

function at(value: Json, path: Path): Json | undefined {
  return path.reduce<Json | undefined>(
    (inner, member) => (isJsonMap(inner) && Object.hasOwn(inner, member) ? inner[member] : undefined),
    value,
  );
}

function withoutMember(text: string, path: Path): string {
  const document = parseDocument(text, { uniqueKeys: true });
  const top = topmost(document, path);
  const written = document.clone();
  written.deleteIn(top);
  const wanted = (written.toJS() as Json) ?? {};
  const cut = withoutLines(document, text, top);
  return cut !== undefined && isSameJson(jsonIn(cut) ?? null, wanted) ? cut : written.toString({ lineWidth: 0 });
}

/** With the last member of a map, the map goes as well. */
function topmost(document: Document, path: Path): Path {
  let top = path;
  while (top.length > 1) {
    const parent = document.getIn(top.slice(0, -1), true);
    if (!isMap(parent) || parent.items.length > 1) break;
    top = top.slice(0, -1);
  }
  return top;
}

/** @returns `undefined` where the member shares a line with something else. */
function withoutLines(document: Document, text: string, path: Path): string | undefined {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (!isMap(parent) || parent.flow) return undefined;
  const pair = pairOf(parent, path.at(-1)!);
  const keyRange = rangeOf(pair?.key);
  const endRange = rangeOf(pair?.value) ?? keyRange;
  if (keyRange === undefined || endRange === undefined) return undefined;
  const start = text.lastIndexOf('\n', keyRange[0] - 1) + 1;
  if (text.slice(start, keyRange[0]).trim() !== '') return undefined;
  return text.slice(0, start) + text.slice(endOfLine(text, endRange[1]));
}

function pairOf(map: YAMLMap, member: string): Pair | undefined {
  return map.items.find(({ key }) => isScalar(key) && String(key.value) === member);
}

function rangeOf(node: unknown): readonly [number, number, number] | undefined {
  return (node as { range?: [number, number, number] | null } | null | undefined)?.range ?? undefined;
}

/** The start of the line after the one that a value ends in. */
function endOfLine(text: string, offset: number): number {
  if (text[offset - 1] === '\n') return offset;
  const newline = text.indexOf('\n', offset);
  return newline < 0 ? text.length : newline + 1;
}
