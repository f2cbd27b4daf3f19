/** Turns flag tables into options of the command line parser, so that help, parser and settings cannot disagree. */
import { type Command, Option } from 'commander';
import type { FlagDefinition, FlagValues } from '../framework/basics';

/** Adds one option for each flag. Values stay text; `Settings` judges them. */
export function addFlags(command: Command, flags: readonly FlagDefinition[]): Command {
  for (const { key, flag, env, value, isSwitch = false, isRepeatable = false, default: fallback, description } of flags) {
    const known = fallback === '' ? `env ${env}` : `default ${fallback}, env ${env}`;
    const option = new Option(`${flag} ${isSwitch ? `[${value}]` : `<${value}>`}`, `${description} (${known})`);
    if (isRepeatable) option.argParser((item, before: string | undefined) => (before === undefined ? item : `${before},${item}`));
    command.addOption(option.attributeName() === key ? option : misnamed(key, flag));
  }
  return command;
}

/** A flag whose key is not its camel-cased name would be lost without a trace. */
function misnamed(key: string, flag: string): never {
  throw new TypeError(`flag ${flag} has the key ${key}; it must be the flag's name in camel case`);
}

/** What the parser found, in the form that `Settings` takes. */
export function flagValues(command: Command): FlagValues {
  return command.opts<FlagValues>();
}
