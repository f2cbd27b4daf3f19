/**
 * Makes the access of a supervisor to a remote cluster, or renews it.
 *
 * Expected flow: account and rights on the remote -> a new credential -> printed | written to the supervisor -> the manager says that it is
 * in use and the cluster Ready -> the credential before is deleted. | The supervisor is as it was, and the new credential is deleted.
 * Guarantees: a credential in use is deleted only after the manager has told that another one is, while the Secret holds that one; what
 * may be the credential of another KubevirtConfig, supervisor or run is named and never deleted; a cluster that worked works after a
 * restart of the manager, too, unless this process is killed, or the API server of the supervisor stays away, before that is made sure.
 * Errors: those of the API servers; a supervisor that does not become Ready in time is an outcome and no error.
 */
import { stringify } from 'yaml';
import { type KubeClient, Namespace, objectKey, type RbacRule, ServiceAccount } from '../../framework';
import { textOf } from '../clusters/config-error';
import { saidOf } from './access-verdict';
import {
  accountObjects,
  ClusterRole,
  ClusterRoleBinding,
  kubeconfigOf,
  REMOTE_ROLE,
  type RemoteEndpoint,
  roleObjects,
  type Subject,
  supervisorObjects,
} from './remote-access-objects';
import type { RemoteAccessOptions } from './remote-access-options';
import { type CredentialRun, deleteBefore, deleteCredential, newCredential, tellOthers } from './remote-credentials';
import { type AccessOutcome, type BackOutcome, SupervisorAccess } from './supervisor-access';

export interface RemoteAccessRun extends CredentialRun {
  readonly endpoint: RemoteEndpoint;
  /** `undefined` = nothing is written there. */
  readonly supervisor: KubeClient | undefined;
  readonly rules: readonly RbacRule[];
  print(line: string): void;
}

/** @returns whether everything is done. */
export async function runRemoteAccess(options: RemoteAccessOptions, run: RemoteAccessRun): Promise<boolean> {
  const access = run.supervisor && (await SupervisorAccess.standing(options, run.supervisor, run.clock, run.signal));
  await applyAccount(options, run);
  const credential = await newCredential(options, run, access?.configUid);
  const kubeconfig = stringify(kubeconfigOf(options.name, run.endpoint, credential.token));
  if (access === undefined) {
    const { secret, config } = supervisorObjects(options, kubeconfig);
    run.print(options.output === 'kubeconfig' ? kubeconfig.trimEnd() : `${stringify(secret)}---\n${stringify(config)}`.trimEnd());
    await tellOthers(options, run, credential.secret);
    return true;
  }
  return await applyToSupervisor(access, options, run, kubeconfig, credential.secret);
}

async function applyAccount(options: RemoteAccessOptions, { remote, rules, signal, warn }: RemoteAccessRun): Promise<void> {
  const [namespace, account] = accountObjects(options);
  if ((await remote.find(Namespace, options.remoteNamespace, { signal })) === undefined)
    await remote.create(Namespace, namespace, { signal });
  await remote.apply(ServiceAccount, account, { force: true, signal });
  const binding = await bindingFor(options, remote, signal);
  for (const role of roleObjects(rules, options)) {
    const object = role.kind === 'ClusterRole' ? role : { ...role, metadata: { ...role.metadata, name: binding } };
    await remote.apply(object.kind === 'ClusterRole' ? ClusterRole : ClusterRoleBinding, object, { force: true, signal });
  }
  warn(`account ${options.remoteNamespace}/${options.serviceAccount} has the rights of the module on the remote cluster`);
}

/** Another account has its rights by the binding of the usual name, and must not lose them. */
async function bindingFor(options: RemoteAccessOptions, remote: KubeClient, signal: AbortSignal): Promise<string> {
  const found = await remote.find(ClusterRoleBinding, REMOTE_ROLE, { signal });
  const { remoteNamespace, serviceAccount } = options;
  const isOther = ({ namespace, name }: Subject): boolean => namespace !== remoteNamespace || name !== serviceAccount;
  return found?.subjects?.some(isOther) === true ? `${REMOTE_ROLE}:${remoteNamespace}:${serviceAccount}` : REMOTE_ROLE;
}

/** Nothing is left of what was written unless it is in use, or there is nothing that worked before. */
async function applyToSupervisor(
  access: SupervisorAccess,
  options: RemoteAccessOptions,
  run: RemoteAccessRun,
  kubeconfig: string,
  credential: string | undefined,
): Promise<boolean> {
  const { key, hasWorked } = access;
  let outcome: AccessOutcome;
  try {
    await access.write(kubeconfig, run.signal);
    if (access.isRenewal) run.warn(`waiting until the manager uses the new credential for KubevirtConfig ${key}`);
    outcome = await access.untilUsed(run.signal);
  } catch (error) {
    if (!hasWorked) {
      const where = credential === undefined ? '' : `, Secret ${objectKey(options.remoteNamespace, credential)} on the remote cluster`;
      run.warn(`Secret ${access.secretKey} may hold the new credential, which was kept${where}; run this command again`);
      throw error;
    }
    const isInterrupted = run.signal.aborted;
    run.warn(isInterrupted ? 'interrupted: what was there before is put back, which may take a minute' : textOf(error));
    await goBack(access, options, run, credential);
    return false;
  }
  const { verdict, config } = outcome;
  if (verdict === 'in use' || verdict === 'unconfirmed') run.print(`KubevirtConfig ${key} is Ready`);
  if (verdict === 'in use') {
    await deleteBefore(access, options, run, credential);
    return true;
  }
  if (verdict === 'unconfirmed') {
    run.warn(
      `KubevirtConfig ${key} does not tell which credential is in use: the manager, or the CRD, is an older one; look at its condition CredentialsValid, and restart the manager to be sure`,
    );
    await tellOthers(options, run, credential);
    return true;
  }
  run.warn(failureOf(access, outcome));
  if (hasWorked) await goBack(access, options, run, credential);
  else if (config.status?.phase !== undefined) await tellOthers(options, run, credential);
  return false;
}

function failureOf(access: SupervisorAccess, { verdict, config, waitedMs }: AccessOutcome): string {
  const named = `KubevirtConfig ${access.key}`;
  const seconds = waitedMs / 1_000;
  if (verdict === 'overwritten') {
    return `Secret ${access.secretKey} was changed or deleted by somebody else before the new credential was in use: another run of this command, or a tool that keeps it as it was?`;
  }
  if (verdict === 'deleted') return `${named} was deleted by somebody else before the new credential was in use`;
  if (config.status?.phase === undefined) {
    return `${named} has no status after ${seconds} s; does a manager run with the module machines, and is ${config.metadata?.namespace} among its namespaces?`;
  }
  if (verdict === undefined && access.isRenewal && !access.wasObserved(config)) {
    return `${named} has not taken up the new credential within ${seconds} s, and ${saidOf(config)}; does a manager run, and may it read Secret ${access.secretKey}?`;
  }
  return `${named} ${saidOf(config)}`;
}

/** Also after Ctrl-C: a manager that restarts must not find what does not work. */
async function goBack(
  access: SupervisorAccess,
  options: RemoteAccessOptions,
  run: RemoteAccessRun,
  credential: string | undefined,
): Promise<void> {
  const key = credential === undefined ? undefined : objectKey(options.remoteNamespace, credential);
  let back: BackOutcome;
  try {
    back = await access.goBack();
  } catch (error) {
    const held = `Secret ${access.secretKey} may hold the new credential, and both credentials were kept`;
    run.warn(`what was there before could not be put back: ${textOf(error)}; ${held}; run this command again`);
    return;
  }
  const { isUnused, isForeign, isConfigGone, wasWritten } = back;
  if (isForeign) {
    run.warn(`Secret ${access.secretKey} was changed or deleted by somebody else and was left as it is; the credential before was kept`);
  } else {
    const kept = isUnused && !isConfigGone ? 'the credential before is still in use and was kept' : 'the credential before was kept';
    const asBefore = isConfigGone ? 'is as it was' : `and KubevirtConfig ${access.key} are as they were`;
    run.warn(`${kept}: Secret ${access.secretKey} ${asBefore}`);
  }
  if (key !== undefined && isForeign && wasWritten) {
    // Whoever has written the Secret since may go back to what he found.
    run.warn(`the new credential was kept, too; delete Secret ${key} on the remote cluster if nobody uses it`);
  } else if (key !== undefined && isUnused) {
    if (await deleteCredential(key, run)) run.warn(`deleted the new credential, Secret ${key}`);
  } else if (key !== undefined) {
    run.warn(`the manager still uses the new credential; delete Secret ${key} on the remote cluster once it does not`);
  }
  run.warn('mend the cause and run this command again');
}
