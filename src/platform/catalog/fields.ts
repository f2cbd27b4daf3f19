/** Reads the members of a map one by one, and tells about those of the wrong type and those that nobody asked for. */
import { isJsonMap, type Json, type JsonMap } from '../json';
import type { Problems } from './catalog-error';

export class Fields {
  private readonly seen = new Set<string>();

  constructor(
    private readonly map: JsonMap,
    readonly file: string,
    readonly path: string,
    readonly problems: Problems,
  ) {}

  /** Reads a value that has to be a map. @returns `undefined`, with a problem, when it is not. */
  static of(value: Json | undefined, file: string, path: string, problems: Problems): Fields | undefined {
    if (isJsonMap(value)) return new Fields(value, file, path, problems);
    problems.add(file, path, 'has to be a map');
    return undefined;
  }

  refuse(name: string, text: string): void {
    this.problems.add(this.file, this.pathOf(name), text);
  }

  pathOf(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  raw(name: string): Json | undefined {
    this.seen.add(name);
    const value = Object.hasOwn(this.map, name) ? this.map[name] : undefined;
    return value === null ? undefined : value;
  }

  text(name: string): string | undefined {
    return this.typed(name, 'text', (value) => typeof value === 'string' && value !== '');
  }

  requiredText(name: string): string | undefined {
    if (this.raw(name) === undefined) this.refuse(name, 'is missing');
    return this.text(name);
  }

  flag(name: string, byDefault: boolean): boolean {
    return this.typed<boolean>(name, 'true or false', (value) => typeof value === 'boolean') ?? byDefault;
  }

  wholeNumber(name: string, byDefault: number): number {
    return this.typed<number>(name, 'a whole number from 0', (value) => Number.isSafeInteger(value) && (value as number) >= 0) ?? byDefault;
  }

  choice<T extends string>(name: string, allowed: readonly T[]): T | undefined {
    return this.typed<T>(name, allowed.join(' | '), (value) => allowed.includes(value as T));
  }

  texts(name: string): readonly string[] {
    return this.typed<string[]>(name, 'a list of texts', isTexts) ?? [];
  }

  textOrTexts(name: string): readonly string[] {
    const value = this.raw(name);
    return typeof value === 'string' && value !== '' ? [value] : this.texts(name);
  }

  list(name: string): readonly Json[] {
    return this.typed<readonly Json[]>(name, 'a list', Array.isArray) ?? [];
  }

  mapOf(name: string): JsonMap {
    return this.typed<JsonMap>(name, 'a map', isJsonMap) ?? {};
  }

  /** Of members that nothing has read. */
  finish(): void {
    for (const name of Object.keys(this.map)) if (!this.seen.has(name)) this.refuse(name, 'is not known here');
  }

  private typed<T = string>(name: string, wanted: string, isWanted: (value: unknown) => boolean): T | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (isWanted(value)) return value as T;
    this.refuse(name, `is ${excerpt(value)}; allowed: ${wanted}`);
    return undefined;
  }
}

const MAX_EXCERPT_CHARS = 60;

function excerpt(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > MAX_EXCERPT_CHARS ? `${text.slice(0, MAX_EXCERPT_CHARS - 3)}...` : text;
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((element) => typeof element === 'string' && element !== '');
}
