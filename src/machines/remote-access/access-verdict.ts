/** What the status of a KubevirtConfig tells of a credential that was written to its Secret, pure. */
import type { SecretVersion } from '../clusters/kubeconfig-secrets';
import type { KubevirtConfig } from '../kinds';

export type AccessVerdict =
  /** The cluster is Ready with it. */
  | 'in use'
  /** The cluster is Ready, and the manager does not tell with what. */
  | 'unconfirmed'
  /** It cannot be used, or leads to another cluster; the one before is still there. */
  | 'refused';

export interface Asked {
  readonly written: SecretVersion;
  /** The config had a status before. */
  readonly isRenewal: boolean;
  /** The cluster worked before, so that a bad word cannot be meant for anything else than what was written. */
  readonly hasWorked: boolean;
}

/** @returns `undefined` while nothing can be said. */
export function verdictOf({ status = {} }: KubevirtConfig, { written, isRenewal, hasWorked }: Asked): AccessVerdict | undefined {
  const { phase, status: word, credentialsInUse, observedCredentials } = status;
  const isReady = phase === 'Ready';
  if (isAtLeast(credentialsInUse, written)) {
    if (isReady) return 'in use';
    return hasWorked && word === 'ClusterChanged' ? 'refused' : undefined;
  }
  // A manager that tells these fields tells one of them whenever it says Ready.
  if (isReady && credentialsInUse === undefined && observedCredentials === undefined) return isRenewal ? 'unconfirmed' : 'in use';
  return hasWorked && isAtLeast(observedCredentials, written) && credentialsProblem({ status }) !== undefined ? 'refused' : undefined;
}

/** Whether a version is the one that was written, or a later one of the same Secret. */
export function isAtLeast(version: Partial<SecretVersion> | undefined, written: SecretVersion): boolean {
  if (version?.namespace !== written.namespace || version.name !== written.name) return false;
  const [now, then] = [version.resourceVersion ?? '', written.resourceVersion];
  const areNumbers = /^\d+$/.test(now) && /^\d+$/.test(then);
  return areNumbers ? BigInt(now) >= BigInt(then) : now === then;
}

/** Whether the Secret as it was before can be gone back to: the cluster worked, and with the very content that the Secret holds. */
export function worksWithItsSecret({ metadata, status = {} }: KubevirtConfig): boolean {
  const holds = (type: string): boolean => status.conditions?.some((found) => found.type === type && found.status === 'True') === true;
  const { credentialsInUse: used, observedCredentials: observed } = status;
  const isNewest = used === undefined || observed === undefined || isSame(used, observed);
  return metadata?.deletionTimestamp === undefined && holds('Connected') && holds('CredentialsValid') && isNewest;
}

/** In the words of the KubevirtConfig, why it is not Ready with what was written. */
export function saidOf(config: KubevirtConfig): string {
  const { phase, status: word, message = '' } = config.status ?? {};
  const problem = credentialsProblem(config);
  if (phase === 'Ready') return `is Ready with the credential before, and of the new one it says: ${problem ?? 'not connected yet'}`;
  return `is ${phase} (${word})${message === '' ? '' : `: ${message}`}`;
}

function credentialsProblem({ status }: Pick<KubevirtConfig, 'status'>): string | undefined {
  const said = status?.conditions?.find(({ type }) => type === 'CredentialsValid');
  return said?.status === 'False' ? `${said.reason}: ${said.message}` : undefined;
}

export function isSame(a: Partial<SecretVersion>, b: Partial<SecretVersion>): boolean {
  return a.namespace === b.namespace && a.name === b.name && a.resourceVersion === b.resourceVersion;
}
