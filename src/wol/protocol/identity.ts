/**
 * What agents and managers know each other by: names of objects, paths of files, the audience of tokens.
 *
 * Owns: the names that the manager's certificates, the DaemonSet of the agents and the agents themselves must agree on.
 */

/** Audience of the agents' tokens: one made for anything else, the API server included, proves nothing here. */
export const TOKEN_AUDIENCE = 'wol-manager';

/** Service in front of the managers; the first label of every name in the server certificate. */
export const GRPC_SERVICE = 'virt-steward-grpc';
/** Secret with the server's pair (tls.crt, tls.key) and the authority that signed it (ca.crt). */
export const SERVER_SECRET = 'virt-steward-grpc-tls';
/** Secret with the manager's own authority (ca.crt, ca.key), in mode `self` only. */
export const AUTHORITY_SECRET = 'virt-steward-grpc-ca';
/** ConfigMap with the published authorities, key `ca.crt`; agents mount it. */
export const BUNDLE_CONFIG_MAP = 'virt-steward-grpc-ca';
/** Secret with the agents' client pair (tls.crt, tls.key), with mTLS only. */
export const AGENT_SECRET = 'virt-steward-wol-agent-tls';
/** Service account of the agents, unless another one is named. */
export const AGENT_SERVICE_ACCOUNT = 'virt-steward-wol-agent';

/** Where agents find what is mounted for them. */
export const IDENTITY_DIRECTORY = '/var/run/secrets/virt-steward/grpc';
export const CA_FILE = `${IDENTITY_DIRECTORY}/ca.crt`;
export const TOKEN_FILE = `${IDENTITY_DIRECTORY}/token`;
export const CERT_FILE = `${IDENTITY_DIRECTORY}/tls.crt`;
export const KEY_FILE = `${IDENTITY_DIRECTORY}/tls.key`;

/** User name that the API server gives a service account. */
export function serviceAccountUser(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`;
}
