/** What each module brings to the manager. */
import { buildRegistry, createContainer, type DependencyContainer, type HandlerClass, Settings } from '../framework';
import {
  exceptionalSecretRights,
  MACHINES_FLAGS,
  MACHINES_VARIABLES,
  type MachinesSettingKey,
  type MachinesSettings,
  machinesHandlersFor,
  machinesSettings,
  provideMachines,
} from '../machines';
import {
  type ManagerFacts,
  PLATFORM_FLAGS,
  type PlatformSettingKey,
  type PlatformSettings,
  platformHandlersFor,
  platformSettings,
  providePlatform,
} from '../platform';
import { provideWol, WOL_FLAGS, WOL_VARIABLES, type WolSettingKey, type WolSettings, wolHandlersFor, wolSettings } from '../wol';
import type { ModuleName } from './module-names';
import { VERSION } from './version';

/** What decides which handlers run, and so which rights they need. */
export interface ModuleSettings {
  readonly wol: WolSettings;
  readonly platform: PlatformSettings;
  readonly machines: MachinesSettings;
}

/** Flags and variables of all modules. */
export const MODULE_DEFINITIONS = [...WOL_FLAGS, ...WOL_VARIABLES, ...PLATFORM_FLAGS, ...MACHINES_FLAGS, ...MACHINES_VARIABLES];
export type ModuleSettingKey = WolSettingKey | PlatformSettingKey | MachinesSettingKey;

/** Of a manager whose metrics are off. */
const NO_METRICS: Pick<ManagerFacts, 'metricsPort' | 'metricsSecure' | 'inCluster'> = {
  metricsPort: 0,
  metricsSecure: true,
  inCluster: false,
};

/** @throws {UsageError} one line naming the flag or variable, its value and what is allowed. */
export function moduleSettings(settings: Settings<ModuleSettingKey>, namespace: string, facts = NO_METRICS): ModuleSettings {
  return {
    wol: wolSettings(settings, namespace, VERSION),
    platform: platformSettings(settings, { ...facts, namespace, version: VERSION }),
    machines: machinesSettings(settings),
  };
}

/** Those of a manager without flags. */
export function defaultSettings(): ModuleSettings {
  return moduleSettings(new Settings(MODULE_DEFINITIONS, {}, {}), 'virt-steward-system');
}

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

/** With what handlers inject of their modules. */
export function containerOf({ wol, platform, machines }: ModuleSettings): DependencyContainer {
  const container = createContainer();
  provideWol(container, wol);
  providePlatform(container, platform);
  provideMachines(container, machines);
  return container;
}

/** Domain of our own annotations and finalizers. */
export const DOMAIN = 'virt-steward.io';

export { MANAGER_LEASE } from './lease-name';
