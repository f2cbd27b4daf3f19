/**
 * Writes a credential to the supervisor and finds out whether it is in use; else puts back what was there.
 *
 * Expected flow: `standing` -> `write` -> `untilUsed` -> (`goBack`).
 * Guarantees: nothing counts as in use but what the manager says it has checked the cluster with; what somebody else has written since is
 * not overwritten.
 * Errors: those of the API server; an abort rejects with its reason.
 */
import { type Clock, type KubeClient, objectKey, Secret, type Secret as SecretObject, sleep } from '../../framework';
import type { SecretVersion } from '../clusters/kubeconfig-secrets';
import { KubevirtConfig } from '../kinds';
import { type AccessVerdict, isAtLeast, verdictOf, worksWithItsSecret } from './access-verdict';
import { supervisorObjects } from './remote-access-objects';
import type { RemoteAccessOptions } from './remote-access-options';

const LOOK_MS = 500;
const READY_WAIT_MS = 60_000;
/** A Secret that may not be watched is read every 60 s, and a manager tries a new connection for 120 s beside the old one. */
const RENEWAL_WAIT_MS = 240_000;
/** A manager that uses the new credential takes up the one before again within this, where it may watch the Secret. */
const BACK_WAIT_MS = 60_000;

/** What the supervisor has before anything is written. */
interface Standing {
  readonly config: KubevirtConfig | undefined;
  readonly secret: SecretObject | undefined;
}

export interface AccessOutcome {
  /** `undefined` = nothing was said in time. */
  readonly verdict: AccessVerdict | undefined;
  /** As it was seen last. */
  readonly config: KubevirtConfig;
  readonly waitedMs: number;
}

export class SupervisorAccess {
  private written: SecretVersion | undefined;

  private constructor(
    private readonly options: RemoteAccessOptions,
    private readonly client: KubeClient,
    private readonly clock: Clock,
    private readonly standing: Standing,
  ) {}

  /** Looks at what is there. */
  static async standing(options: RemoteAccessOptions, client: KubeClient, clock: Clock, signal: AbortSignal): Promise<SupervisorAccess> {
    const { secret } = supervisorObjects(options, '');
    const [config, found] = await Promise.all([
      client.find(KubevirtConfig, objectKey(options.configNamespace, options.name), { signal }),
      client.find(Secret, objectKey(options.configNamespace, secret.metadata?.name ?? ''), { signal }),
    ]);
    return new SupervisorAccess(options, client, clock, { config, secret: found });
  }

  get key(): string {
    return objectKey(this.options.configNamespace, this.options.name);
  }

  get secretKey(): string {
    return objectKey(this.options.configNamespace, supervisorObjects(this.options, '').secret.metadata?.name ?? '');
  }

  /** A manager has looked at the config before. */
  get isRenewal(): boolean {
    return this.standing.config?.status?.phase !== undefined;
  }

  /** The cluster worked with what was there. */
  get hasWorked(): boolean {
    const { config, secret } = this.standing;
    if (config === undefined || !worksWithItsSecret(config)) return false;
    return (
      objectKey(this.options.configNamespace, config.spec.kubeconfigSecretRef) !== this.secretKey || kubeconfigOf(secret) !== undefined
    );
  }

  async write(kubeconfig: string, signal: AbortSignal): Promise<void> {
    const { secret, config } = supervisorObjects(this.options, kubeconfig);
    const { metadata } = await this.client.apply(Secret, secret, { force: true, signal });
    const { namespace = '', name = '', resourceVersion = '' } = metadata ?? {};
    this.written = { namespace, name, resourceVersion };
    await this.client.apply(KubevirtConfig, config, { force: true, signal });
  }

  async untilUsed(signal: AbortSignal): Promise<AccessOutcome> {
    const { isRenewal, hasWorked } = this;
    const waitedMs = isRenewal ? RENEWAL_WAIT_MS : READY_WAIT_MS;
    let config: KubevirtConfig = this.standing.config ?? supervisorObjects(this.options, '').config;
    for (const endMs = this.clock.monotonicMs() + waitedMs; this.clock.monotonicMs() < endMs; ) {
      await sleep(this.clock, LOOK_MS, signal);
      config = (await this.read(signal)) ?? config;
      const verdict = verdictOf(config, { written: this.written!, isRenewal, hasWorked });
      if (verdict !== undefined) return { verdict, config, waitedMs };
    }
    return { verdict: undefined, config, waitedMs };
  }

  /** Whether a manager has looked at what was written, as far as it tells. */
  wasObserved({ status }: KubevirtConfig): boolean {
    return isAtLeast(status?.observedCredentials, this.written!);
  }

  /**
   * Puts Secret and reference back as they were.
   * @returns whether what was written is in use no more, so that the credential may go.
   */
  async goBack(kubeconfig: string): Promise<boolean> {
    const { config: before, secret: secretBefore } = this.standing;
    const { secret, config } = supervisorObjects(this.options, kubeconfig);
    const now = await this.read();
    if (now !== undefined && before !== undefined && now.spec.kubeconfigSecretRef !== before.spec.kubeconfigSecretRef) {
      const { name, kubeconfigSecretRef } = before.spec;
      await this.client.apply(KubevirtConfig, { ...config, spec: { name, kubeconfigSecretRef } }, { force: true });
    }
    const found = await this.client.find(Secret, this.secretKey);
    // Else it was never written, or somebody has written another one since.
    if (found !== undefined && kubeconfigOf(found) === kubeconfigOf(secret)) {
      const data = kubeconfigOf(secretBefore);
      if (data !== undefined) await this.client.apply(Secret, { ...secret, data: { kubeconfig: data } }, { force: true });
      else await this.client.delete(Secret, this.secretKey, { uid: found.metadata?.uid ?? '' });
    }
    return this.untilUnused();
  }

  private async untilUnused(): Promise<boolean> {
    const { written } = this;
    if (written === undefined) return true;
    for (const endMs = this.clock.monotonicMs() + BACK_WAIT_MS; ; ) {
      const used = (await this.read())?.status?.credentialsInUse;
      // What was written has just this version, unless its labels were changed since.
      if (used?.resourceVersion !== written.resourceVersion || !isAtLeast(used, written)) return true;
      if (this.clock.monotonicMs() >= endMs) return false;
      await sleep(this.clock, LOOK_MS);
    }
  }

  private read(signal?: AbortSignal): Promise<KubevirtConfig | undefined> {
    return this.client.find(KubevirtConfig, this.key, signal === undefined ? {} : { signal });
  }
}

function kubeconfigOf(secret: SecretObject | undefined): string | undefined {
  return secret?.data?.['kubeconfig'] || undefined;
}
