/**
 * The modules of this build, by the names that `--modules` takes.
 *
 * Never: loads a module, since help and checks need the names only.
 */
import { UsageError } from '../framework/basics';

export const MODULE_NAMES = ['wol', 'platform', 'machines'] as const;
export type ModuleName = (typeof MODULE_NAMES)[number];

/** @throws {UsageError} naming the value and the modules there are. */
export function parseModules(flag: string, text: string): ModuleName[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const unknown = names.find((name) => !isModuleName(name));
  if (unknown !== undefined || names.length === 0) {
    throw new UsageError(`${flag} names ${JSON.stringify(unknown ?? text)}; allowed: ${MODULE_NAMES.join(', ')}`);
  }
  return [...new Set(names.filter(isModuleName))];
}

function isModuleName(name: string): name is ModuleName {
  return (MODULE_NAMES as readonly string[]).includes(name);
}
