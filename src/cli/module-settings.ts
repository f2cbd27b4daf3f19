/**
 * What the flags and variables of all modules say, once checked.
 *
 * Never: loads a module: a manager checks the flags of those that it does not run, too.
 */
import { Settings } from '../framework/basics';
import { MACHINES_FLAGS, MACHINES_VARIABLES, type MachinesSettingKey, type MachinesSettings, machinesSettings } from '../machines/settings';
import { type ManagerFacts, PLATFORM_FLAGS, type PlatformSettingKey, type PlatformSettings, platformSettings } from '../platform/settings';
import { WOL_FLAGS, WOL_VARIABLES, type WolSettingKey, type WolSettings, wolSettings } from '../wol/settings';
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

/** Domain of our own annotations and finalizers. */
export const DOMAIN = 'virt-steward.io';
