/**
 * Makes the access of a supervisor to a remote cluster, or renews it.
 *
 * Expected flow: account and rights on the remote -> a new credential -> printed | written to the supervisor -> Ready -> the credential
 * before is deleted.
 * Guarantees: a credential in use is deleted only after the new one has proven to work; run again after any interruption it ends the same.
 * Errors: those of the API servers; a supervisor that does not become Ready in time is an outcome and no error.
 */
import { randomBytes } from 'node:crypto';
import { stringify } from 'yaml';
import {
  type Clock,
  type KubeClient,
  Namespace,
  OperatorError,
  objectKey,
  type RbacRule,
  Secret,
  ServiceAccount,
  sleep,
} from '../../framework';
import { KubevirtConfig } from '../kinds';
import {
  accountObjects,
  ClusterRole,
  ClusterRoleBinding,
  CREDENTIAL_LABEL,
  credentialSecret,
  kubeconfigOf,
  type RemoteEndpoint,
  roleObjects,
  supervisorObjects,
} from './remote-access-objects';
import type { RemoteAccessOptions } from './remote-access-options';

export interface RemoteAccessRun {
  readonly remote: KubeClient;
  readonly endpoint: RemoteEndpoint;
  /** `undefined` = nothing is written there. */
  readonly supervisor: KubeClient | undefined;
  readonly rules: readonly RbacRule[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
  print(line: string): void;
  warn(line: string): void;
}

const LOOK_MS = 500;
/** The control plane fills a Secret within a second, a busy one within some. */
const TOKEN_WAIT_MS = 30_000;
const READY_WAIT_MS = 60_000;

/** @returns whether everything is done. */
export async function runRemoteAccess(options: RemoteAccessOptions, run: RemoteAccessRun): Promise<boolean> {
  await applyAccount(options, run);
  const credential = await newCredential(options, run);
  const kubeconfig = stringify(kubeconfigOf(options.name, run.endpoint, credential.token));
  if (run.supervisor === undefined) {
    const { secret, config } = supervisorObjects(options, kubeconfig);
    run.print(options.output === 'kubeconfig' ? kubeconfig.trimEnd() : `${stringify(secret)}---\n${stringify(config)}`.trimEnd());
    await tellOlder(options, run, credential.secret);
    return true;
  }
  return await applyToSupervisor(options, run, run.supervisor, kubeconfig, credential.secret);
}

async function applyAccount(options: RemoteAccessOptions, { remote, rules, signal, warn }: RemoteAccessRun): Promise<void> {
  const [namespace, account] = accountObjects(options);
  if ((await remote.find(Namespace, options.remoteNamespace, { signal })) === undefined)
    await remote.create(Namespace, namespace, { signal });
  await remote.apply(ServiceAccount, account, { force: true, signal });
  for (const object of roleObjects(rules, options)) {
    await remote.apply(object.kind === 'ClusterRole' ? ClusterRole : ClusterRoleBinding, object, { force: true, signal });
  }
  warn(`account ${options.remoteNamespace}/${options.serviceAccount} has the rights of the module on the remote cluster`);
}

interface Credential {
  readonly token: string;
  /** That it is in; `undefined` for one that expires by itself. */
  readonly secret: string | undefined;
}

async function newCredential(options: RemoteAccessOptions, run: RemoteAccessRun): Promise<Credential> {
  return options.tokenTtlSeconds === undefined ? secretCredential(options, run) : boundCredential(options, options.tokenTtlSeconds, run);
}

async function boundCredential(options: RemoteAccessOptions, expirationSeconds: number, run: RemoteAccessRun): Promise<Credential> {
  const key = objectKey(options.remoteNamespace, options.serviceAccount);
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds } };
  const answer = await run.remote.subresource(ServiceAccount, key, 'token', { method: 'POST', body, signal: run.signal });
  const { status } = (answer ?? {}) as { status?: { token?: string; expirationTimestamp?: string } };
  if (status?.token === undefined) throw new OperatorError('NO_TOKEN', `the remote cluster gave no token for ServiceAccount ${key}`);
  run.warn(`the token expires at ${status.expirationTimestamp ?? 'an unknown time'}; run this command again before`);
  return { token: status.token, secret: undefined };
}

async function secretCredential(options: RemoteAccessOptions, { remote, clock, signal }: RemoteAccessRun): Promise<Credential> {
  const name = `${options.serviceAccount}-${randomBytes(4).toString('hex')}`;
  await remote.create(Secret, credentialSecret(name, options), { signal });
  const key = objectKey(options.remoteNamespace, name);
  for (const endMs = clock.monotonicMs() + TOKEN_WAIT_MS; clock.monotonicMs() < endMs; ) {
    const token = (await remote.find(Secret, key, { signal }))?.data?.['token'];
    if (token !== undefined) return { token: Buffer.from(token, 'base64').toString(), secret: name };
    await sleep(clock, LOOK_MS, signal);
  }
  throw new OperatorError(
    'NO_TOKEN',
    `the remote cluster put no token into Secret ${key} within ${TOKEN_WAIT_MS / 1_000} s; try --token-ttl`,
  );
}

async function applyToSupervisor(
  options: RemoteAccessOptions,
  run: RemoteAccessRun,
  supervisor: KubeClient,
  kubeconfig: string,
  credential: string | undefined,
): Promise<boolean> {
  const { signal, clock, print, warn } = run;
  const { secret, config } = supervisorObjects(options, kubeconfig);
  await supervisor.apply(Secret, secret, { force: true, signal });
  const applied = await supervisor.apply(KubevirtConfig, config, { force: true, signal });
  const key = objectKey(options.configNamespace, options.name);
  let last = applied;
  for (const endMs = clock.monotonicMs() + READY_WAIT_MS; clock.monotonicMs() < endMs; ) {
    await sleep(clock, LOOK_MS, signal);
    last = (await supervisor.find(KubevirtConfig, key, { signal })) ?? last;
    if (last.status?.phase !== 'Ready') continue;
    print(`KubevirtConfig ${key} is Ready`);
    await deleteOlder(options, run, credential);
    return true;
  }
  const { phase, status, message } = last.status ?? {};
  warn(
    phase === undefined
      ? `KubevirtConfig ${key} has no status after ${READY_WAIT_MS / 1_000} s; does a manager run with the module machines, and is ${options.configNamespace} among its namespaces?`
      : `KubevirtConfig ${key} is ${phase} (${status}): ${message}`,
  );
  return false;
}

async function older(options: RemoteAccessOptions, { remote, signal }: RemoteAccessRun, current: string | undefined): Promise<Secret[]> {
  const found: Secret[] = [];
  const labels = `${CREDENTIAL_LABEL}=${options.serviceAccount}`;
  for await (const secret of remote.list(Secret, { namespace: options.remoteNamespace, labels, signal })) {
    if (secret.metadata?.name !== current) found.push(secret);
  }
  return found;
}

async function tellOlder(options: RemoteAccessOptions, run: RemoteAccessRun, current: string | undefined): Promise<void> {
  const names = (await older(options, run, current)).map(({ metadata }) => metadata?.name ?? '');
  if (names.length === 0) return;
  run.warn(`once the new credential is in use, delete the older ones in ${options.remoteNamespace}: ${names.join(', ')}`);
}

/** The new credential works. */
async function deleteOlder(options: RemoteAccessOptions, run: RemoteAccessRun, current: string | undefined): Promise<void> {
  for (const { metadata } of await older(options, run, current)) {
    const key = objectKey(options.remoteNamespace, metadata?.name ?? '');
    await run.remote.delete(Secret, key, { uid: metadata?.uid ?? '', signal: run.signal });
    run.warn(`deleted the credential before, Secret ${key}`);
  }
}
