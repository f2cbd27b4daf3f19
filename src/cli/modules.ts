/** What each module brings to the manager. */
import { buildRegistry, type HandlerClass, type RbacRule, rbacRules } from '../framework';
import { wolHandlers } from '../wol';
import type { ModuleName } from './module-names';

export { rbacObjects, rbacYaml } from '../framework';

const HANDLERS: Readonly<Record<ModuleName, readonly HandlerClass[]>> = { wol: wolHandlers };

export function handlersOf(modules: readonly ModuleName[]): HandlerClass[] {
  return modules.flatMap((name) => HANDLERS[name]);
}

export function managerRights(modules: readonly ModuleName[]): RbacRule[] {
  return rbacRules(buildRegistry({ handlers: handlersOf(modules), domain: DOMAIN }));
}

/** Domain of our own annotations and finalizers. */
export const DOMAIN = 'virt-steward.io';
