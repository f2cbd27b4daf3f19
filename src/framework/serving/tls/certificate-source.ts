/** Where a server's certificate comes from. */

/** A certificate chain, the server's own first, and its private key, both PEM. */
export interface PemPair {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface CertificateSource {
  /**
   * The pair that should be served now; asked again and again, so that new ones are noticed.
   * @throws when there is none, or when it cannot be read.
   */
  load(): Promise<PemPair>;
}

/** A certificate in use. */
export interface ServedCertificate {
  /** `undefined` as long as there is none. */
  readonly current: PemPair | undefined;
  /** Calls back for every pair that comes into use after the current one. */
  onChange(listener: (pair: PemPair) => void): void;
}
