/**
 * Flags and environment variables of a command, read by one set of rules.
 *
 * Owns: precedence (flag, then variable, then default) and the wording of refusals. Never: reads process.argv or process.env itself.
 * Invariant: a refusal is one line that names the flag, its value and what is allowed; it never shows the value of a secret flag.
 */
import { parseListenAddress } from '../serving/address';
import { parseDurationMs } from './duration';
import { UsageError } from './usage-error';

export interface FlagDefinition {
  /** Key under which the value is asked for. */
  readonly key: string;
  /** With its dashes; the same as `env` for what is read from the environment only. */
  readonly flag: string;
  readonly env: string;
  /** Placeholder of the value in the help text. */
  readonly value: string;
  /** The flag alone means `true`. */
  readonly isSwitch?: boolean;
  /** A list that may also be given one item at a time, with a flag for each. */
  readonly isRepeatable?: boolean;
  readonly default: string;
  readonly description: string;
}

/** Values as given on the command line; `true` for a switch without a value. */
export type FlagValues<K extends string = string> = Partial<Record<K, string | true>>;
export type Environment = Readonly<Record<string, string | undefined>>;

interface Given {
  readonly origin: string;
  readonly text: string;
}

export class Settings<K extends string = string> {
  private readonly definitions: readonly FlagDefinition[];
  private readonly flags: FlagValues;

  constructor(
    definitions: readonly (FlagDefinition & { readonly key: K })[],
    flags: FlagValues<K>,
    private readonly env: Environment,
  ) {
    this.definitions = definitions;
    this.flags = flags;
  }

  /** The value as text; an empty variable counts as absent. */
  text(key: K): string {
    return this.origin(key).text;
  }

  boolean(key: K): boolean {
    const text = this.text(key);
    if (text !== 'true' && text !== 'false') throw this.refuse(key, 'true or false');
    return text === 'true';
  }

  oneOf<T extends string>(key: K, allowed: readonly T[]): T {
    const text = this.text(key);
    if (!allowed.includes(text as T)) throw this.refuse(key, allowed.join(', '));
    return text as T;
  }

  wholeNumber(key: K, { min, max }: { min: number; max: number }): number {
    const text = this.text(key);
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(number >= min && number <= max)) throw this.refuse(key, `whole numbers from ${min} to ${max}`);
    return number;
  }

  durationMs(key: K, { minMs, maxMs }: { minMs: number; maxMs: number }): number {
    const ms = parseDurationMs(this.text(key));
    if (ms === undefined || ms < minMs || ms > maxMs)
      throw this.refuse(key, `${minMs / 1_000}s to ${maxMs / 1_000}s, for example 2s or 1m30s`);
    return ms;
  }

  /** Items between commas, trimmed, empty ones and repeats left out. */
  list(key: K): string[] {
    const items = this.text(key).split(',');
    return [...new Set(items.map((item) => item.trim()).filter((item) => item !== ''))];
  }

  /** `[host]:port`, or `0` for off; the text is returned as it stands. */
  listenAddress(key: K): string {
    const text = this.text(key);
    try {
      parseListenAddress(text);
    } catch {
      throw this.refuse(key, '[host]:port, or 0 for off');
    }
    return text;
  }

  /** The refusal of a value, to be thrown. */
  refuse(key: K, allowed: string): UsageError {
    const { origin, text } = this.origin(key);
    return new UsageError(`${origin} is ${JSON.stringify(text)}; allowed: ${allowed}`);
  }

  /** What was given, also when it is empty; `undefined` = neither flag nor variable is there. */
  given(key: K): string | undefined {
    const flag = this.flags[key];
    return flag === undefined ? this.env[this.definitionOf(key).env] : String(flag);
  }

  /** Flag, or variable where there is no flag, for messages. */
  nameOf(key: K): string {
    return this.definitionOf(key).flag;
  }

  private definitionOf(key: K): FlagDefinition {
    return this.definitions.find((candidate) => candidate.key === key)!;
  }

  private origin(key: K): Given {
    const definition = this.definitionOf(key);
    const flag = this.flags[key];
    if (flag !== undefined) return { origin: definition.flag, text: String(flag) };
    const inherited = this.env[definition.env];
    return inherited
      ? { origin: definition.flag === definition.env ? definition.env : `${definition.flag} (from ${definition.env})`, text: inherited }
      : { origin: definition.flag, text: definition.default };
  }
}
