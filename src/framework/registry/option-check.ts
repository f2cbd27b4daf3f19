/**
 * Reads one declaration's options with defaults, collecting every mistake instead of stopping at the first.
 *
 * Owns: the wording of option mistakes. Never: knows what an option is for.
 */
import type { Declaration } from '../decorators/declaration';
import type { HandlerClass } from '../decorators/handler';
import type { ConfigProblem } from '../errors/config-error';

const PATH = /^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*$/;

/** What becomes a label of metrics and a field of logs. */
const NAME = /^[\p{L}\p{N}_$][-\p{L}\p{N}_$.]{0,127}$/u;
export const NAMES = 'letters, digits and . _ - $, at most 128, the first one no punctuation';

export class OptionCheck {
  /** `Class.method`, how messages name the place. */
  readonly place: string;

  /** @param path where the options stand, with a dot behind, when they are a part of those of the declaration. */
  constructor(
    private readonly Class: HandlerClass | { name: string },
    readonly declaration: Declaration,
    private readonly problems: ConfigProblem[],
    private readonly path = '',
    private readonly options: Readonly<Record<string, unknown>> = declaration.options,
  ) {
    this.place = `${Class.name}.${declaration.method}`;
  }

  /** The check of an option that has options itself; `undefined` when it is not given or no object. */
  nested(name: string, allowed: readonly string[], value: unknown = this.value(name)): OptionCheck | undefined {
    if (value === undefined) return undefined;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.range(name, value, `an object with the options ${[...allowed].sort().join(', ')}`);
      return undefined;
    }
    const options = value as Record<string, unknown>;
    const inner = new OptionCheck(this.Class, this.declaration, this.problems, `${this.path}${name}.`, options);
    inner.allowOnly(allowed);
    return inner;
  }

  problem(code: string, text: string): void {
    this.problems.push({ code, text: `${this.place}: ${text}` });
  }

  allowOnly(names: readonly string[]): void {
    const owner = this.path === '' ? `@${this.declaration.decorator}` : this.path.slice(0, -1);
    for (const name of Object.keys(this.options)) {
      if (names.includes(name)) continue;
      this.problem('OPTION_UNKNOWN', `${owner} has no option ${name}; allowed: ${[...names].sort().join(', ')}`);
    }
  }

  value<T>(name: string): T | undefined {
    return this.options[name] as T | undefined;
  }

  /** A number of at least `min`, and at most `max` if given. */
  number(name: string, fallback: number, min: number, max = Number.POSITIVE_INFINITY): number {
    const value = this.value<unknown>(name);
    if (value === undefined) return fallback;
    if (typeof value === 'number' && value >= min && value <= max) return value;
    this.range(name, value, max === Number.POSITIVE_INFINITY ? `numbers from ${min}` : `numbers from ${min} to ${max}`);
    return fallback;
  }

  /** A number as `number` takes it, without a fraction. */
  wholeNumber(name: string, fallback: number, min: number, max = Number.POSITIVE_INFINITY): number {
    const value = this.value<unknown>(name);
    if (value === undefined) return fallback;
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
    this.range(name, value, max === Number.POSITIVE_INFINITY ? `whole numbers from ${min}` : `whole numbers from ${min} to ${max}`);
    return fallback;
  }

  choice<T extends string>(name: string, fallback: T, allowed: readonly T[]): T {
    const value = this.value<unknown>(name);
    if (value === undefined) return fallback;
    if (allowed.includes(value as T)) return value as T;
    this.range(name, value, allowed.join(', '));
    return fallback;
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.value<unknown>(name);
    if (value === undefined) return fallback;
    if (typeof value === 'boolean') return value;
    this.range(name, value, 'true, false');
    return fallback;
  }

  /** Not called; what it takes and returns is the compiler's to check. */
  callable<T>(name: string): T | undefined {
    const value = this.value<unknown>(name);
    if (value === undefined || typeof value === 'function') return value as T | undefined;
    this.range(name, value, 'a function');
    return undefined;
  }

  text(name: string): string | undefined {
    const value = this.value<unknown>(name);
    if (value === undefined || typeof value === 'string') return value;
    this.range(name, value, 'text');
    return undefined;
  }

  /** Something that ids are made of, see `isName`. */
  name(name: string, fallback?: string): string {
    const value = this.value<unknown>(name) ?? fallback;
    if (isName(value)) return value;
    this.range(name, value, NAMES);
    return '';
  }

  /** How messages name an option of these. */
  pathOf(name: string): string {
    return `${this.path}${name}`;
  }

  range(name: string, value: unknown, allowed: string): void {
    this.problem('OPTION_RANGE', `${this.pathOf(name)} is ${textOf(value)}; allowed: ${allowed}`);
  }

  /** Splits dotted paths. */
  paths(name: string): readonly (readonly string[])[] {
    const value = this.value<unknown>(name);
    if (value === undefined) return [];
    const given: readonly unknown[] = Array.isArray(value) ? value : [value];
    for (const path of given) {
      if (typeof path === 'string' && PATH.test(path)) continue;
      this.problem('PATH_SYNTAX', `field path ${typeof path === 'string' ? path : textOf(path)} is not dotted names such as spec.ports`);
    }
    return given.filter((path) => typeof path === 'string').map((path) => path.split('.'));
  }
}

export function isName(value: unknown): value is string {
  return typeof value === 'string' && NAME.test(value);
}

/** One line. Objects are named by their kind of value: their text would say nothing, and not all of them have one. */
export function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value === 'function') return 'a function';
  // Where it begins and ends could not be seen otherwise.
  if (typeof value === 'string' && /^$|^\s|\s$|\p{C}/u.test(value)) return JSON.stringify(value);
  return String(value);
}
