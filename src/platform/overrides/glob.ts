/**
 * Globs as shells and Go's `path.Match` know them: `*`, `?`, `[a-z]`, `[^a-z]` or `[!a-z]`, and `\` before what stands for itself.
 *
 * Guarantees: matching takes time in the order of pattern times text, whatever the pattern; none is turned into a regular expression.
 */
type Token =
  | { readonly kind: 'any' }
  | { readonly kind: 'one' }
  | { readonly kind: 'text'; readonly character: string }
  | { readonly kind: 'class'; readonly isNegated: boolean; readonly ranges: readonly (readonly [string, string])[] };

export interface Glob {
  matches(text: string): boolean;
}

/** @throws {TypeError} with a sentence that says what is wrong. */
export function parseGlob(pattern: string): Glob {
  const tokens = tokensOf([...pattern]);
  return { matches: (text) => matches(tokens, [...text]) };
}

function tokensOf(pattern: readonly string[]): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]!;
    if (character === '*') tokens.push({ kind: 'any' });
    else if (character === '?') tokens.push({ kind: 'one' });
    else if (character === '\\') {
      at++;
      tokens.push({ kind: 'text', character: escaped(pattern, at) });
    } else if (character === '[') {
      const { token, end } = classAt(pattern, at);
      tokens.push(token);
      at = end;
    } else tokens.push({ kind: 'text', character });
  }
  return tokens;
}

function escaped(pattern: readonly string[], at: number): string {
  const character = pattern[at];
  if (character === undefined) throw new TypeError('it ends with a single "\\"');
  return character;
}

/** @param start where the bracket opens. @returns where it closes. */
function classAt(pattern: readonly string[], start: number): { token: Token; end: number } {
  let at = start + 1;
  const isNegated = pattern[at] === '^' || pattern[at] === '!';
  if (isNegated) at++;
  const ranges: [string, string][] = [];
  while (pattern[at] !== ']' || ranges.length === 0) {
    const low = classCharacter(pattern, at);
    at = low.next;
    if (pattern[at] !== '-') {
      ranges.push([low.character, low.character]);
      continue;
    }
    const high = classCharacter(pattern, at + 1);
    at = high.next;
    if (high.character < low.character) throw new TypeError(`the range ${low.character}-${high.character} is upside down`);
    ranges.push([low.character, high.character]);
  }
  return { token: { kind: 'class', isNegated, ranges }, end: at };
}

function classCharacter(pattern: readonly string[], at: number): { character: string; next: number } {
  const character = pattern[at];
  if (character === '\\') return { character: escaped(pattern, at + 1), next: at + 2 };
  if (character === undefined || character === '-' || character === ']') throw new TypeError('a "[" has no proper "]"');
  return { character, next: at + 1 };
}

/** The last `*` is the only one that needs to be tried again. */
function matches(tokens: readonly Token[], text: readonly string[]): boolean {
  let [token, at] = [0, 0];
  let retry: { token: number; at: number } | undefined;
  while (at < text.length) {
    const wanted = tokens[token];
    if (wanted?.kind === 'any') {
      retry = { token: token + 1, at };
      token++;
    } else if (wanted !== undefined && matchesOne(wanted, text[at]!)) {
      token++;
      at++;
    } else if (retry !== undefined && text[retry.at] !== '/') {
      retry.at++;
      token = retry.token;
      at = retry.at;
    } else return false;
  }
  return tokens.slice(token).every(({ kind }) => kind === 'any');
}

function matchesOne(token: Token, character: string): boolean {
  if (token.kind === 'text') return token.character === character;
  if (character === '/' || token.kind === 'any') return false;
  if (token.kind === 'one') return true;
  return token.ranges.some(([low, high]) => low <= character && character <= high) !== token.isNegated;
}
