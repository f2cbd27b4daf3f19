/**
 * Reads one declaration's options with defaults, collecting every mistake instead of stopping at the first.
 *
 * Owns: the wording of option mistakes. Never: knows what an option is for.
 */
import type { Declaration } from '../decorators/declaration';
import type { HandlerClass } from '../decorators/handler';
import type { ConfigProblem } from '../errors/config-error';

const PATH = /^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*$/;

export class OptionCheck {
  /** `Class.method`, how messages name the place. */
  readonly place: string;

  constructor(
    Class: HandlerClass,
    readonly declaration: Declaration,
    private readonly problems: ConfigProblem[],
  ) {
    this.place = `${Class.name}.${declaration.method}`;
  }

  problem(code: string, text: string): void {
    this.problems.push({ code, text: `${this.place}: ${text}` });
  }

  allowOnly(names: readonly string[]): void {
    for (const name of Object.keys(this.declaration.options)) {
      if (names.includes(name)) continue;
      this.problem('OPTION_UNKNOWN', `@${this.declaration.decorator} has no option ${name}; allowed: ${[...names].sort().join(', ')}`);
    }
  }

  value<T>(name: string): T | undefined {
    return this.declaration.options[name] as T | undefined;
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

  range(name: string, value: unknown, allowed: string): void {
    this.problem('OPTION_RANGE', `${name} is ${textOf(value)}; allowed: ${allowed}`);
  }

  /** Splits dotted paths. */
  paths(name: string): readonly (readonly string[])[] {
    const value = this.value<unknown>(name);
    if (value === undefined) return [];
    const given: readonly unknown[] = Array.isArray(value) ? value : [value];
    for (const path of given) {
      if (typeof path === 'string' && PATH.test(path)) continue;
      this.problem('PATH_SYNTAX', `field path ${textOf(path)} is not dotted names such as spec.ports`);
    }
    return given.filter((path) => typeof path === 'string').map((path) => path.split('.'));
  }
}

/** Objects are named by their kind of value: their text would say nothing, and not all of them have one. */
function textOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
