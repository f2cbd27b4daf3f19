/**
 * What we think of the connection to a cluster, as a pure state machine.
 *
 * Expected flow: Connecting -> Ready <-> Degraded -> Unreachable -> Ready; AuthFailed while the credential is refused; Refused when the
 * kubeconfig itself is, by our own policy.
 * Guarantees: one success makes it Ready from every state that has a connection; nothing but other credentials or another kubeconfig
 * ends Refused.
 * Assumptions: inputs arrive in the order in which things happened.
 * Caveats: bytes on a watch that is open prove that the cluster is there, not that the credential is still good.
 * Errors: none.
 */
export type ClusterState = 'Connecting' | 'Ready' | 'Degraded' | 'Unreachable' | 'AuthFailed' | 'Refused';

export interface HealthState {
  readonly state: ClusterState;
  /** Probes that failed in a row. */
  readonly failedProbes: number;
  /** Monotonic times of the calls without an answer since the last success, oldest first, within the window. */
  readonly transportFailuresMs: readonly number[];
  /** Failed probes since the state was entered; what the pause before the next one grows with. */
  readonly attempts: number;
  /** One line for people: why it is not Ready. Empty while Ready. */
  readonly detail: string;
}

export type HealthInput =
  /** An answer below 500 that is no 401. */
  | { readonly type: 'success' }
  /** Bytes on a stream that was open already. */
  | { readonly type: 'heard' }
  | { readonly type: 'probe-failed'; readonly detail: string }
  /** A call that got no HTTP answer. */
  | { readonly type: 'transport-failed'; readonly detail: string }
  /** 401, also with renewed credentials. */
  | { readonly type: 'unauthorized'; readonly detail: string }
  /** Our policy does not allow the kubeconfig. */
  | { readonly type: 'refused'; readonly detail: string }
  /** Other credentials are in use from now on. */
  | { readonly type: 'renewed' };

export interface HealthNumbers {
  /** Between two probes of a cluster that answers, in milliseconds. */
  readonly probeIntervalMs: number;
  /** Failed probes in a row that make it Unreachable. */
  readonly failures: number;
  /** Calls without an answer in a row, within the window, that make it Unreachable. */
  readonly transportFailures: number;
  readonly transportWindowMs: number;
  /** First pause between two probes of a cluster that does not answer, in milliseconds; doubles. */
  readonly retryMs: number;
  /** Longest such pause, in milliseconds. */
  readonly maxRetryMs: number;
  /** Longest wait for the answer to a probe, in milliseconds. */
  readonly probeTimeoutMs: number;
}

export const CONNECTING: HealthState = Object.freeze({
  state: 'Connecting',
  failedProbes: 0,
  transportFailuresMs: [],
  attempts: 0,
  detail: 'not contacted yet',
});

const READY: HealthState = Object.freeze({ ...CONNECTING, state: 'Ready', detail: '' });

/** @returns the same object when nothing changes. */
export function stepHealth(before: HealthState, input: HealthInput, nowMs: number, numbers: HealthNumbers): HealthState {
  if (before.state === 'Refused' && input.type !== 'renewed' && input.type !== 'refused') return before;
  switch (input.type) {
    case 'success':
      return before.state === 'Ready' ? before : READY;
    case 'heard':
      if (before.state !== 'AuthFailed') return before.state === 'Ready' ? before : READY;
      return before.transportFailuresMs.length === 0 ? before : { ...before, transportFailuresMs: [], failedProbes: 0 };
    case 'unauthorized':
      return before.state === 'AuthFailed' && before.detail === input.detail
        ? before
        : { ...CONNECTING, state: 'AuthFailed', detail: input.detail };
    case 'refused':
      return { ...CONNECTING, state: 'Refused', detail: input.detail };
    case 'renewed':
      return before.state === 'AuthFailed' || before.state === 'Refused' ? CONNECTING : { ...before, attempts: 0 };
    case 'probe-failed':
      return failed({ ...before, failedProbes: before.failedProbes + 1, attempts: before.attempts + 1, detail: input.detail }, numbers);
    case 'transport-failed': {
      const recent = before.transportFailuresMs.filter((ms) => nowMs - ms < numbers.transportWindowMs);
      const transportFailuresMs = [...recent, nowMs].slice(-numbers.transportFailures);
      return failed({ ...before, transportFailuresMs, detail: input.detail }, numbers);
    }
  }
}

function failed(counted: HealthState, { failures, transportFailures }: HealthNumbers): HealthState {
  if (counted.state === 'Unreachable') return counted;
  const isUnreachable = counted.failedProbes >= failures || counted.transportFailuresMs.length >= transportFailures;
  if (isUnreachable) return { ...counted, state: 'Unreachable', attempts: 0 };
  return counted.state === 'Ready' ? { ...counted, state: 'Degraded' } : counted;
}

/** Whether calls are refused on our side instead of being made in vain. */
export function refusesCalls({ state }: HealthState): boolean {
  return state === 'Unreachable' || state === 'Refused';
}

/**
 * Pause before the next probe, in milliseconds, spread by 20 %.
 * @param random uniform in [0, 1). @returns `undefined` when there is nothing to probe.
 */
export function probePauseMs(
  { state, attempts }: HealthState,
  { probeIntervalMs, retryMs, maxRetryMs }: HealthNumbers,
  random: () => number,
): number | undefined {
  if (state === 'Refused') return undefined;
  const isRetry = state === 'Connecting' || state === 'Unreachable';
  const exponent = Math.max(0, state === 'Connecting' ? attempts - 1 : attempts);
  const baseMs = isRetry ? Math.min(maxRetryMs, retryMs * 2 ** Math.min(exponent, 30)) : probeIntervalMs;
  return baseMs * (0.8 + 0.4 * random());
}
