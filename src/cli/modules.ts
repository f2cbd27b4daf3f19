/** The modules of this build, by the names that `--modules` takes. */
import { buildRegistry, type HandlerClass, type RbacFeatures, type RbacRule, rbacRules, UsageError } from '../framework';
import { wolHandlers } from '../wol';

const MODULES: Readonly<Record<string, readonly HandlerClass[]>> = { wol: wolHandlers };

export function moduleNames(): string[] {
  return Object.keys(MODULES);
}

/** @throws {UsageError} MODULE_UNKNOWN, naming the value and the modules there are. */
export function parseModules(flag: string, text: string): string[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const unknown = names.find((name) => !(name in MODULES));
  if (unknown !== undefined || names.length === 0) {
    throw new UsageError(`${flag} names ${JSON.stringify(unknown ?? text)}; allowed: ${moduleNames().join(', ')}`);
  }
  return [...new Set(names)];
}

export function handlersOf(modules: readonly string[]): HandlerClass[] {
  return modules.flatMap((name) => MODULES[name] ?? []);
}

export function managerRights(modules: readonly string[], features: RbacFeatures): RbacRule[] {
  return rbacRules(buildRegistry({ handlers: handlersOf(modules), domain: DOMAIN }), features);
}

/** Domain of our own annotations and finalizers. */
export const DOMAIN = 'virt-steward.io';
