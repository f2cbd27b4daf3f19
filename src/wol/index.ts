/** The door to Wake-on-LAN in the manager: for the command line, and for packages that add to its handlers or replace one. */
import type { DependencyContainer } from '../framework';
import { WOL_SETTINGS, type WolSettings } from './settings';

export { wolHandlers } from './handlers';
export { WolConfigHandler } from './handlers/wol-config-handler';
export { WOL_FLAGS, type WolSettings, wolSettings } from './settings';
export { WolConfig } from './wol-config';

/** Registers what Wake-on-LAN handlers inject beyond what the framework provides. */
export function provideWol(container: DependencyContainer, settings: WolSettings): void {
  container.registerInstance(WOL_SETTINGS, settings);
}
