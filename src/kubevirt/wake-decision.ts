/**
 * What a wake does to a virtual machine in a given state.
 *
 * Owns: the decision table, one function a group of rows. Never: calls anything; waiting and retrying are the waker's.
 * Invariant: a machine whose owner wants Always, Once or WaitAsReceiver is never asked to start.
 */
import type { WakeReason } from './wake-reason';
import { currentStateOf, isLive, isStopping, type VirtualMachineFacts, type WakeState } from './wake-state';

export interface WakePolicy {
  /** Whether a machine that its owner has halted may be started. */
  readonly startPolicy: 'Start' | 'Skip';
  /** Whether a paused machine is unpaused. */
  readonly unpause: boolean;
}

/** `row` is the number in the table of docs/reference/waking.md; `text` goes to people. */
export type WakeDecision =
  | { readonly kind: 'start'; readonly row: number; readonly text: string }
  | { readonly kind: 'unpause'; readonly row: number; readonly text: string }
  | { readonly kind: 'already-running'; readonly row: number; readonly text: string }
  | { readonly kind: 'wait-for-stop'; readonly row: number; readonly text: string; readonly gracePeriodSeconds: number }
  | { readonly kind: 'follow'; readonly row: number; readonly text: string }
  | { readonly kind: 'refuse'; readonly row: number; readonly text: string; readonly reason: WakeReason };

/** States in which KubeVirt tries to start a machine and cannot: a packet changes nothing, the owner has to. */
const FAILING: ReadonlySet<string> = new Set([
  'CrashLoopBackOff',
  'ErrorUnschedulable',
  'ErrorPvcNotFound',
  'DataVolumeError',
  'ErrImagePull',
  'ImagePullBackOff',
]);

/** The first row that matches decides. */
export function decideWake(state: WakeState, policy: WakePolicy): WakeDecision {
  const { vm } = state;
  if (vm === undefined) return refuse(1, 'VMMissing', 'the virtual machine does not exist');
  if (vm.terminating) return refuse(2, 'Terminating', 'the virtual machine is being deleted');
  if (vm.strategy === 'WaitAsReceiver') return refuse(3, 'NotStartable', 'run strategy WaitAsReceiver waits for a migration');
  if (vm.strategy === 'Unknown') return refuse(3, 'NotStartable', 'the run strategy is unknown to this version');
  if (vm.strategy === 'Contradictory') return refuse(3, 'NotStartable', 'spec.running and spec.runStrategy are both set');
  if (isStopping(state)) return decideStopping(state, vm, policy);
  if (isLive(state)) return decideLive(state, policy);
  return decideStopped(state, vm, policy);
}

function decideLive(state: WakeState, policy: WakePolicy): WakeDecision {
  if (!state.vmi?.paused) return { kind: 'already-running', row: 6, text: `already running (${currentStateOf(state)})` };
  if (policy.unpause) return { kind: 'unpause', row: 4, text: 'unpausing' };
  return { kind: 'already-running', row: 5, text: 'already running, but paused; spec.unpause of the WolConfig would unpause it' };
}

function decideStopping(state: WakeState, { strategy }: VirtualMachineFacts, policy: WakePolicy): WakeDecision {
  if (strategy === 'Always' || strategy === 'Once') {
    return { kind: 'already-running', row: 7, text: 'stopping; KubeVirt makes the next instance itself' };
  }
  if (strategy === 'Halted' && policy.startPolicy === 'Skip') return skipHalted(8);
  const gracePeriodSeconds = state.vmi?.terminationGracePeriodSeconds ?? 0;
  return { kind: 'wait-for-stop', row: 9, text: 'waiting for the stop to end', gracePeriodSeconds };
}

function decideStopped(state: WakeState, vm: VirtualMachineFacts, policy: WakePolicy): WakeDecision {
  if (vm.manualRecoveryRequired) {
    return refuse(10, 'ManualRecoveryRequired', 'condition ManualRecoveryRequired is True: its owner has to recover it first');
  }
  switch (vm.strategy) {
    case 'Halted':
      return policy.startPolicy === 'Skip' ? skipHalted(11) : { kind: 'start', row: 12, text: 'start accepted' };
    case 'Manual':
    case 'RerunOnFailure':
      return decideOnRequest(state, vm);
    default:
      return decideKeptOn(state, vm);
  }
}

/** Manual and RerunOnFailure: a start is a request that leaves the strategy alone. */
function decideOnRequest({ vmi }: WakeState, vm: VirtualMachineFacts): WakeDecision {
  if (vm.startRequested) return { kind: 'follow', row: 13, text: 'a start is already requested' };
  if (vm.strategy === 'RerunOnFailure' && vmi?.phase === 'Failed') {
    return refuse(15, 'RerunByKubeVirt', 'the instance has failed and KubeVirt runs it again by itself');
  }
  return { kind: 'start', row: 14, text: 'start accepted' };
}

/** Always and Once: KubeVirt starts the machine without being asked, or never again. */
function decideKeptOn({ vmi }: WakeState, { strategy, printableStatus }: VirtualMachineFacts): WakeDecision {
  if (strategy === 'Once' && vmi !== undefined) return refuse(18, 'NotStartable', 'run strategy Once: its only run is over');
  if (FAILING.has(printableStatus)) {
    return refuse(16, 'AlwaysFailing', `KubeVirt keeps it on but cannot start it: ${printableStatus}`);
  }
  return { kind: 'already-running', row: 17, text: `desired on: run strategy ${strategy}, KubeVirt is starting it` };
}

function skipHalted(row: number): WakeDecision {
  return refuse(row, 'SkippedByPolicy', 'its owner has halted it and spec.startPolicy of the WolConfig is Skip');
}

function refuse(row: number, reason: WakeReason, text: string): WakeDecision {
  return { kind: 'refuse', row, reason, text };
}
