/**
 * A certificate that nobody vouches for, made at start and held in memory: it encrypts, it does not prove who serves.
 *
 * Owns: the X.509 profile (ECDSA P-256, SHA-256, one year) and the renewal. Never: writes a file.
 * The certificate library takes some megabytes and is loaded only here, when a certificate is made.
 */
import { webcrypto } from 'node:crypto';
import type { Clock } from '../../time/clock';
import { dateOf } from '../../time/timestamp';
import type { CertificateSource, PemPair } from './certificate-source';

const DAY_MS = 24 * 60 * 60 * 1_000;
const VALID_MS = 365 * DAY_MS;
/** Made anew this long before it expires. */
const RENEW_BEFORE_MS = 30 * DAY_MS;
/** It begins an hour ago, so that a caller whose clock is a little behind accepts it. */
const CLOCK_SKEW_MS = 60 * 60 * 1_000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export interface SelfSignedOptions {
  readonly clock: Clock;
  readonly commonName: string;
  /** Host names it is for, at least one. */
  readonly dnsNames: readonly string[];
}

export class SelfSigned implements CertificateSource {
  private current: { readonly pair: PemPair; readonly renewAtMs: number } | undefined;

  constructor(private readonly options: SelfSignedOptions) {}

  async load(): Promise<PemPair> {
    const nowMs = this.options.clock.now();
    if (this.current === undefined || nowMs >= this.current.renewAtMs) {
      this.current = { pair: await this.make(nowMs), renewAtMs: nowMs + VALID_MS - RENEW_BEFORE_MS };
    }
    return this.current.pair;
  }

  private async make(nowMs: number): Promise<PemPair> {
    const x509 = await import('@peculiar/x509');
    const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned(
      {
        name: [{ CN: [this.options.commonName] }],
        notBefore: dateOf(nowMs - CLOCK_SKEW_MS),
        notAfter: dateOf(nowMs + VALID_MS),
        signingAlgorithm: ALGORITHM,
        keys,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
          new x509.SubjectAlternativeNameExtension(this.options.dnsNames.map((value) => ({ type: 'dns', value }))),
        ],
      },
      webcrypto,
    );
    const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
    return { certificate: certificate.toString('pem'), privateKey: x509.PemConverter.encode(key, 'PRIVATE KEY') };
  }
}
