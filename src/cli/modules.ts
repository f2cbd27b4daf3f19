/** What each module brings to the manager. */
import { buildRegistry, type HandlerClass, type RbacRule, rbacRules } from '../framework';
import { wolHandlers } from '../wol';
import type { ModuleName } from './module-names';

export { rbacObjects, rbacYaml } from '../framework';

const HANDLERS: Readonly<Record<ModuleName, readonly HandlerClass[]>> = { wol: wolHandlers };

export function handlersOf(modules: readonly ModuleName[]): HandlerClass[] {
  return modules.flatMap((name) => HANDLERS[name]);
}

export interface ManagerFeatures {
  /** Several replicas share the work. */
  readonly leaderElection: boolean;
  /** Callers who read metrics are checked. */
  readonly secureMetrics: boolean;
}

export function managerRights(modules: readonly ModuleName[], { leaderElection, secureMetrics }: ManagerFeatures): RbacRule[] {
  const registry = buildRegistry({ handlers: handlersOf(modules), domain: DOMAIN });
  return rbacRules(registry, { lease: leaderElection ? MANAGER_LEASE : undefined, secureMetrics });
}

/** Domain of our own annotations and finalizers. */
export const DOMAIN = 'virt-steward.io';

/** The Lease that the replicas of the manager compete for, in the namespace they run in. */
export const MANAGER_LEASE = 'virt-steward-manager';
