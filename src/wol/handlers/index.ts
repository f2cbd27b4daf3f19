/** All handler classes of Wake-on-LAN. */
import type { HandlerClass } from '../../framework';
import type { GrpcSecurity } from '../grpc-settings';
import { GrpcTrustHandler, GrpcTrustSource } from './grpc-trust-handler';
import { OwnCertificatesHandler, OwnMutualCertificatesHandler } from './own-certificates-handler';
import { VirtualMachineHandler } from './virtual-machine-handler';
import { WakeServer } from './wake-server';
import { WolConfigHandler } from './wol-config-handler';

const HANDLERS: readonly HandlerClass[] = [WolConfigHandler, VirtualMachineHandler, WakeServer];

/** Who makes the certificate decides which handler keeps it, and so which rights the manager needs. */
export function wolHandlers(grpc: GrpcSecurity): readonly HandlerClass[] {
  return grpc.insecure ? HANDLERS : [...HANDLERS, GrpcTrustSource, trustHandler(grpc)];
}

function trustHandler({ tlsMode, mtls }: GrpcSecurity): HandlerClass {
  if (tlsMode !== 'self') return GrpcTrustHandler;
  return mtls ? OwnMutualCertificatesHandler : OwnCertificatesHandler;
}
