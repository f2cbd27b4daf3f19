/**
 * Certificate authorities and certificates for servers and clients on this machine, made at run time.
 *
 * Owns: the X.509 profile (ECDSA P-256, SHA-256, one year). Never: writes a file; is used outside tests, demo and development.
 * Invariant: a key is made for one certificate and leaves this module only together with it.
 * @source RFC 5280, sections 4.1 and 4.2.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';
import * as der from './der';

const ECDSA_WITH_SHA256 = der.sequence(der.objectIdentifier('1.2.840.10045.4.3.2'));
const OID = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  subjectAltName: '2.5.29.17',
  subjectKeyIdentifier: '2.5.29.14',
  authorityKeyIdentifier: '2.5.29.35',
  server: '1.3.6.1.5.5.7.3.1',
  client: '1.3.6.1.5.5.7.3.2',
} as const;
/** Bits 0 (digitalSignature) and, for an authority, 5 and 6 (keyCertSign, cRLSign), as `BIT STRING` arguments. */
const KEY_USAGE = { leaf: [Buffer.from([0x80]), 7], authority: [Buffer.from([0x86]), 1] } as const;
const DAY_MS = 24 * 60 * 60 * 1_000;
const VALID_DAYS = 365;
/** Certificates start an hour ago so that a clock that is a little behind accepts them. */
const CLOCK_SKEW_MS = 60 * 60 * 1_000;

/** A certificate and its private key, both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface CertificateRequest {
  readonly commonName: string;
  /** Read by Kubernetes as the groups of a client. */
  readonly organizations?: readonly string[];
  readonly dnsNames?: readonly string[];
  /** IPv4 addresses. */
  readonly ipAddresses?: readonly string[];
  readonly usage: 'server' | 'client';
}

interface Subject {
  readonly name: Buffer;
  readonly publicKey: KeyObject;
}

/** Signs certificates with a key that exists in memory only, unless {@link keyPair} is written somewhere. */
export class CertificateAuthority {
  private constructor(
    readonly keyPair: KeyPair,
    private readonly subject: Subject,
    private readonly privateKey: KeyObject,
  ) {}

  static create(commonName: string): CertificateAuthority {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const subject = { name: distinguishedName(commonName, []), publicKey };
    const certificate = signedCertificate(subject, subject, privateKey, [
      extension(OID.basicConstraints, der.sequence(der.boolean(true)), true),
      extension(OID.keyUsage, der.bitString(...KEY_USAGE.authority), true),
    ]);
    return new CertificateAuthority({ certificate, privateKey: pkcs8(privateKey) }, subject, privateKey);
  }

  /** @throws {RangeError} when an address is not IPv4. */
  issue({ commonName, organizations = [], dnsNames = [], ipAddresses = [], usage }: CertificateRequest): KeyPair {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const alternativeNames = [...dnsNames.map((name) => der.taggedPrimitive(2, Buffer.from(name, 'ascii'))), ...ipAddresses.map(ipName)];
    const extensions = [
      extension(OID.keyUsage, der.bitString(...KEY_USAGE.leaf), true),
      extension(OID.extendedKeyUsage, der.sequence(der.objectIdentifier(OID[usage]))),
      extension(OID.authorityKeyIdentifier, der.sequence(der.taggedPrimitive(0, keyIdentifier(this.subject.publicKey)))),
    ];
    if (alternativeNames.length > 0) extensions.push(extension(OID.subjectAltName, der.sequence(...alternativeNames)));
    const subject = { name: distinguishedName(commonName, organizations), publicKey };
    return { certificate: signedCertificate(subject, this.subject, this.privateKey, extensions), privateKey: pkcs8(privateKey) };
  }
}

function signedCertificate(subject: Subject, issuer: Subject, issuerKey: KeyObject, extensions: readonly Buffer[]): string {
  const now = Date.now();
  const version3 = der.tagged(0, der.integer(Buffer.from([2])));
  const validity = der.sequence(der.utcTime(new Date(now - CLOCK_SKEW_MS)), der.utcTime(new Date(now + VALID_DAYS * DAY_MS)));
  const subjectKey = extension(OID.subjectKeyIdentifier, der.octetString(keyIdentifier(subject.publicKey)));
  const toBeSigned = der.sequence(
    version3,
    der.integer(randomBytes(16)),
    ECDSA_WITH_SHA256,
    issuer.name,
    validity,
    subject.name,
    subjectPublicKeyInfo(subject.publicKey),
    der.tagged(3, der.sequence(...extensions, subjectKey)),
  );
  const certificate = der.sequence(toBeSigned, ECDSA_WITH_SHA256, der.bitString(sign('sha256', toBeSigned, issuerKey)));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function extension(oid: string, content: Buffer, isCritical = false): Buffer {
  return der.sequence(der.objectIdentifier(oid), ...(isCritical ? [der.boolean(true)] : []), der.octetString(content));
}

function distinguishedName(commonName: string, organizations: readonly string[]): Buffer {
  const attribute = (oid: string, text: string): Buffer => der.setOfOne(der.sequence(der.objectIdentifier(oid), der.utf8String(text)));
  return der.sequence(...organizations.map((name) => attribute(OID.organization, name)), attribute(OID.commonName, commonName));
}

function ipName(address: string): Buffer {
  if (!isIPv4(address)) throw new RangeError(`${address} is not an IPv4 address`);
  return der.taggedPrimitive(7, Buffer.from(address.split('.').map(Number)));
}

/** RFC 5280 4.2.1.2 leaves the method open; any value works as long as both extensions use the same. */
function keyIdentifier(publicKey: KeyObject): Buffer {
  return createHash('sha256').update(subjectPublicKeyInfo(publicKey)).digest().subarray(0, 20);
}

function subjectPublicKeyInfo(publicKey: KeyObject): Buffer {
  return publicKey.export({ type: 'spki', format: 'der' });
}

function pkcs8(privateKey: KeyObject): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}
