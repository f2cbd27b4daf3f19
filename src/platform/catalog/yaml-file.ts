/**
 * Reads the YAML files of a catalog.
 *
 * Owns: which YAML is allowed. What parsers of different versions read differently (`0644`, `yes`, `1_000`, `12:30`) is refused, so that a
 * file says the same to everybody.
 */
import { type Document, isAlias, isScalar, LineCounter, parseAllDocuments, type Scalar, visit } from 'yaml';
import { isCyclic, type Json } from '../json';
import type { Problems } from './catalog-error';

const MAX_ALIASES = 100;

/** What a plain scalar must not look like, with what to write instead. */
const TRAPS: readonly (readonly [RegExp, string])[] = [
  [/^[-+]?0[0-9]+$/, 'has a leading zero: some parsers read it as octal, others do not; write the decimal number, 0o..., or quote it'],
  [/^(y|yes|n|no|on|off)$/i, 'is a truth value to some parsers and text to others; write true or false, or quote it'],
  [/^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$/, 'is a number to base 60 to some parsers; quote it'],
  [
    /^[-+]?(0x[0-9a-fA-F_]*_[0-9a-fA-F_]*|0[ob][0-7_]*_[0-7_]*|[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?)$/,
    'is a number to some parsers and text to others; write it without underscores, or quote it',
  ],
];

/** @returns the documents of the file; `undefined` when something is wrong, which `problems` then tells. */
export function readYaml(text: string, file: string, problems: Problems): Json[] | undefined {
  const before = problems.found.length;
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { version: '1.2', merge: false, uniqueKeys: true, stringKeys: true, lineCounter: lines });
  const tell = (offset: number | undefined, what: string): void => {
    problems.add(file, '', `line ${lines.linePos(offset ?? 0).line}: ${what}`);
  };
  if (!Array.isArray(documents)) return [];
  const tab = text.indexOf('\t');
  if (tab >= 0) tell(tab, 'has a tab; write spaces, or \\t in double quotes');
  for (const document of documents) {
    for (const { pos, message } of [...document.errors, ...document.warnings])
      tell(pos[0], message.split('\n', 1)[0]!.replace(/ at line \d+.*$/, ''));
    lint(document, tell);
  }
  if (problems.found.length > before) return undefined;
  const values = problems.attempt(file, '', () => documents.map(jsonIn));
  return problems.found.length > before ? undefined : values;
}

function jsonIn(document: Document): Json {
  const value = document.toJS({ maxAliasCount: MAX_ALIASES }) as Json;
  if (isCyclic(value)) throw new TypeError('an alias stands inside of what it names');
  return value;
}

function lint(document: Document, tell: (offset: number | undefined, what: string) => void): void {
  visit(document, {
    Pair(_key, { key }) {
      const name = isScalar(key) ? String(key.value) : undefined;
      if (name === '__proto__') tell((key as Scalar).range?.[0], 'the key __proto__ is not allowed');
      if (name === '<<') tell((key as Scalar).range?.[0], 'merge keys (<<) are not allowed; repeat the members');
      if (isAlias(key)) tell(key.range?.[0], 'a key cannot be an alias');
    },
    Scalar(_key, { type, source, value, range }) {
      const trap = type === 'PLAIN' ? TRAPS.find(([pattern]) => pattern.test(source ?? '')) : undefined;
      if (trap !== undefined) tell(range?.[0], `${source} ${trap[1]}`);
      if (typeof value === 'number' && !isExact(value)) tell(range?.[0], `${source} is no number that JSON can hold exactly; quote it`);
    },
  });
}

function isExact(number: number): boolean {
  return Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number));
}
