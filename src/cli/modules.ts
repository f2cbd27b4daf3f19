/** What each module brings to the manager. */
import { buildRegistry, type HandlerClass } from '../framework';
import { wolHandlers } from '../wol';
import type { ModuleName } from './module-names';

const HANDLERS: Readonly<Record<ModuleName, readonly HandlerClass[]>> = { wol: wolHandlers };

/**
 * Rights that a module may claim although they let their holder get further rights or read Secrets without naming them, as the
 * refusal of the claim writes them. An entry here is a decision; the claim's own `why` gives the reason.
 */
export const EXCEPTIONAL_RIGHTS: readonly string[] = [];

export function handlersOf(modules: readonly ModuleName[]): HandlerClass[] {
  return modules.flatMap((name) => HANDLERS[name]);
}

/** @throws {ConfigError} when something is wrong with a module. */
export function registryOf(modules: readonly ModuleName[]): ReturnType<typeof buildRegistry> {
  return buildRegistry({ handlers: handlersOf(modules), domain: DOMAIN, exceptionalRights: EXCEPTIONAL_RIGHTS });
}

/** Domain of our own annotations and finalizers. */
export const DOMAIN = 'virt-steward.io';

/** The Lease that the replicas of the manager compete for, in the namespace they run in. */
export const MANAGER_LEASE = 'virt-steward-manager';
