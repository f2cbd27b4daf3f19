/** What the command line needs of Wake-on-LAN in the manager. */
import type { DependencyContainer } from '../framework';
import { CERTIFICATE_LIFETIMES, type CertificateLifetimes, LIFETIMES } from './certificates/lifetimes';
import { WOL_SETTINGS, type WolSettings } from './settings';

export type { CertificateLifetimes } from './certificates/lifetimes';
export { wolHandlers } from './handlers';
export { WOL_FLAGS, type WolSettings, wolSettings } from './settings';

/** Registers what Wake-on-LAN handlers inject beyond what the framework provides. */
export function provideWol(container: DependencyContainer, settings: WolSettings, lifetimes: CertificateLifetimes = LIFETIMES): void {
  container.registerInstance(WOL_SETTINGS, settings);
  container.registerInstance(CERTIFICATE_LIFETIMES, lifetimes);
}
