/**
 * Sets one member in a YAML text that belongs to somebody else.
 *
 * Invariant: the result says what was said before, and the new member. Everything else stays as it is written, comments and spaces
 * included, wherever the text has a place for the member; only text in flow style is written anew as a whole.
 */
import { type Document, isMap, isScalar, parseDocument, stringify, type YAMLMap } from 'yaml';
import { isJsonMap, isSameJson, type Json } from '../../json';

/** Long lines stay whole, and text that an older parser takes for something else is quoted. */
export const YAML_STYLE = { lineWidth: 0, compat: 'yaml-1.1' } as const;

/** @throws {TypeError} saying where the path meets something that is no map. */
export function yamlWith(document: Document, text: string, path: readonly string[], value: Json): string {
  requireMaps(document, path);
  const parsed = document.clone();
  parsed.setIn(path, value);
  const wanted = parsed.toJS() as Json;
  const edited = replaced(document, text, path, value) ?? inserted(document, text, path, value);
  return edited !== undefined && says(edited, wanted) ? edited : parsed.toString({ lineWidth: 0 });
}

function requireMaps(document: Document, path: readonly string[]): void {
  for (let depth = 0; depth < path.length; depth++) {
    const parent = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true);
    if (parent === undefined || parent === null || isMap(parent)) continue;
    if (isScalar(parent) && parent.value === null && depth === 0) continue;
    throw new TypeError(depth === 0 ? 'got text that is no map' : `finds no map at ${path.slice(0, depth).join('.')}`);
  }
}

/** Only a value on one line can be replaced by another. */
function replaced(document: Document, text: string, path: readonly string[], value: Json): string | undefined {
  const node = document.getIn(path, true);
  if (!isScalar(node) || !node.range || typeof value === 'object' || node.source === '') return undefined;
  const [start, end] = node.range;
  return text.slice(0, start) + stringify(value, YAML_STYLE).trimEnd() + text.slice(end);
}

/** Adds lines after the last member of the deepest map on the path that there is. */
function inserted(document: Document, text: string, path: readonly string[], value: Json): string | undefined {
  const { map, depth } = deepestMap(document, path);
  const first = map?.items[0]?.key;
  if (map === undefined || map.flow || !isScalar(first) || !first.range) return undefined;
  const column = first.range[0] - (text.lastIndexOf('\n', first.range[0] - 1) + 1);
  const end = endOfLines(text, lastOffset(map));
  const nested = path.slice(depth).reduceRight<Json>((inner, member) => ({ [member]: inner }), value);
  const lines = stringify(nested, YAML_STYLE).trimEnd().split('\n');
  const block = lines.map((line) => (line === '' ? '' : ' '.repeat(column) + line)).join('\n');
  const before = text.slice(0, end);
  return `${before}${before.endsWith('\n') ? '' : '\n'}${block}\n${text.slice(end)}`;
}

function deepestMap(document: Document, path: readonly string[]): { map: YAMLMap | undefined; depth: number } {
  let map = isMap(document.contents) ? document.contents : undefined;
  let depth = 0;
  while (map !== undefined && depth < path.length) {
    const inner = map.get(path[depth], true);
    if (!isMap(inner)) break;
    map = inner;
    depth += 1;
  }
  return { map, depth };
}

function lastOffset(map: YAMLMap): number {
  const last = map.items.at(-1)!;
  const node = last.value ?? last.key;
  return (node as { range?: [number, number, number] }).range?.[1] ?? 0;
}

/** The start of the line after the one that a value ends in. */
function endOfLines(text: string, offset: number): number {
  if (text[offset - 1] === '\n') return offset;
  const newline = text.indexOf('\n', offset);
  return newline < 0 ? text.length : newline + 1;
}

function says(text: string, wanted: Json): boolean {
  const document = parseDocument(text, { uniqueKeys: true });
  return document.errors.length === 0 && isJsonMap(wanted) && isSameJson(document.toJS() as Json, wanted);
}
