/**
 * The credentials of the account on a remote cluster: a new one, and the end of those before.
 *
 * Guarantees: one that nobody has seen does not outlive a failure; what may be in use by somebody else is named and never deleted.
 * Errors: those of the API server; NO_TOKEN when the control plane gives none.
 */
import { randomBytes } from 'node:crypto';
import {
  type Clock,
  type KubeClient,
  type ObjectKey,
  OperatorError,
  objectKey,
  Secret,
  type Secret as SecretObject,
  ServiceAccount,
  sleep,
} from '../../framework';
import { CONFIG_LABEL, CREDENTIAL_LABEL, credentialSecret } from './remote-access-objects';
import type { RemoteAccessOptions } from './remote-access-options';
import type { SupervisorAccess } from './supervisor-access';

export interface CredentialRun {
  readonly remote: KubeClient;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  warn(line: string): void;
}

const LOOK_MS = 500;
/** The control plane fills a Secret within a second, a busy one within some. */
const TOKEN_WAIT_MS = 30_000;
/** No run takes longer, the clocks of two computers considered. */
const LONGEST_RUN_MS = 3_600_000;

interface Credential {
  readonly token: string;
  /** That it is in; `undefined` for one that expires by itself. */
  readonly secret: string | undefined;
}

export async function newCredential(options: RemoteAccessOptions, run: CredentialRun, configUid: string | undefined): Promise<Credential> {
  const { tokenTtlSeconds: seconds } = options;
  return seconds === undefined ? secretCredential(options, run, configUid) : boundCredential(options, seconds, run);
}

async function boundCredential(options: RemoteAccessOptions, expirationSeconds: number, run: CredentialRun): Promise<Credential> {
  const key = objectKey(options.remoteNamespace, options.serviceAccount);
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds } };
  const answer = await run.remote.subresource(ServiceAccount, key, 'token', { method: 'POST', body, signal: run.signal });
  const { status } = (answer ?? {}) as { status?: { token?: string; expirationTimestamp?: string } };
  if (status?.token === undefined) throw new OperatorError('NO_TOKEN', `the remote cluster gave no token for ServiceAccount ${key}`);
  run.warn(`the token expires at ${status.expirationTimestamp ?? 'an unknown time'}; run this command again before`);
  return { token: status.token, secret: undefined };
}

async function secretCredential(options: RemoteAccessOptions, run: CredentialRun, configUid: string | undefined): Promise<Credential> {
  const name = `${options.serviceAccount}-${randomBytes(4).toString('hex')}`;
  const key = objectKey(options.remoteNamespace, name);
  try {
    await run.remote.create(Secret, credentialSecret(name, options, configUid), { signal: run.signal });
    return { token: await tokenIn(key, run), secret: name };
  } catch (error) {
    // Nobody has seen it, and it would let in whoever finds it.
    await deleteCredential(key, run).catch(() => run.warn(`Secret ${key} may be left on the remote cluster; nobody uses it: delete it`));
    throw error;
  }
}

async function tokenIn(key: ObjectKey, { remote, clock, signal }: CredentialRun): Promise<string> {
  for (const endMs = clock.monotonicMs() + TOKEN_WAIT_MS; clock.monotonicMs() < endMs; ) {
    const token = (await remote.find(Secret, key, { signal }))?.data?.['token'];
    if (token !== undefined) return Buffer.from(token, 'base64').toString();
    await sleep(clock, LOOK_MS, signal);
  }
  throw new OperatorError(
    'NO_TOKEN',
    `the remote cluster put no token into Secret ${key} within ${TOKEN_WAIT_MS / 1_000} s; try --token-ttl`,
  );
}

/** Also after Ctrl-C. @returns whether it was there. */
export async function deleteCredential(key: ObjectKey, { remote }: CredentialRun): Promise<boolean> {
  const uid = (await remote.find(Secret, key))?.metadata?.uid;
  if (uid !== undefined) await remote.delete(Secret, key, { uid });
  return uid !== undefined;
}

async function older(
  options: RemoteAccessOptions,
  { remote, signal }: CredentialRun,
  current: string | undefined,
): Promise<SecretObject[]> {
  const found: SecretObject[] = [];
  const labels = `${CREDENTIAL_LABEL}=${options.serviceAccount}`;
  for await (const secret of remote.list(Secret, { namespace: options.remoteNamespace, labels, signal })) {
    if (secret.metadata?.name !== current) found.push(secret);
  }
  return found;
}

export async function tellOthers(options: RemoteAccessOptions, run: CredentialRun, current: string | undefined): Promise<void> {
  const names = (await older(options, run, current)).map(({ metadata }) => metadata?.name ?? '');
  if (names.length === 0) return;
  const where = options.remoteNamespace;
  const how = `kubectl delete secret -n ${where} ${names.join(' ')}`;
  run.warn(
    `once the new credential is in use, delete the older ones in ${where} that no other KubevirtConfig or supervisor uses: ${names.join(', ')} (${how})`,
  );
}

/** The new credential works. Those of other configs and supervisors are found, too, and are not distinguished by their labels. */
export async function deleteBefore(
  access: SupervisorAccess,
  options: RemoteAccessOptions,
  run: CredentialRun,
  current: string | undefined,
): Promise<void> {
  const others: string[] = [];
  for (const secret of await older(options, run, current)) {
    const { name = '', uid = '' } = secret.metadata ?? {};
    if (!isOf(access, secret, run.clock)) {
      others.push(name);
      continue;
    }
    const key = objectKey(options.remoteNamespace, name);
    await run.remote.delete(Secret, key, { uid, signal: run.signal });
    run.warn(`deleted the credential before, Secret ${key}`);
  }
  if (others.length === 0) return;
  run.warn(
    `other credentials of the account were kept, since another KubevirtConfig, supervisor or run of this command may use them: ${others.join(', ')}; delete those in ${options.remoteNamespace} that nobody uses`,
  );
}

/** The credential that the Secret held before, or what was left by a run for the same KubevirtConfig that cannot be under way any more. */
function isOf(access: SupervisorAccess, { metadata, data }: SecretObject, clock: Clock): boolean {
  const token = Buffer.from(data?.['token'] ?? '', 'base64').toString();
  if (token !== '' && access.wasHeld(token)) return true;
  const { configUid } = access;
  const ageMs = clock.now() - Date.parse(metadata?.creationTimestamp ?? '');
  return configUid !== undefined && metadata?.labels?.[CONFIG_LABEL] === configUid && ageMs >= LONGEST_RUN_MS;
}
