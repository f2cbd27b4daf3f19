/** What probes say of leader election. Standby is a state like any other; being unable to lead for ever is not. */
import type { CheckResult, HealthCheck } from '../serving/checks';
import type { CompiledLeaderElectionOptions } from './leader-options';
import type { LeaderStatus } from './lease-elector';

/** Readiness: fails while rights or namespace for the Lease are missing. */
export function leaseCheck(status: () => LeaderStatus): HealthCheck {
  return { name: 'leader', run: () => judge(status()) };
}

function judge({ phase, holder, denied }: LeaderStatus): CheckResult {
  if (denied !== undefined) return { state: 'failed', detail: `the lease is denied: ${denied}` };
  if (phase === 'leading') return { state: 'ok', detail: 'leading' };
  if (phase === 'ending') return { state: 'ok', detail: 'leadership was lost, work is ending' };
  return { state: 'ok', detail: holder === undefined ? 'standing by' : `standing by, ${holder} leads` };
}

/** Liveness: work of a term that goes on although the Lease has long expired can be ended by a restart only. */
export function renewalCheck(status: () => LeaderStatus, { leaseDurationMs }: CompiledLeaderElectionOptions): HealthCheck {
  return {
    name: 'leader',
    run: () => {
      const { phase, sinceRenewalMs } = status();
      if (phase !== 'leading' && phase !== 'ending') return { state: 'ok', detail: 'not leading' };
      if (sinceRenewalMs === undefined || sinceRenewalMs < leaseDurationMs) return { state: 'ok', detail: phase };
      return { state: 'failed', detail: `${phase} without a renewal for ${Math.round(sinceRenewalMs)} ms` };
    },
  };
}
