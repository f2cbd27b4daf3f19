/** Flags of the manager that say how agents and manager trust each other, and what they say once checked. */
import { isIP } from 'node:net';
import type { FlagDefinition, Settings } from '../framework';
import type { AuthoritySource } from './certificates/provided-certificates';
import { AGENT_SECRET, AUTHORITY_SECRET, GRPC_SERVICE, SERVER_SECRET } from './protocol/identity';

export const GRPC_SECURITY_FLAGS = [
  {
    key: 'grpcInsecure',
    flag: '--grpc-insecure',
    env: 'GRPC_INSECURE',
    value: 'true|false',
    isSwitch: true,
    default: 'false',
    description: 'take reports in plaintext and from anybody, for agents of kubevirt-wol',
  },
  {
    key: 'grpcTlsMode',
    flag: '--grpc-tls-mode',
    env: 'GRPC_TLS_MODE',
    value: 'mode',
    default: 'self',
    description: 'who makes the certificate: self, cert-manager, service-ca or existingSecret',
  },
  {
    key: 'grpcTlsSecret',
    flag: '--grpc-tls-secret',
    env: 'GRPC_TLS_SECRET',
    value: 'name',
    default: '',
    description: `Secret with tls.crt, tls.key and ca.crt, for mode existingSecret; ${SERVER_SECRET} unless given`,
  },
  {
    key: 'grpcTlsSan',
    flag: '--grpc-tls-san',
    env: 'GRPC_TLS_SAN',
    value: 'list',
    isRepeatable: true,
    default: '',
    description: 'further host names and addresses in the certificate of mode self; may be repeated',
  },
  {
    key: 'grpcMtls',
    flag: '--grpc-mtls',
    env: 'GRPC_MTLS',
    value: 'true|false',
    isSwitch: true,
    default: 'false',
    description: 'agents also need a client certificate of ours',
  },
] as const satisfies readonly FlagDefinition[];

export const TLS_MODES = ['self', 'cert-manager', 'service-ca', 'existingSecret'] as const;
export type TlsMode = (typeof TLS_MODES)[number];

/** How agents and manager trust each other. */
export interface GrpcSecurity {
  /** Plaintext, for everybody. */
  readonly insecure: boolean;
  readonly tlsMode: TlsMode;
  /** Secret with the server's pair. */
  readonly serverPair: string;
  /** Names and addresses beside those of the Service. */
  readonly extraHosts: readonly string[];
  readonly mtls: boolean;
}

/** Labels joined by dots, the first of which may be `*` (RFC 6125). */
const HOST_NAME = /^(\*\.)?([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$/i;
const OBJECT_NAME = /^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/;
const MAX_HOSTS = 32;

/** @throws {UsageError} one line naming the flag, its value and what is allowed. */
export function grpcSecurity(settings: Settings<(typeof GRPC_SECURITY_FLAGS)[number]['key']>): GrpcSecurity {
  const tlsMode = settings.oneOf('grpcTlsMode', TLS_MODES);
  const insecure = settings.boolean('grpcInsecure');
  const mtls = settings.boolean('grpcMtls');
  const secret = settings.text('grpcTlsSecret');
  if (secret !== '' && tlsMode !== 'existingSecret') {
    throw settings.refuse('grpcTlsSecret', 'nothing, unless --grpc-tls-mode is existingSecret');
  }
  if (secret !== '' && !OBJECT_NAME.test(secret)) throw settings.refuse('grpcTlsSecret', 'the name of a Secret');
  if (insecure && mtls) throw settings.refuse('grpcMtls', 'false, because --grpc-insecure is given');
  return { insecure, tlsMode, serverPair: secret || SERVER_SECRET, extraHosts: hosts(settings), mtls };
}

function hosts(settings: Settings<'grpcTlsSan'>): readonly string[] {
  const names = settings.list('grpcTlsSan');
  if (names.length > MAX_HOSTS || names.some((name) => name.length > 253 || (isIP(name) === 0 && !HOST_NAME.test(name)))) {
    throw settings.refuse(
      'grpcTlsSan',
      `at most ${MAX_HOSTS} host names and IP addresses, joined by commas or each with a flag of its own`,
    );
  }
  return names;
}

/** Every name under which agents may reach the server. */
export function serverHosts(namespace: string, { extraHosts }: GrpcSecurity): readonly string[] {
  const local = `${GRPC_SERVICE}.${namespace}`;
  return [...new Set([GRPC_SERVICE, local, `${local}.svc`, `${local}.svc.cluster.local`, 'localhost', ...extraHosts])];
}

/** Where the authority of the server's certificate is found. */
export function authoritySource({ tlsMode, serverPair }: GrpcSecurity): AuthoritySource {
  if (tlsMode === 'service-ca') return { kind: 'ConfigMap', name: 'openshift-service-ca.crt', key: 'service-ca.crt' };
  if (tlsMode === 'self') return { kind: 'Secret', name: AUTHORITY_SECRET, key: 'ca.crt' };
  return { kind: 'Secret', name: serverPair, key: 'ca.crt' };
}

/** Secrets that are read, by name. */
export function watchedSecrets({ tlsMode, serverPair, mtls }: GrpcSecurity): readonly string[] {
  const names = tlsMode === 'self' ? [serverPair, AUTHORITY_SECRET] : [serverPair];
  return mtls && tlsMode === 'self' ? [...names, AGENT_SECRET] : names;
}
