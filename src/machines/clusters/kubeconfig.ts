/**
 * A kubeconfig out of a Secret: finding it, judging it, and what it tells of itself. Pure.
 *
 * Invariant: nothing is executed, read from a disk or contacted; no text of it gets into an error.
 */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import type { KubeConfig } from '@kubernetes/client-node';
import { dataOnlyKubeConfig, type EngageOptions, type Secret } from '../../framework';
import { ALLOW_INSECURE_ANNOTATION, ALLOW_PROXY_ANNOTATION } from '../keys';
import type { KubevirtConfig } from '../kinds';
import type { MachinesSettings } from '../settings';
import {
  type ConfigPlace,
  foreignSecretNamespace,
  kubeconfigRefused,
  noKubeconfigKey,
  noSecretNamespace,
  noSecretRef,
  type SecretPlace,
} from './config-error';

const KUBECONFIG_KEY = 'kubeconfig';
/** Calls to one cluster at a time. */
const MAX_IN_FLIGHT = 32;
/**
 * A silent cluster must show on its Machines within 30 s: that is two pauses, each spread by 20 %, the last bytes before them, and two
 * probes that wait 5 s in vain.
 */
const HEALTH = { probeIntervalMs: 6_000, failures: 2, transportFailures: 5, retryMs: 5_000, maxRetryMs: 15_000 };

/** Where the Secret of a config is. @throws {KubevirtConfigError} */
export function secretPlaceOf({ spec }: KubevirtConfig, place: ConfigPlace): SecretPlace {
  const { kubeconfigSecretRef: name = '', secretNamespace = '' } = spec ?? {};
  if (name === '') throw noSecretRef(place);
  if (place.profile === 'second') {
    if (secretNamespace === '') throw noSecretNamespace(place);
    return { namespace: secretNamespace, name };
  }
  if (secretNamespace !== '' && secretNamespace !== place.namespace) throw foreignSecretNamespace(place, secretNamespace);
  return { namespace: place.namespace, name };
}

/** @throws {KubevirtConfigError} when the key is missing or empty. */
export function kubeconfigIn({ data }: Secret, place: ConfigPlace, secret: SecretPlace): Buffer {
  const bytes = Buffer.from(data?.[KUBECONFIG_KEY] ?? '', 'base64');
  if (bytes.length === 0) throw noKubeconfigKey(place, secret);
  return bytes;
}

/** How the cluster of a config is connected. */
export function engageOptionsOf({ metadata }: KubevirtConfig, settings: MachinesSettings): EngageOptions {
  const isAllowed = (annotation: string): boolean => metadata?.annotations?.[annotation] === 'true';
  const { remoteQps: qps, remoteBurst: burst } = settings;
  return {
    allowInsecure: isAllowed(ALLOW_INSECURE_ANNOTATION),
    allowProxy: isAllowed(ALLOW_PROXY_ANNOTATION),
    allowedServers: settings.allowedServers,
    hints: {
      allowInsecure: `annotation ${ALLOW_INSECURE_ANNOTATION}: "true"`,
      allowProxy: `annotation ${ALLOW_PROXY_ANNOTATION}: "true"`,
    },
    maxInFlight: MAX_IN_FLIGHT,
    // The account may read two definitions by name, and needs no more.
    watchDefinitions: false,
    requestTimeoutMs: settings.remoteRequestTimeoutMs,
    ...(qps > 0 ? { qps, burst: Math.max(1, burst) } : {}),
    health: HEALTH,
  };
}

/** What of a kubeconfig may be used. @throws {KubevirtConfigError} naming field or host and the remedy, never content. */
export function vettedKubeconfig(bytes: Uint8Array, place: ConfigPlace, options: EngageOptions): KubeConfig {
  try {
    const kubeConfig = dataOnlyKubeConfig(bytes, { ...options, name: place.key });
    const problem = unusableProblem(kubeConfig);
    if (problem !== undefined) throw new Error(`kubeconfig of cluster ${place.key}: ${problem}`);
    return kubeConfig;
  } catch (cause) {
    throw kubeconfigRefused(place, cause);
  }
}

/** What the TLS or HTTP library would stumble over, in words that name the field and not its content. */
function unusableProblem(kubeConfig: KubeConfig): string | undefined {
  const { caData } = kubeConfig.getCurrentCluster() ?? {};
  const { certData, keyData, token } = kubeConfig.getCurrentUser() ?? {};
  const certificates = { 'certificate-authority-data': caData, 'client-certificate-data': certData };
  for (const [field, data] of Object.entries(certificates)) {
    if (!isPem(data, (pem) => new X509Certificate(pem))) return `has no certificate in ${field}: PEM, encoded in base64, is needed`;
  }
  if (!isPem(keyData, createPrivateKey)) {
    return 'has no private key in client-key-data: PEM without a passphrase, encoded in base64, is needed';
  }
  // @source RFC 6750, section 2.1: a bearer token is printable ASCII.
  const isToken = token === undefined || /^[\x21-\x7e]+$/.test(token);
  return isToken ? undefined : 'has a token with characters that are not allowed in one; look for line breaks';
}

/** What is absent is no problem. */
function isPem(data: string | undefined, parse: (pem: Buffer) => unknown): boolean {
  if (data === undefined) return true;
  try {
    parse(Buffer.from(data, 'base64'));
    return true;
  } catch {
    return false; // The library's words may quote what it read.
  }
}

/** Without what stands before the host, or in a query: it may be a password. */
export function serverOf(kubeConfig: KubeConfig): string {
  const url = new URL(kubeConfig.getCurrentCluster()!.server);
  url.username = '';
  url.password = '';
  url.search = '';
  url.hash = '';
  return url.href.replace(/\/$/, '');
}

/** When the credential ends, milliseconds since the epoch; `undefined` = it does not tell. */
export function expiryMsOf(kubeConfig: KubeConfig): number | undefined {
  const { token, certData } = kubeConfig.getCurrentUser() ?? {};
  if (token !== undefined && token !== '') return tokenExpiryMs(token);
  return certData === undefined ? undefined : certificateExpiryMs(Buffer.from(certData, 'base64'));
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function tokenExpiryMs(token: string): number | undefined {
  try {
    const { exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { exp?: unknown };
    return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1_000 : undefined;
  } catch {
    return undefined; // No JWT, so it says nothing.
  }
}

function certificateExpiryMs(pem: Buffer): number | undefined {
  try {
    return new X509Certificate(pem).validToDate.getTime();
  } catch {
    return undefined; // The TLS library will say what is wrong with it.
  }
}
