/** Ports that managers listen on. Pure. */
import { parseListenAddress } from '../../framework/basics';
import type { InstalledSettings } from './installation';

/** @returns `undefined` when it is turned off. @throws {UsageError} when the Deployment has something else than an address. */
export function portOf(settings: InstalledSettings, key: Parameters<InstalledSettings['listenAddress']>[0]): number | undefined {
  return parseListenAddress(settings.listenAddress(key))?.port;
}
