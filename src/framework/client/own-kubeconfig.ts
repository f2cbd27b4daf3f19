/**
 * Finds the kubeconfig of the cluster the process works for.
 *
 * Expected flow: file named on the command line -> KUBECONFIG -> service account of the pod -> NO_CLUSTER.
 * Guarantees: files are merged as kubectl does (the first to name something wins); token files stay files, so that they can be
 * read again; no error quotes content.
 * Caveats: `~/.kube/config` is not looked for, so that nobody manages a cluster by accident.
 * Errors: ConfigError with the code NO_CLUSTER or KUBECONFIG_REFUSED.
 */
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { ConfigError } from '../errors/config-error';
import { currentContextOf, type Fields, fieldsOf, KubeconfigProblem, listOf, parseKubeconfig, textOf } from './kubeconfig-document';

/** Where the kubelet puts the service account. */
const SERVICE_ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

const NO_CLUSTER = 'no kubeconfig given and not inside a cluster: use --kubeconfig, KUBECONFIG or run in a pod';

export interface OwnKubeConfigOptions {
  /** `--kubeconfig`. */
  path?: string | undefined;
  /** Of the files, instead of the current one. */
  context?: string | undefined;
  /** KUBECONFIG, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are read from it. */
  environment: Readonly<Record<string, string | undefined>>;
  /** @default /var/run/secrets/kubernetes.io/serviceaccount */
  serviceAccountFolder?: string;
}

export interface OwnKubeConfig {
  readonly kubeConfig: KubeConfig;
  /** Of the context, or of the pod. */
  readonly namespace: string | undefined;
  /** For the log: the file or files, or `in-cluster`. */
  readonly source: string;
}

/** @throws {ConfigError} */
export function loadOwnKubeConfig({
  path,
  context,
  environment,
  serviceAccountFolder = SERVICE_ACCOUNT_FOLDER,
}: OwnKubeConfigOptions): OwnKubeConfig {
  if (textOf(path) !== undefined) return fromFiles([path!], context);
  const variable = environment['KUBECONFIG'] ?? '';
  const files = variable.split(delimiter).filter((file) => file !== '');
  if (files.length > 0) return fromFiles(files, context);
  if (variable !== '') throw refusal(`KUBECONFIG is ${JSON.stringify(variable)}, which names no file`);
  return fromServiceAccount(environment, serviceAccountFolder);
}

function fromFiles(files: readonly string[], context: string | undefined): OwnKubeConfig {
  // As kubectl does, a list of files may name some that do not exist.
  const present = files.length > 1 ? files.filter((file) => existsSync(file)) : files;
  if (present.length === 0) throw problem(files.join(delimiter), 'cannot be read: no such file');
  const merged = { ...merge(present.map(read)), ...(context === undefined ? {} : { 'current-context': context }) };
  const source = present.join(delimiter);
  try {
    const { namespace } = currentContextOf(merged);
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromString(JSON.stringify(merged));
    checkServer(kubeConfig.getCurrentCluster()?.server ?? '');
    return { kubeConfig, namespace, source };
  } catch (error) {
    throw problem(source, error instanceof Error ? error.message : String(error));
  }
}

/** An address that can never work is refused at once instead of being tried for ever. */
function checkServer(server: string): void {
  const protocol = URL.canParse(server) ? new URL(server).protocol : '';
  if (protocol === 'https:' || protocol === 'http:') return;
  throw new KubeconfigProblem(`server ${JSON.stringify(server)} is not an address; allowed: https://host:port or http://host:port`);
}

function read(file: string): Fields {
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch (error) {
    throw problem(file, `cannot be read: ${readFailure(error)}`);
  }
  try {
    return withUsableFiles(parseKubeconfig(content), dirname(file));
  } catch (error) {
    if (error instanceof KubeconfigProblem) throw problem(file, error.message);
    throw error;
  }
}

/** Paths are relative to the file that holds them; token files become what the library reads again and again. */
function withUsableFiles(config: Fields, folder: string): Fields {
  const clusters = listOf(config['clusters']).map((entry) => {
    const cluster = absolute(fieldsOf(entry['cluster']), ['certificate-authority'], folder);
    return { ...entry, cluster };
  });
  const users = listOf(config['users']).map((entry) => {
    const user = absolute(fieldsOf(entry['user']), ['client-certificate', 'client-key', 'tokenFile', 'token-file'], folder);
    const { tokenFile: standard, 'token-file': variant, token, ...rest } = user;
    const tokenFile = textOf(standard) ?? textOf(variant);
    if (tokenFile === undefined) return { ...entry, user: token === undefined ? rest : { ...rest, token } };
    // Both given: the file wins, as in client-go.
    return { ...entry, user: { ...rest, 'auth-provider': { name: 'tokenFile', config: { tokenFile } } } };
  });
  return { ...config, clusters, users };
}

function absolute(fields: Fields, names: readonly string[], folder: string): Fields {
  const resolved: Record<string, unknown> = { ...fields };
  for (const name of names) {
    const path = textOf(fields[name]);
    if (path !== undefined && !isAbsolute(path)) resolved[name] = join(folder, path);
  }
  return resolved;
}

/** The first file to name a cluster, user, context or current context wins. */
function merge(configs: readonly Fields[]): Fields {
  const firstOf = (list: string): readonly Fields[] => {
    const byName = new Map<unknown, Fields>();
    for (const entry of configs.flatMap((config) => listOf(config[list]))) if (!byName.has(entry['name'])) byName.set(entry['name'], entry);
    return [...byName.values()];
  };
  const current = configs.map((config) => textOf(config['current-context'])).find((name) => name !== undefined);
  return { 'current-context': current, clusters: firstOf('clusters'), users: firstOf('users'), contexts: firstOf('contexts') };
}

function fromServiceAccount(environment: OwnKubeConfigOptions['environment'], folder: string): OwnKubeConfig {
  const host = textOf(environment['KUBERNETES_SERVICE_HOST']);
  const port = environment['KUBERNETES_SERVICE_PORT'] ?? '443';
  const tokenFile = join(folder, 'token');
  if (host === undefined || !existsSync(tokenFile)) throw new ConfigError([{ code: 'NO_CLUSTER', text: NO_CLUSTER }]);
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromOptions({
    clusters: [
      { name: 'in-cluster', server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`, caFile: join(folder, 'ca.crt') },
    ],
    users: [{ name: 'service-account', authProvider: { name: 'tokenFile', config: { tokenFile } } }],
    contexts: [{ name: 'in-cluster', cluster: 'in-cluster', user: 'service-account' }],
    currentContext: 'in-cluster',
  });
  const namespaceFile = join(folder, 'namespace');
  const namespace = existsSync(namespaceFile) ? textOf(readFileSync(namespaceFile, 'utf8').trim()) : undefined;
  return { kubeConfig, namespace, source: 'in-cluster' };
}

function readFailure(error: unknown): string {
  const { code } = error as { code?: string };
  const known: Readonly<Record<string, string>> = { ENOENT: 'no such file', EACCES: 'permission denied', EISDIR: 'it is a folder' };
  return known[code ?? ''] ?? code ?? 'unknown reason';
}

function problem(file: string, text: string): ConfigError {
  return refusal(`kubeconfig ${file}: ${text}`);
}

function refusal(text: string): ConfigError {
  return new ConfigError([{ code: 'KUBECONFIG_REFUSED', text }]);
}
