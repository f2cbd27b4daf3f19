/**
 * What a Machine's status says of its virtual machine, for replicas that watch no remote cluster.
 *
 * Owns: reading it back. Never: the truth; KubeVirt refuses a start that the status was too old for.
 */
import { DEFAULT_TERMINATION_GRACE_PERIOD_SECONDS, MISSING, type WakeState } from '../../kubevirt/wake-state';
import type { Machine } from '../kinds';

/** States in which an instance is there. */
const PHASES: Readonly<Record<string, string>> = {
  Running: 'Running',
  Paused: 'Running',
  Stopping: 'Running',
  Scheduling: 'Scheduling',
  Scheduled: 'Scheduled',
};

export function shownWakeState({ status = {} }: Pick<Machine, 'status'>): WakeState {
  if (status.virtualMachineRef?.uid === undefined) return MISSING;
  const { state = '' } = status;
  const phase = PHASES[state];
  return {
    vm: {
      // Who has stopped it has halted it; what starts by itself does so without us.
      strategy: phase === undefined && state === 'Stopped' ? 'Halted' : 'Always',
      terminating: state === 'Terminating',
      manualRecoveryRequired: false,
      startRequested: false,
      printableStatus: state,
    },
    vmi:
      phase === undefined
        ? undefined
        : {
            phase,
            terminating: state === 'Stopping',
            paused: state === 'Paused',
            stopRequested: false,
            terminationGracePeriodSeconds: DEFAULT_TERMINATION_GRACE_PERIOD_SECONDS,
          },
  };
}
