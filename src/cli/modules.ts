/** What each module brings to the manager. */
import { buildRegistry, createContainer, type HandlerClass, type RbacRule, rbacRules } from '../framework';
import { provideWol, trustHandlers, type WolSettings, wolHandlers } from '../wol';
import type { ModuleName } from './module-names';

export { rbacObjects, rbacYaml } from '../framework';

export interface ModuleSettings {
  readonly wol: WolSettings;
}

const HANDLERS: Readonly<Record<ModuleName, (settings: ModuleSettings) => readonly HandlerClass[]>> = {
  wol: ({ wol }) => [...wolHandlers, ...trustHandlers(wol.grpc)],
};

export function handlersOf(modules: readonly ModuleName[], settings: ModuleSettings): HandlerClass[] {
  return modules.flatMap((name) => HANDLERS[name](settings));
}

export interface ManagerFeatures {
  /** Several replicas share the work. */
  readonly leaderElection: boolean;
  /** Callers who read metrics are checked. */
  readonly secureMetrics: boolean;
}

export function managerRights(
  modules: readonly ModuleName[],
  settings: ModuleSettings,
  { leaderElection, secureMetrics }: ManagerFeatures,
): RbacRule[] {
  const registry = buildRegistry({ handlers: handlersOf(modules, settings), domain: DOMAIN });
  const container = createContainer();
  provideWol(container, settings.wol);
  return rbacRules(registry, {
    lease: leaderElection ? MANAGER_LEASE : undefined,
    secureMetrics,
    get: (token) => container.resolve(token),
  });
}

/** Domain of our own annotations and finalizers. */
export const DOMAIN = 'virt-steward.io';

/** The Lease that the replicas of the manager compete for, in the namespace they run in. */
export const MANAGER_LEASE = 'virt-steward-manager';
