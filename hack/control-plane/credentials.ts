/**
 * Makes and writes what the servers of one control plane trust: authorities, certificates, the service-account key, tokens.
 *
 * Owns: the contents of the pki folder. Never: logs a key or a token. Invariant: nothing is shared between two control planes;
 * only the user that runs them can read the files.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { CertificateAuthority } from './certificates';
import { type ControlPlaneFiles, FRONT_PROXY_CLIENT, KUBERNETES_SERVICE_IP } from './components';

export interface Credentials {
  /** PEM certificate that signs the API server's. */
  readonly ca: string;
  readonly adminToken: string;
  readonly controllerManagerToken: string;
  readonly schedulerToken: string;
}

const API_SERVER_NAMES = [
  'localhost',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
];

/** @param address where the API server listens. */
export function writeCredentials(files: ControlPlaneFiles, address: string): Credentials {
  mkdirSync(files.certificates, { mode: 0o700 });
  writeCertificates(files);
  const ca = writeServingCertificate(files, address);
  const [adminToken, controllerManagerToken, schedulerToken] = [newToken(), newToken(), newToken()];
  const users = [
    `${adminToken},admin,admin,system:masters`,
    `${controllerManagerToken},system:kube-controller-manager,system:kube-controller-manager`,
    `${schedulerToken},system:kube-scheduler,system:kube-scheduler`,
  ];
  writePrivately(files.tokens, `${users.join('\n')}\n`);
  return { ca, adminToken, controllerManagerToken, schedulerToken };
}

export function writePrivately(file: string, text: string): void {
  writeFileSync(file, text, { mode: 0o600 });
}

/** Makes a new authority and a certificate of it for the API server. @returns the authority's certificate, PEM. */
export function writeServingCertificate(files: ControlPlaneFiles, address: string): string {
  const authority = CertificateAuthority.create('virt-steward test control plane');
  const serving = authority.issue({
    commonName: 'kube-apiserver',
    dnsNames: API_SERVER_NAMES,
    ipAddresses: [address, KUBERNETES_SERVICE_IP],
    usage: 'server',
  });
  writePrivately(files.ca, authority.keyPair.certificate);
  writePrivately(files.servingCertificate, serving.certificate);
  writePrivately(files.servingKey, serving.privateKey);
  return authority.keyPair.certificate;
}

/** The front proxy has an authority of its own: whoever it signs for may claim to be anybody. */
function writeCertificates(files: ControlPlaneFiles): void {
  const frontProxy = CertificateAuthority.create('virt-steward test front proxy');
  const client = frontProxy.issue({ commonName: FRONT_PROXY_CLIENT, usage: 'client' });
  writePrivately(files.frontProxyCa, frontProxy.keyPair.certificate);
  writePrivately(files.frontProxyCertificate, client.certificate);
  writePrivately(files.frontProxyKey, client.privateKey);
  const serviceAccounts = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writePrivately(files.serviceAccountKey, serviceAccounts.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  writePrivately(files.serviceAccountPublicKey, serviceAccounts.publicKey.export({ type: 'spki', format: 'pem' }).toString());
}

function newToken(): string {
  return randomBytes(24).toString('hex');
}
