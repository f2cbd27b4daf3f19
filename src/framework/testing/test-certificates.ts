/**
 * A certificate authority for tests, made at run time.
 *
 * Owns: ECDSA P-256 keys and the X.509 v3 certificates signed with them. Never: writes files, serves production traffic.
 * Encoding: RFC 5280 in DER, only what TLS clients look at.
 */
import { createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';

export interface CertificatePair {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

export interface IssueOptions {
  /** Host names and IP addresses. @default localhost, 127.0.0.1 */
  hosts?: readonly string[];
  /** Subject common name. @default the first host */
  commonName?: string;
  /** Milliseconds since 1970. @default an hour ago */
  notBeforeMs?: number;
  /** Milliseconds since 1970. @default in a year */
  notAfterMs?: number;
}

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

const TAG = { boolean: 1, integer: 2, bitString: 3, octetString: 4, oid: 6, utf8: 12, utcTime: 23, sequence: 48, set: 49 } as const;

function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const length = Buffer.from(body.length.toString(16).padStart(body.length > 0xff ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body]);
}

const sequence = (...contents: readonly Uint8Array[]): Buffer => der(TAG.sequence, ...contents);

function oid(text: string): Buffer {
  const [first, second, ...rest] = text.split('.').map(Number) as [number, number, ...number[]];
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const groups = [part & 0x7f];
    for (let left = part >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return der(TAG.oid, Buffer.from(bytes));
}

/** Short form YYMMDDHHMMSSZ; good until 2049. */
function utcTime(ms: number): Buffer {
  return der(TAG.utcTime, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));
}

const nameOf = (commonName: string): Buffer => sequence(der(TAG.set, sequence(oid('2.5.4.3'), der(TAG.utf8, Buffer.from(commonName)))));
const extension = (id: string, isCritical: boolean, value: Uint8Array): Buffer =>
  sequence(oid(id), ...(isCritical ? [der(TAG.boolean, Buffer.from([0xff]))] : []), der(TAG.octetString, value));

function subjectAltNames(hosts: readonly string[]): Buffer {
  const names = hosts.map((host) => {
    if (isIP(host) === 4) return der(0x87, Buffer.from(host.split('.').map(Number)));
    if (isIP(host) === 6) return der(0x87, ipv6Bytes(host));
    return der(0x82, Buffer.from(host));
  });
  return extension('2.5.29.17', false, sequence(...names));
}

function ipv6Bytes(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const zeros = Array<string>(8 - groups(head).length - groups(tail).length).fill('0');
  return Buffer.from([...groups(head), ...zeros, ...groups(tail)].map((group) => group.padStart(4, '0')).join(''), 'hex');
}

interface Subject {
  commonName: string;
  publicKey: KeyObject;
  extensions: readonly Uint8Array[];
  notBeforeMs: number;
  notAfterMs: number;
}

const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));

function signed(subject: Subject, issuer: string, issuerKey: KeyObject): string {
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x3f) | 0x40;
  const body = sequence(
    der(0xa0, der(TAG.integer, Buffer.from([2]))),
    der(TAG.integer, serial),
    ECDSA_SHA256,
    nameOf(issuer),
    sequence(utcTime(subject.notBeforeMs), utcTime(subject.notAfterMs)),
    nameOf(subject.commonName),
    subject.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...subject.extensions)),
  );
  const signature = createSign('sha256').update(body).sign(issuerKey);
  const certificate = sequence(body, ECDSA_SHA256, der(TAG.bitString, Buffer.from([0]), signature));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

export class TestCertificateAuthority {
  /** PEM of the authority itself: what clients trust. */
  readonly cert: string;
  private readonly key: KeyObject;

  constructor(readonly commonName = `test-ca-${randomBytes(4).toString('hex')}`) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.key = privateKey;
    const basicConstraints = extension('2.5.29.19', true, sequence(der(TAG.boolean, Buffer.from([0xff]))));
    const keyUsage = extension('2.5.29.15', true, der(TAG.bitString, Buffer.from([1, 0x06])));
    const now = Date.now();
    const subject = {
      commonName,
      publicKey,
      extensions: [basicConstraints, keyUsage],
      notBeforeMs: now - HOUR_MS,
      notAfterMs: now + YEAR_MS,
    };
    this.cert = signed(subject, commonName, privateKey);
  }

  /** A server certificate signed by this authority, with its own key. */
  issue({
    hosts = ['localhost', '127.0.0.1'],
    commonName = hosts[0] ?? 'server',
    notBeforeMs,
    notAfterMs,
  }: IssueOptions = {}): CertificatePair {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const usage = extension('2.5.29.37', false, sequence(oid('1.3.6.1.5.5.7.3.1')));
    const now = Date.now();
    const subject: Subject = {
      commonName,
      publicKey,
      extensions: [usage, subjectAltNames(hosts)],
      notBeforeMs: notBeforeMs ?? now - HOUR_MS,
      notAfterMs: notAfterMs ?? now + YEAR_MS,
    };
    return { cert: signed(subject, this.commonName, this.key), key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
  }
}
