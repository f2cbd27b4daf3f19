/** The door to the machines module in the manager: for the command line, and for packages that add to its handlers or replace one. */
import { buildRegistry, type DependencyContainer, type HandlerClass, type RbacRule, rbacSources } from '../framework';
import { WAKE_TARGET_SOURCE } from '../kubevirt/wake-target';
import { REMOTE_RIGHTS } from './clusters/remote-rights';
import { machinesHandlers } from './handlers';
import { placedMachineHandler } from './handlers/placed-machine-handler';
import { exceptionalSecretRights, secretRightsHandler } from './handlers/secret-rights';
import { MACHINES_SETTINGS, type MachinesSettings } from './settings';
import { MachineWakeTargets } from './waking/machine-wake-targets';

export { exceptionalSecretRights } from './handlers/secret-rights';
export { KubevirtConfig, Machine, NetworkConfiguration } from './kinds';
export {
  MACHINES_FLAGS,
  MACHINES_SETTINGS,
  MACHINES_VARIABLES,
  type MachinesSettingKey,
  type MachinesSettings,
  machinesSettings,
} from './settings';

/** Any name but that of the cluster the manager runs in. */
const A_REMOTE_CLUSTER = 'remote';

/** Every handler class of the module. */
export function machinesHandlersFor(settings: MachinesSettings): HandlerClass[] {
  // Given twice it counts once; one made from the settings takes the place of its base.
  return [...new Set([...machinesHandlers, placedMachineHandler(settings.remoteConcurrency)]), secretRightsHandler(settings)];
}

/** Registers what handlers of the module inject beyond what the framework provides. */
export function provideMachines(container: DependencyContainer, settings: MachinesSettings): void {
  container.registerInstance(MACHINES_SETTINGS, settings);
  // A magic packet wakes Machines, too. Where the module does not run there are none.
  container.register(WAKE_TARGET_SOURCE, { useToken: MachineWakeTargets });
  let rights: readonly RbacRule[] | undefined;
  container.registerInstance(REMOTE_RIGHTS, () => {
    rights ??= remoteRights(container, settings);
    return rights;
  });
}

/** What a kubeconfig needs on its cluster. */
export function remoteRights(container: DependencyContainer, settings: MachinesSettings): readonly RbacRule[] {
  const registry = buildRegistry({
    handlers: machinesHandlersFor(settings),
    domain: 'virt-steward.io',
    exceptionalRights: exceptionalSecretRights(settings),
  });
  // What running handlers takes beside them is to follow definitions, which clusters of KubevirtConfigs are engaged without.
  return rbacSources(registry, { cluster: A_REMOTE_CLUSTER, get: (token) => container.resolve(token) }).handlers;
}
