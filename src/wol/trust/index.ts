/**
 * The handlers that keep agents and manager trusting each other.
 *
 * Owns: which of them run. They are not among the handlers that always do: who makes the certificate decides which handler keeps it, and
 * so which rights the manager needs.
 */
import type { HandlerClass } from '../../framework';
import type { GrpcSecurity } from '../grpc-settings';
import { GrpcTrustHandler, GrpcTrustSource } from './grpc-trust-handler';
import { OwnCertificatesHandler, OwnMutualCertificatesHandler } from './own-certificates-handler';

export function trustHandlers(grpc: GrpcSecurity): readonly HandlerClass[] {
  return grpc.insecure ? [] : [GrpcTrustSource, keeperOf(grpc)];
}

function keeperOf({ tlsMode, mtls }: GrpcSecurity): HandlerClass {
  if (tlsMode !== 'self') return GrpcTrustHandler;
  return mtls ? OwnMutualCertificatesHandler : OwnCertificatesHandler;
}
