/** The door to the machines module in the manager: for the command line, and for packages that add to its handlers or replace one. */
import type { DependencyContainer, HandlerClass } from '../framework';
import { MACHINES_SETTINGS, type MachinesSettings } from './settings';

export { KubevirtConfig, Machine, NetworkConfiguration } from './kinds';
export {
  MACHINES_FLAGS,
  MACHINES_SETTINGS,
  MACHINES_VARIABLES,
  type MachinesSettingKey,
  type MachinesSettings,
  machinesSettings,
} from './settings';

/** Every handler class of the module. */
export function machinesHandlersFor(_settings: MachinesSettings): HandlerClass[] {
  return [];
}

/** Registers what handlers of the module inject beyond what the framework provides. */
export function provideMachines(container: DependencyContainer, settings: MachinesSettings): void {
  container.registerInstance(MACHINES_SETTINGS, settings);
}
