/** What each module brings to the manager. */
import { buildRegistry, createContainer, type DependencyContainer, type HandlerClass } from '../framework';
import { exceptionalSecretRights, machinesHandlersFor, provideMachines } from '../machines';
import { platformHandlersFor, providePlatform } from '../platform';
import { type CertificateLifetimes, provideWol, wolHandlersFor } from '../wol';
import { MODULE_NAMES, type ModuleName } from './module-names';
import { DOMAIN, defaultSettings, type ModuleSettings } from './module-settings';

const HANDLERS: Readonly<Record<ModuleName, (settings: ModuleSettings) => readonly HandlerClass[]>> = {
  wol: ({ wol }) => wolHandlersFor(wol),
  platform: ({ platform }) => platformHandlersFor(platform),
  machines: ({ machines }) => machinesHandlersFor(machines),
};

/**
 * Rights that a module may claim although they let their holder get further rights or read Secrets without naming them, as the
 * refusal of the claim writes them. An entry here is a decision; the claim's own `why` gives the reason.
 */
export function exceptionalRights({ machines }: ModuleSettings): readonly string[] {
  return exceptionalSecretRights(machines);
}

export function handlersOf(modules: readonly ModuleName[], settings: ModuleSettings = defaultSettings()): HandlerClass[] {
  return modules.flatMap((name) => HANDLERS[name](settings));
}

/** @throws {ConfigError} when something is wrong with a module. */
export function registryOf(modules: readonly ModuleName[], settings: ModuleSettings = defaultSettings()): ReturnType<typeof buildRegistry> {
  return buildRegistry({ handlers: handlersOf(modules, settings), domain: DOMAIN, exceptionalRights: exceptionalRights(settings) });
}

/** What handlers of these modules inject; of others nothing is there, so that Wake-on-LAN sees no machines where none are looked after. */
export function provideModules(
  container: DependencyContainer,
  modules: readonly ModuleName[],
  { wol, platform, machines }: ModuleSettings,
  lifetimes?: CertificateLifetimes,
): void {
  if (modules.includes('wol')) provideWol(container, wol, lifetimes);
  if (modules.includes('platform')) providePlatform(container, platform);
  if (modules.includes('machines')) provideMachines(container, machines);
}

/** With what handlers inject of all modules. */
export function containerOf(settings: ModuleSettings): DependencyContainer {
  const container = createContainer();
  provideModules(container, MODULE_NAMES, settings);
  return container;
}

export { MANAGER_LEASE } from './lease-name';
export { DOMAIN, defaultSettings, MODULE_DEFINITIONS, type ModuleSettingKey, type ModuleSettings, moduleSettings } from './module-settings';
