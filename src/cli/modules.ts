/** What each module brings to the manager. */
import { buildRegistry, type HandlerClass, type RbacRule, rbacRules } from '../framework';
import { wolHandlers } from '../wol';
import type { ModuleName } from './module-names';

export { rbacObjects, rbacYaml } from '../framework';

const HANDLERS: Readonly<Record<ModuleName, readonly HandlerClass[]>> = { wol: wolHandlers };

export function handlersOf(modules: readonly ModuleName[]): HandlerClass[] {
  return modules.flatMap((name) => HANDLERS[name]);
}

/** @param leaderElection whether several replicas share the work. */
export function managerRights(modules: readonly ModuleName[], leaderElection: boolean): RbacRule[] {
  const registry = buildRegistry({ handlers: handlersOf(modules), domain: DOMAIN });
  return rbacRules(registry, { lease: leaderElection ? MANAGER_LEASE : undefined });
}

/** Domain of our own annotations and finalizers. */
export const DOMAIN = 'virt-steward.io';

/** The Lease that the replicas of the manager compete for, in the namespace they run in. */
export const MANAGER_LEASE = 'virt-steward-manager';
