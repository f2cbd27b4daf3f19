/**
 * What an agent proves itself with, and what it verifies the manager by.
 *
 * Owns: the agent's side of TLS: 1.3 only, one authority file, always verified. Never: logs a token, or has a way around verification.
 */
import { isIP } from 'node:net';
import { checkServerIdentity, createSecureContext } from 'node:tls';
import { type ChannelCredentials, type ChannelOptions, credentials } from '@grpc/grpc-js';
import { GRPC_SERVICE } from '../protocol/identity';

/** For one connection. */
export interface AgentCredentials {
  readonly channel: ChannelCredentials;
  readonly channelOptions: ChannelOptions;
  /** Header of every report; `undefined` in compatibility mode. */
  readonly authorization: string | undefined;
}

export interface CredentialSource {
  /** What to use for a new connection. @throws {RpcStatusError} naming the file that cannot be used. */
  load(): Promise<AgentCredentials>;
  /** Calls back once, when what was loaded last is not what there is any more. @returns ends it. */
  onChange(listener: () => void): () => void;
}

/** Plaintext without token: the compatibility mode. */
export const OPEN_CREDENTIALS: CredentialSource = {
  load: async () => ({ channel: credentials.createInsecure(), channelOptions: {}, authorization: undefined }),
  onChange: () => () => undefined,
};

export interface IdentityFiles {
  readonly authorities: string;
  readonly token: string;
  readonly pair: { readonly certificate: string; readonly privateKey: string } | undefined;
}

/** @param host that the certificate has to be for. @throws {Error} when the texts are not PEM, or are no pair. */
export function verifiedCredentials({ authorities, token, pair }: IdentityFiles, host: string): AgentCredentials {
  const context = createSecureContext({
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ca: authorities,
    ...(pair === undefined ? {} : { cert: pair.certificate, key: pair.privateKey }),
  });
  const isAddress = isIP(host) !== 0;
  return {
    channel: credentials.createFromSecureContext(context, {
      // Always the host we were told, whatever name goes into the handshake.
      checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
    }),
    // RFC 6066 has no addresses in server_name, and Node.js warns about one on stderr; which name stands there instead is no matter.
    channelOptions: isAddress ? { 'grpc.ssl_target_name_override': GRPC_SERVICE } : {},
    authorization: `Bearer ${token}`,
  };
}

/** The host of `host:port`, without brackets and zone. */
export function hostOf(address: string): string {
  const host = address.slice(0, address.lastIndexOf(':'));
  return host.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
}
