/**
 * TLS for the gRPC server, with a certificate that may be replaced while it runs.
 *
 * Owns: the TLS profile: 1.3 and nothing older. Never: reads a Secret or decides who may call.
 * Invariant: without a certificate connections are refused; a new one is for new connections, open ones go on with theirs.
 * Client certificates are asked for and verified by TLS, but a connection without one is not broken off: health is for everybody, and a
 * refused call tells its caller more than a broken handshake.
 */
import type { SecureContextOptions } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';

export interface ServerPair {
  readonly certificate: string;
  readonly privateKey: string;
  /** Authorities that client certificates are verified against. */
  readonly clientAuthorities: string | undefined;
}

const PROFILE = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;

export class ServerTls extends ServerCredentials {
  /** @param options.clientCertificates ask clients for one. */
  constructor({ clientCertificates }: { clientCertificates: boolean }) {
    super({ ...PROFILE, requestCert: clientCertificates, rejectUnauthorized: false });
  }

  /** For every connection from now on. @throws {Error} when the two are no pair, or not PEM. */
  use({ certificate, privateKey, clientAuthorities }: ServerPair): void {
    const options: SecureContextOptions = { ...PROFILE, cert: certificate, key: privateKey };
    this.updateSecureContextOptions(clientAuthorities === undefined ? options : { ...options, ca: clientAuthorities });
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
