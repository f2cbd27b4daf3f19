/** `virt-steward manager` with any modules. Loaded by its command only: no other command needs the framework. */
import { type ManagerOverrides, type ManagerSettings, runManagerWith } from './manager-process';
import { exceptionalRights, handlersOf, provideModules } from './modules';

/** @returns the exit code. @throws {UsageError} {ConfigError} one line naming what is wrong. */
export function runManager(settings: ManagerSettings, overrides: ManagerOverrides = {}): Promise<number> {
  return runManagerWith({ handlersOf, exceptionalRights, provide: provideModules }, settings, overrides);
}
