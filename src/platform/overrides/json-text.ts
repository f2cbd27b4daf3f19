/**
 * Reads JSON text so that there is one reading of it only.
 *
 * `JSON.parse` keeps the last of two members of one name, rounds large integers and gives a member named `__proto__` a life of its own.
 * What is checked here is what is executed later, so a text that others could read in another way is refused.
 *
 * Guarantees: maps have no prototype; no member is named `__proto__`; every integer is exact; every string is well-formed Unicode.
 * Errors: JsonTextError, which says what is wrong and where.
 */
import type { Json } from '../json';

/** Deeper text is no configuration; also keeps the recursion from ending the process. */
const MAX_DEPTH = 100;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y;
const WHITE = /[ \t\n\r]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 8259 refuses exactly these in strings
const STRING = /"(?:[^"\\\u0000-\u001f]|\\.)*"/y;
const WORDS: Readonly<Record<string, Json>> = { true: true, false: false, null: null };

export class JsonTextError extends Error {
  constructor(
    problem: string,
    /** In characters, from 0. */
    readonly offset: number,
  ) {
    super(`${problem} at character ${offset + 1}`);
  }
}

/** @throws {JsonTextError} */
export function parseJsonText(text: string): Json {
  return new Reader(text).document();
}

class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  document(): Json {
    const value = this.value(0);
    this.skipWhite();
    if (this.at < this.text.length) this.fail('text follows the value');
    return value;
  }

  private value(depth: number): Json {
    if (depth > MAX_DEPTH) this.fail(`more than ${MAX_DEPTH} levels`);
    this.skipWhite();
    switch (this.text[this.at]) {
      case '{':
        return this.map(depth);
      case '[':
        return this.list(depth);
      case '"':
        return this.string();
      default:
        return this.scalar();
    }
  }

  private map(depth: number): Json {
    const map = Object.create(null) as Record<string, Json>;
    this.at++;
    if (this.takes('}')) return map;
    do {
      this.skipWhite();
      const start = this.at;
      if (this.text[start] !== '"') this.fail('a member name is missing');
      const name = this.string();
      if (name === '__proto__') this.fail('a member is named "__proto__", which is refused', start);
      if (Object.hasOwn(map, name)) this.fail(`the member ${JSON.stringify(name)} is there twice`, start);
      if (!this.takes(':')) this.fail('":" is missing');
      map[name] = this.value(depth + 1);
    } while (this.takes(','));
    if (!this.takes('}')) this.fail('"," or "}" is missing');
    return map;
  }

  private list(depth: number): Json {
    const list: Json[] = [];
    this.at++;
    if (this.takes(']')) return list;
    do list.push(this.value(depth + 1));
    while (this.takes(','));
    if (!this.takes(']')) this.fail('"," or "]" is missing');
    return list;
  }

  private string(): string {
    const start = this.at;
    const token = this.match(STRING) ?? this.fail('a string does not end, or holds a control character');
    let value: string;
    try {
      value = JSON.parse(token) as string;
    } catch {
      this.fail('a string holds an unknown escape', start);
    }
    // Half a surrogate pair reaches the API server as another character, so two names could become one.
    if (!value.isWellFormed()) this.fail('a string is no well-formed Unicode', start);
    return value;
  }

  private scalar(): Json {
    const start = this.at;
    for (const [word, value] of Object.entries(WORDS)) {
      if (!this.text.startsWith(word, start)) continue;
      this.at += word.length;
      return value;
    }
    const token = this.match(NUMBER) ?? this.fail(start >= this.text.length ? 'the text ends too early' : 'a value is missing');
    const value = Number(token);
    if (!Number.isFinite(value)) this.fail('a number is too large', start);
    if (Math.abs(value) > Number.MAX_SAFE_INTEGER && Number.isInteger(value)) this.fail('an integer is beyond 2^53-1', start);
    return Object.is(value, -0) ? 0 : value;
  }

  private takes(character: string): boolean {
    this.skipWhite();
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  private skipWhite(): void {
    this.match(WHITE);
  }

  private match(expression: RegExp): string | undefined {
    expression.lastIndex = this.at;
    const token = expression.exec(this.text)?.[0];
    this.at += token?.length ?? 0;
    return token;
  }

  private fail(problem: string, offset = this.at): never {
    throw new JsonTextError(problem, offset);
  }
}
