/**
 * Makes authorities and the certificates they sign.
 *
 * Owns: the X.509 profile: ECDSA P-256, SHA-256, v3. Never: stores anything, or decides when something is due.
 * The certificate library takes some megabytes and is loaded only when something is made.
 */
import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import type { X509CertificateGenerator } from '@peculiar/x509';
import type { PemPair } from '../../framework';

type X509 = typeof import('@peculiar/x509');
type Extensions = NonNullable<Parameters<typeof X509CertificateGenerator.create>[0]['extensions']>;
/** Where `webcrypto` types live depends on the platform's own declarations; these are the ones the functions above return. */
type Keys = Awaited<ReturnType<typeof newKeys>>;

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export type CertificateSubject =
  | { readonly usage: 'server'; readonly hosts: readonly string[] }
  /** @param user name by which the bearer is known. */
  | { readonly usage: 'client'; readonly user: string };

/** Every authority has a name of its own, so that two of them in one bundle are never taken for each other. */
export async function createAuthority(validity: Validity): Promise<PemPair> {
  const x509 = await import('@peculiar/x509');
  const keys = await newKeys();
  const name = `virt-steward-grpc-ca-${randomBytes(4).toString('hex')}`;
  return certificate(x509, { subject: name, keys, issuer: name, issuerKey: keys.privateKey, issuerPublicKey: keys.publicKey, validity }, [
    new x509.BasicConstraintsExtension(true, 0, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
  ]);
}

export async function issueCertificate(authority: PemPair, subject: CertificateSubject, validity: Validity): Promise<PemPair> {
  const x509 = await import('@peculiar/x509');
  const issuer = new x509.X509Certificate(authority.certificate);
  const bytes = x509.PemConverter.decodeFirst(authority.privateKey);
  const issuerKey = await webcrypto.subtle.importKey('pkcs8', bytes, ALGORITHM, false, ['sign']);
  const issuerPublicKey = await issuer.publicKey.export(ALGORITHM, ['verify'], webcrypto);
  const { name, purpose, hosts } =
    subject.usage === 'server'
      ? { name: subject.hosts[0] ?? '', purpose: x509.ExtendedKeyUsage.serverAuth, hosts: subject.hosts }
      : { name: subject.user, purpose: x509.ExtendedKeyUsage.clientAuth, hosts: [] };
  const names = hosts.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value }));
  return certificate(
    x509,
    { subject: name, keys: await newKeys(), issuer: issuer.subjectName.getField('CN')[0] ?? '', issuerKey, issuerPublicKey, validity },
    [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([purpose]),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
    ],
  );
}

interface Request {
  readonly subject: string;
  readonly keys: Keys;
  readonly issuer: string;
  readonly issuerKey: Keys['privateKey'];
  readonly issuerPublicKey: Keys['publicKey'];
  readonly validity: Validity;
}

async function certificate(x509: X509, request: Request, extensions: Extensions): Promise<PemPair> {
  const { subject, keys, issuer, issuerKey, issuerPublicKey, validity } = request;
  const made = await x509.X509CertificateGenerator.create(
    {
      subject: [{ CN: [subject] }],
      issuer: [{ CN: [issuer] }],
      notBefore: new Date(validity.notBeforeMs),
      notAfter: new Date(validity.notAfterMs),
      publicKey: keys.publicKey,
      signingKey: issuerKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        ...extensions,
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
        await x509.AuthorityKeyIdentifierExtension.create(issuerPublicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return { certificate: `${made.toString('pem')}\n`, privateKey: `${x509.PemConverter.encode(key, 'PRIVATE KEY')}\n` };
}

function newKeys() {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}
