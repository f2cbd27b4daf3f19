/**
 * Certificates and keys as they are stored, read and judged.
 *
 * Owns: what makes a stored pair usable, and the names a certificate is for. Never: makes one, or shows a key.
 * Invariant: total: whatever a Secret holds, the answer is a certificate or `undefined`.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP, isIPv6 } from 'node:net';
import type { PemPair } from '../../framework';

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;
/** Certificates in one bundle; far more than any rotation needs, few enough for every agent. */
const MAX_CERTIFICATES = 64;

export interface StoredCertificate {
  /** Without a key. */
  readonly pem: string;
  readonly x509: X509Certificate;
}

export interface StoredPair extends StoredCertificate {
  readonly pair: PemPair;
}

/** The certificates of a PEM text, each once and in one form; what is no certificate is left out. */
export function certificatesIn(text: string | undefined): StoredCertificate[] {
  const found = new Map<string, StoredCertificate>();
  for (const [block] of (text ?? '').matchAll(PEM_CERTIFICATE)) {
    const certificate = parsed(block);
    if (certificate !== undefined && found.size < MAX_CERTIFICATES) found.set(certificate.x509.fingerprint256, certificate);
  }
  return [...found.values()];
}

/** The first certificate with its key; `undefined` when either cannot be read, or they do not belong together. */
export function pairIn(certificate: string | undefined, privateKey: string | undefined): StoredPair | undefined {
  const [own] = certificatesIn(certificate);
  if (own === undefined || certificate === undefined || privateKey === undefined) return undefined;
  try {
    return own.x509.checkPrivateKey(createPrivateKey(privateKey)) ? { ...own, pair: { certificate, privateKey } } : undefined;
  } catch {
    return undefined;
  }
}

/** Which of the two is no PEM of its kind, as `key tls.key ...`; `undefined` when both can be read. Shows nothing of either. */
export function pemProblem(certificate: string, privateKey: string): string | undefined {
  if (certificatesIn(certificate).length === 0) return 'key tls.crt holds no PEM certificate';
  try {
    createPrivateKey(privateKey);
    return undefined;
  } catch {
    return 'key tls.key holds no PEM private key without a passphrase';
  }
}

export function isExpired({ x509 }: StoredCertificate, nowMs: number): boolean {
  return x509.validToDate.getTime() <= nowMs;
}

/** Two thirds of its life: there is time for repairs before it expires. */
export function renewAtMs({ x509 }: StoredCertificate): number {
  const [from, to] = [x509.validFromDate.getTime(), x509.validToDate.getTime()];
  return from + ((to - from) * 2) / 3;
}

export function isIssuedBy({ x509 }: StoredCertificate, authority: StoredCertificate): boolean {
  return x509.checkIssued(authority.x509) && x509.verify(authority.x509.publicKey);
}

/** Whether a certificate is for exactly these host names and addresses. */
export function isFor({ x509 }: StoredCertificate, hosts: readonly string[]): boolean {
  const names = (x509.subjectAltName ?? '').split(', ').map((entry) => canonicalHost(entry.slice(entry.indexOf(':') + 1)));
  const wanted = new Set(hosts.map(canonicalHost));
  return names.length === wanted.size && names.every((name) => wanted.has(name));
}

/** One spelling for each host: lower case, IPv6 in its shortest form. */
export function canonicalHost(host: string): string {
  if (isIPv6(host)) return new URL(`http://[${host}]`).hostname.slice(1, -1);
  return isIP(host) === 4 ? host : host.toLowerCase();
}

function parsed(pem: string): StoredCertificate | undefined {
  try {
    const x509 = new X509Certificate(pem);
    return { pem: x509.toString(), x509 };
  } catch {
    return undefined;
  }
}
