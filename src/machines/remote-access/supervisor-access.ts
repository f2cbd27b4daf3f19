/**
 * Writes a credential to the supervisor and finds out whether it is in use; else puts back what was there.
 *
 * Expected flow: `standing` -> `write` -> `untilUsed` -> (`goBack`).
 * Guarantees: nothing counts as in use but what the manager says it has checked the cluster with while the Secret holds it; what somebody
 * else has written since is not overwritten; an API server that does not answer for a while is waited for.
 * Errors: those of the API server; an abort rejects with its reason.
 */
import {
  ApiError,
  type Clock,
  isOperatorError,
  type KubeClient,
  objectKey,
  Secret,
  type Secret as SecretObject,
  sleep,
} from '../../framework';
import type { SecretVersion } from '../clusters/kubeconfig-secrets';
import { KubevirtConfig } from '../kinds';
import { type AccessVerdict, isAtLeast, isSame, verdictOf, worksWithItsSecret } from './access-verdict';
import { supervisorObjects } from './remote-access-objects';
import type { RemoteAccessOptions } from './remote-access-options';

const LOOK_MS = 500;
const READY_WAIT_MS = 60_000;
/** A Secret that may not be watched is read every 60 s, and a manager tries a new connection for 120 s beside the old one. */
const RENEWAL_WAIT_MS = 240_000;
/** What was there is put back as soon as the API server answers within this. */
const OUTAGE_MS = 60_000;
const TOO_MANY_REQUESTS = 429;
/** A manager that uses the new credential takes up the one before again within this, where it may watch the Secret. */
const BACK_WAIT_MS = 60_000;

/** What the supervisor has before anything is written. */
interface Standing {
  readonly config: KubevirtConfig | undefined;
  readonly secret: SecretObject | undefined;
  /** That the config names, where it is another one. */
  readonly named: SecretObject | undefined;
}

export interface AccessOutcome {
  /** `undefined` = nothing was said in time; `overwritten` = somebody else has changed or deleted the Secret since; `deleted` = the config is gone. */
  readonly verdict: AccessVerdict | 'overwritten' | 'deleted' | undefined;
  /** As it was seen last. */
  readonly config: KubevirtConfig;
  readonly waitedMs: number;
}

/** What going back has come to. */
export interface BackOutcome {
  /** What was written is in use no more. */
  readonly isUnused: boolean;
  /** The Secret holds neither what was written nor what was there before: it is somebody else's now. */
  readonly isForeign: boolean;
  readonly isConfigGone: boolean;
  /** Somebody else may have read what was written. */
  readonly wasWritten: boolean;
}

export class SupervisorAccess {
  private kubeconfig = '';
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
    const ref = config?.spec.kubeconfigSecretRef ?? '';
    const isOther = ref !== '' && ref !== secret.metadata?.name;
    const named = isOther ? await client.find(Secret, objectKey(options.configNamespace, ref), { signal }) : undefined;
    return new SupervisorAccess(options, client, clock, { config, secret: found, named });
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
    return objectKey(this.options.configNamespace, config.spec.kubeconfigSecretRef) !== this.secretKey || contentOf(secret) !== undefined;
  }

  /** Of the KubevirtConfig, where there was one. */
  get configUid(): string | undefined {
    return this.standing.config?.metadata?.uid;
  }

  /** Whether a token is in what the KubevirtConfig had before. */
  wasHeld(token: string): boolean {
    const { secret, named } = this.standing;
    return [secret, named].some((found) =>
      Buffer.from(contentOf(found) ?? '', 'base64')
        .toString()
        .includes(token),
    );
  }

  /** @throws {ConflictError} when somebody has written the Secret since it was looked at: what was found could not be gone back to. */
  async write(kubeconfig: string, signal: AbortSignal): Promise<void> {
    this.kubeconfig = kubeconfig;
    const { secret, config } = supervisorObjects(this.options, kubeconfig);
    const found = this.standing.secret?.metadata?.resourceVersion;
    const asFound = found === undefined ? secret : { ...secret, metadata: { ...secret.metadata, resourceVersion: found } };
    const { metadata } = await this.client.apply(Secret, asFound, { force: true, signal });
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
      try {
        const now = await this.read(signal);
        if (now === undefined) return { verdict: 'deleted', config, waitedMs };
        config = now;
        // Read after the status: a version of the Secret that holds something else is then never taken for what was written.
        const isHeld = this.isWritten(await this.client.find(Secret, this.secretKey, { signal }));
        const verdict = isHeld ? verdictOf(config, { written: this.written!, isRenewal, hasWorked }) : 'overwritten';
        if (verdict !== undefined) return { verdict, config, waitedMs };
      } catch (error) {
        if (signal.aborted || !isPassing(error)) throw error;
      }
    }
    return { verdict: undefined, config, waitedMs };
  }

  /** Whether a manager has looked at what was written, as far as it tells. */
  wasObserved({ status }: KubevirtConfig): boolean {
    return isAtLeast(status?.observedCredentials, this.written!);
  }

  /** Puts Secret and reference back as they were. */
  async goBack(): Promise<BackOutcome> {
    const put = await this.throughOutage(() => this.putBack());
    return { ...put, wasWritten: this.written !== undefined, isUnused: await this.throughOutage(() => this.untilUnused()) };
  }

  private async putBack(): Promise<Pick<BackOutcome, 'isForeign' | 'isConfigGone'>> {
    const { config: before, secret: secretBefore } = this.standing;
    const { secret, config } = supervisorObjects(this.options, this.kubeconfig);
    const found = await this.client.find(Secret, this.secretKey);
    const isOurs = this.isWritten(found);
    const isForeign = !isOurs && contentOf(found) !== contentOf(secretBefore);
    const now = await this.read();
    const { name, kubeconfigSecretRef } = before?.spec ?? {};
    const isChanged = now?.spec.name !== name || now?.spec.kubeconfigSecretRef !== kubeconfigSecretRef;
    if (now !== undefined && before !== undefined && isChanged && (!isForeign || found === undefined)) {
      await this.client.apply(KubevirtConfig, { ...config, spec: { name, kubeconfigSecretRef } }, { force: true });
    }
    if (isOurs) {
      const data = contentOf(secretBefore);
      if (data !== undefined) await this.client.apply(Secret, { ...secret, data: { kubeconfig: data } }, { force: true });
      else await this.client.delete(Secret, this.secretKey, { uid: found?.metadata?.uid ?? '' });
    }
    return { isForeign, isConfigGone: now === undefined };
  }

  /** @throws what the API server still answers after `OUTAGE_MS`. */
  private async throughOutage<T>(action: () => Promise<T>): Promise<T> {
    for (const endMs = this.clock.monotonicMs() + OUTAGE_MS; ; ) {
      try {
        return await action();
      } catch (error) {
        if (!isPassing(error) || this.clock.monotonicMs() >= endMs) throw error;
        await sleep(this.clock, LOOK_MS);
      }
    }
  }

  private isWritten(found: SecretObject | undefined): boolean {
    return found !== undefined && contentOf(found) === contentOf(supervisorObjects(this.options, this.kubeconfig).secret);
  }

  private async untilUnused(): Promise<boolean> {
    const { written } = this;
    if (written === undefined) return true;
    for (const endMs = this.clock.monotonicMs() + BACK_WAIT_MS; ; ) {
      const used = (await this.read())?.status?.credentialsInUse;
      // What was written has just this version, unless its labels were changed since.
      if (used === undefined || !isSame(used, written)) return true;
      if (this.clock.monotonicMs() >= endMs) return false;
      await sleep(this.clock, LOOK_MS);
    }
  }

  private read(signal?: AbortSignal): Promise<KubevirtConfig | undefined> {
    return this.client.find(KubevirtConfig, this.key, signal === undefined ? {} : { signal });
  }
}

function contentOf(secret: SecretObject | undefined): string | undefined {
  return secret?.data?.['kubeconfig'] || undefined;
}

/** The API server does not answer, or is not able to. */
function isPassing(error: unknown): boolean {
  if (isOperatorError(error, 'TRANSPORT')) return true;
  return error instanceof ApiError && (error.status >= 500 || error.status === TOO_MANY_REQUESTS);
}
