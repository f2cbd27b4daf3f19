/**
 * Decides whether a kubeconfig that somebody else wrote may be used.
 *
 * Owns: the policy `data-only`, for kubeconfigs out of Secrets. Invariant: the decision is made on data alone; nothing has been
 * executed, read or contacted before it, and what is left afterwards cannot make the library do so.
 */
import { BlockList, isIP } from 'node:net';
import { type Cluster, KubeConfig, type User } from '@kubernetes/client-node';
import { PermanentError } from '../errors/handler-errors';
import { type CurrentContext, currentContextOf, type Fields, KubeconfigProblem, parseKubeconfig, textOf } from './kubeconfig-document';

/** `trusted` = our own kubeconfig, everything is allowed; `data-only` = bytes from a Secret. */
export type KubeconfigPolicy = 'trusted' | 'data-only';

export interface DataOnlyOptions {
  /** Name of the cluster in errors. */
  name: string;
  /** Accept servers that are not verified: plain HTTP and insecure-skip-tls-verify. @default false */
  allowInsecure?: boolean;
  /** Accept proxy-url. @default false */
  allowProxy?: boolean;
  /** Host names, addresses and networks that may be used although they are loopback or link-local. @default loopback */
  allowedServers?: readonly string[];
  /** Put after the remedy, for example the annotation that sets it. */
  hints?: { readonly allowInsecure?: string; readonly allowProxy?: string };
}

/** Tunnels and test clusters listen on loopback; link-local addresses are those of cloud metadata services. */
const LOOPBACK_SERVERS = ['127.0.0.0/8', '::1/128', 'localhost'] as const;
const LOCAL_NETWORKS = ['127.0.0.0/8', '0.0.0.0/8', '169.254.0.0/16', '::1/128', '::/128', 'fe80::/10'] as const;

const USER_FILES = ['client-certificate', 'client-key', 'tokenFile', 'token-file'] as const;
const USER_UNSUPPORTED = ['username', 'password', 'as', 'as-uid', 'as-groups', 'as-user-extra'] as const;

/**
 * Reads a kubeconfig under the policy `data-only`; only cluster and user of the current context are looked at.
 * @throws {PermanentError} reason `KubeconfigRefused`; the message names cluster, field or host and the remedy, never content.
 */
export function dataOnlyKubeConfig(data: string | Uint8Array, options: DataOnlyOptions): KubeConfig {
  try {
    const context = currentContextOf(parseKubeconfig(data));
    refuseUnsafe(context, options);
    return kubeConfigOf(context);
  } catch (error) {
    if (!(error instanceof KubeconfigProblem)) throw error;
    throw new PermanentError(`kubeconfig of cluster ${options.name}: ${error.message}`, { reason: 'KubeconfigRefused' });
  }
}

function refuseUnsafe({ cluster, user }: CurrentContext, options: DataOnlyOptions): void {
  const { allowInsecure = false, allowProxy = false, allowedServers = LOOPBACK_SERVERS, hints = {} } = options;
  for (const field of ['exec', 'auth-provider']) {
    if (isSet(user[field])) throw new KubeconfigProblem(`uses ${field}; only a token or client certificate data is allowed`);
  }
  const files: [Fields, string][] = [[cluster, 'certificate-authority'], ...USER_FILES.map((field): [Fields, string] => [user, field])];
  for (const [fields, field] of files) {
    if (isSet(fields[field])) throw new KubeconfigProblem(`refers to a file (${field}); embed the data instead`);
  }
  const server = new URL(String(cluster['server']));
  const host = server.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  const isVerified = server.protocol === 'https:' && cluster['insecure-skip-tls-verify'] !== true;
  if (!isVerified && !allowInsecure) {
    throw new KubeconfigProblem(
      `does not verify the server; set allowInsecure for this cluster to accept that${hint(hints.allowInsecure)}`,
    );
  }
  const isWeb = server.protocol === 'https:' || server.protocol === 'http:';
  if (!isWeb || (isLocal(host) && !isListed(host, allowedServers))) {
    throw new KubeconfigProblem(`server ${host} is not allowed; set allowedServers`);
  }
  if (isSet(cluster['proxy-url']) && !allowProxy) throw new KubeconfigProblem(`uses proxy-url; set allowProxy${hint(hints.allowProxy)}`);
  for (const field of USER_UNSUPPORTED) {
    if (isSet(user[field])) throw new KubeconfigProblem(`uses ${field}, which is not supported`);
  }
  const hasCertificate = textOf(user['client-certificate-data']) !== undefined && textOf(user['client-key-data']) !== undefined;
  if (textOf(user['token']) === undefined && !hasCertificate) {
    throw new KubeconfigProblem('has neither a token nor client certificate data');
  }
}

/** Only fields that hold data; there is nothing left that the library could execute or read. */
function kubeConfigOf({ cluster, user, names, namespace }: CurrentContext): KubeConfig {
  const { 'certificate-authority-data': caData, 'tls-server-name': tlsServerName, 'proxy-url': proxyUrl } = cluster;
  const { 'client-certificate-data': certData, 'client-key-data': keyData, token } = user;
  const safeCluster = {
    name: names.cluster,
    server: String(cluster['server']).replace(/\/$/, ''),
    skipTLSVerify: cluster['insecure-skip-tls-verify'] === true,
    ...texts({ caData, tlsServerName, proxyUrl }),
  } satisfies Cluster;
  const userName = names.user ?? 'user';
  const safeUser = { name: userName, ...texts({ token, certData, keyData }) } satisfies User;
  const config = new KubeConfig();
  const context = { name: names.context, cluster: names.cluster, user: userName, ...texts({ namespace }) };
  config.loadFromOptions({ clusters: [safeCluster], users: [safeUser], contexts: [context], currentContext: names.context });
  return config;
}

function texts(values: Readonly<Record<string, unknown>>): Record<string, string> {
  const known = Object.entries(values).map(([name, value]) => [name, textOf(value)] as const);
  return Object.fromEntries(known.filter((entry): entry is readonly [string, string] => entry[1] !== undefined));
}

/** Anything that is there and says something; `null`, empty text and empty structures say nothing. */
function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

function hint(text: string | undefined): string {
  return text === undefined ? '' : ` (${text})`;
}

/** Loopback, link-local, or no address at all. */
function isLocal(host: string): boolean {
  const name = host.toLowerCase();
  return name === 'localhost' || name.endsWith('.localhost') || isListed(host, LOCAL_NETWORKS);
}

/** Whether a host is one of these names or addresses, or lies in one of these networks. */
function isListed(host: string, list: readonly string[]): boolean {
  const version = isIP(host);
  if (version === 0) return list.some((entry) => entry.toLowerCase() === host.toLowerCase());
  const networks = new BlockList();
  for (const entry of list) {
    const [address = '', bits] = entry.split('/');
    const family = isIP(address);
    if (family === 0) continue;
    networks.addSubnet(address, Number(bits ?? (family === 4 ? 32 : 128)), family === 4 ? 'ipv4' : 'ipv6');
  }
  return networks.check(host, version === 4 ? 'ipv4' : 'ipv6');
}
