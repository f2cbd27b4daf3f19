/**
 * Another credential for the server of the connection in use, tried beside it.
 *
 * Expected flow: `start` -> the server is asked for its version -> it lets us in: `onAdmitted` | it refuses, or does not answer in time:
 * `onProblem`, and asked again at the pace of any connection's probes, since it may learn of a token later than we do -> `close`.
 * Guarantees: nothing else is asked with the credential; nobody is told after `close`, which leaves nothing of it.
 * Caveats: what the credential may do shows only in use.
 */
import type { Timer } from '../time/clock';
import type { ClusterConfig } from './cluster-config';
import type { HealthState } from './cluster-health';
import { lateReason, TAKE_OVER_MS } from './connection-beside';
import { RemoteLink, type RemoteLinkOptions } from './remote-link';

export interface CredentialTrialOptions extends Omit<RemoteLinkOptions, 'onChange' | 'onSuccess'> {
  /** It is over then. */
  readonly onAdmitted: () => void;
  /** @param reason one line for people; told again when it becomes another one. */
  readonly onProblem: (reason: string) => void;
}

export class CredentialTrial {
  private readonly link: RemoteLink;
  private timer: Timer | undefined;
  private refusal: string | undefined;

  constructor(private readonly options: CredentialTrialOptions) {
    this.link = new RemoteLink({ ...options, onChange: (now) => this.see(now), onSuccess: () => undefined });
  }

  get config(): ClusterConfig {
    return this.options.config;
  }

  /** The server has refused it, and has not let us in since. */
  get isRefused(): boolean {
    return this.refusal !== undefined;
  }

  start(): void {
    this.timer = this.options.settings.clock.setTimer(TAKE_OVER_MS, () => this.tellLate());
    this.link.start();
  }

  /** Asks now, without waiting for the next time. */
  askAgain(): void {
    this.link.monitor.renewed();
  }

  async close(): Promise<void> {
    this.timer?.cancel();
    await this.link.close();
  }

  private see({ state, detail }: HealthState): void {
    if (state === 'Ready') this.options.onAdmitted();
    if (state !== 'AuthFailed' || this.refusal === detail) return;
    this.timer?.cancel();
    this.refusal = detail;
    this.options.onProblem(`the cluster refuses the new credential, the one before stays in use: ${detail}`);
  }

  private tellLate(): void {
    this.options.onProblem(lateReason(this.link.monitor.health.detail));
  }
}
