/** The numbers of leader election and what they must be to each other. */

export interface LeaderElectionOptions {
  /** Name of the Lease, in the operator's namespace. */
  lease: string;
  /**
   * Others may take the Lease over when it was not renewed for this long, in milliseconds; whole seconds. After kill -9 that takes this
   * long from the last renewal, plus up to two waits of `retryMs` times 1.2 (one to see it, one to see that no other came) and the
   * requests: 15 to 19.8 s. @default 15000
   */
  leaseDurationMs?: number;
  /** The leader stops when its last successful renewal began this long ago, in milliseconds. @default 10000 */
  renewDeadlineMs?: number;
  /** Between two renewals, and between two looks while standing by, in milliseconds, times 1.0 to 1.2. @default 2000 */
  retryMs?: number;
}

export interface CompiledLeaderElectionOptions extends Readonly<Required<LeaderElectionOptions>> {
  /** Longest duration of one call, so that a lost connection leaves time for another try before the deadline. */
  readonly requestTimeoutMs: number;
}

/** As everybody's election library has them. @source k8s.io/client-go/tools/leaderelection, recommended values */
const LEASE_DURATION_MS = 15_000;
const RENEW_DEADLINE_MS = 10_000;
const RETRY_MS = 2_000;
const LONGEST_REQUEST_MS = 5_000;
/** Waits are stretched by up to this share, so that replicas do not ask in step. */
export const JITTER = 0.2;

/** RFC 1123 subdomain, as the API server demands of object names. */
const OBJECT_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** Fills in defaults. @throws {RangeError} naming the option, its value and what is allowed. */
export function compileLeaderElectionOptions(options: LeaderElectionOptions): CompiledLeaderElectionOptions {
  const [mistake] = leaderElectionMistakes(options);
  if (mistake !== undefined) throw new RangeError(mistake);
  const { lease, leaseDurationMs, renewDeadlineMs, retryMs } = withDefaults(options);
  const requestTimeoutMs = Math.min(LONGEST_REQUEST_MS, Math.ceil(renewDeadlineMs / 2));
  return Object.freeze({ lease, leaseDurationMs, renewDeadlineMs, retryMs, requestTimeoutMs });
}

function withDefaults(options: LeaderElectionOptions): Required<LeaderElectionOptions> {
  const { lease, leaseDurationMs = LEASE_DURATION_MS, renewDeadlineMs = RENEW_DEADLINE_MS, retryMs = RETRY_MS } = options;
  return { lease, leaseDurationMs, renewDeadlineMs, retryMs };
}

/** @returns all that is out of range, each with the option, its value and what is allowed. */
export function leaderElectionMistakes(options: LeaderElectionOptions): string[] {
  const { lease, leaseDurationMs, renewDeadlineMs, retryMs } = withDefaults(options);
  const mistakes: string[] = [];
  const problem = (name: string, value: unknown, allowed: string): void => {
    mistakes.push(`leaderElection.${name} is ${JSON.stringify(value)}; allowed: ${allowed}`);
  };
  if (typeof lease !== 'string' || !OBJECT_NAME.test(lease)) problem('lease', lease, 'a lower-case object name of at most 253 characters');
  if (!(typeof leaseDurationMs === 'number' && leaseDurationMs >= 1_000 && Number.isInteger(leaseDurationMs / 1_000))) {
    problem('leaseDurationMs', leaseDurationMs, 'whole seconds, in milliseconds');
  }
  if (!(typeof renewDeadlineMs === 'number' && renewDeadlineMs > 0 && renewDeadlineMs < leaseDurationMs)) {
    problem('renewDeadlineMs', renewDeadlineMs, `above 0 and below leaseDurationMs (${leaseDurationMs})`);
  }
  if (!(typeof retryMs === 'number' && retryMs > 0 && retryMs * (1 + JITTER) < renewDeadlineMs)) {
    problem('retryMs', retryMs, `above 0 and, times ${1 + JITTER}, below renewDeadlineMs (${renewDeadlineMs})`);
  }
  return mistakes;
}
