/** The door to Wake-on-LAN in the manager: for the command line, and for packages that add to its handlers or replace one. */
import type { DependencyContainer, HandlerClass } from '../framework';
import { CERTIFICATE_LIFETIMES, type CertificateLifetimes, LIFETIMES } from './certificates/lifetimes';
import { wolHandlers } from './handlers';
import { WOL_SETTINGS, type WolSettings } from './settings';
import { trustHandlers } from './trust';

export type { CertificateLifetimes } from './certificates/lifetimes';
export { GrpcCertificate } from './handlers/grpc-certificate';
export { WolConfigHandler } from './handlers/wol-config-handler';
export { WOL_FLAGS, WOL_VARIABLES, type WolSettingKey, type WolSettings, wolSettings } from './settings';
export { WolConfig } from './wol-config';

/** Every handler class of Wake-on-LAN; who makes the certificate decides which of them keeps it. */
export function wolHandlersFor({ grpc }: WolSettings): HandlerClass[] {
  return [...wolHandlers, ...trustHandlers(grpc)];
}

/** Registers what Wake-on-LAN handlers inject beyond what the framework provides. */
export function provideWol(container: DependencyContainer, settings: WolSettings, lifetimes: CertificateLifetimes = LIFETIMES): void {
  container.registerInstance(WOL_SETTINGS, settings);
  container.registerInstance(CERTIFICATE_LIFETIMES, lifetimes);
}
