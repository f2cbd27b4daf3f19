/** The door to the platform module in the manager: for the command line, and for packages that add to its handlers or replace one. */
import type { DependencyContainer, HandlerClass } from '../framework';
import { platformHandlers } from './handlers';
import { assetHandler } from './handlers/asset-handler';
import { PLATFORM_SETTINGS, type PlatformSettings } from './settings';

export { type ManagerFacts, PLATFORM_FLAGS, type PlatformSettingKey, type PlatformSettings, platformSettings } from './settings';

/** Every handler class of the module. */
export function platformHandlersFor(settings: PlatformSettings): HandlerClass[] {
  return [...platformHandlers, assetHandler(settings.concurrency)];
}

/** Registers what the handlers inject beyond what the framework provides. */
export function providePlatform(container: DependencyContainer, settings: PlatformSettings): void {
  container.registerInstance(PLATFORM_SETTINGS, settings);
}
