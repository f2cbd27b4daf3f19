/**
 * Phase and state of a Machine, from what is known of its virtual machine.
 *
 * Owns: the tables of both profiles. Never: reads an object; facts are given. Invariant: total, the first row that fits decides.
 */

import type { ApiProfile } from '../profile';
import type { RemoteInstance, RemoteVirtualMachine } from '../virtual-machine/remote-objects';

export interface PhaseAndState {
  readonly phase: string;
  readonly state: string;
}

export interface RemoteFacts {
  /** `undefined` = no instance. */
  readonly vmi: { readonly phase: string; readonly deleting: boolean; readonly paused: boolean } | undefined;
  /** Empty when KubeVirt has not set it. */
  readonly printableStatus: string;
  readonly ready: boolean;
}

export type MachineSituation =
  | { readonly kind: 'deleting' }
  /** A failure that means that nothing can be made of the Machine, while no instance runs. */
  | { readonly kind: 'failed' }
  | { readonly kind: 'waiting-for-placement' }
  | { readonly kind: 'creating' }
  /** Nothing is known any more: both stay. */
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'known'; readonly facts: RemoteFacts };

/** Every word that a phase may be. */
export const PHASES = [
  ...(['Pending', 'Creating', 'Scheduling', 'Scheduled', 'Running', 'Stopping', 'Stopped'] as const),
  ...(['Succeeded', 'Failed', 'Unknown', 'Terminating'] as const),
];
const VERBATIM: ReadonlySet<string> = new Set(['Pending', 'Scheduling', 'Scheduled', 'Succeeded', 'Failed']);
const STOPPING: ReadonlySet<string> = new Set(['Stopping', 'Terminating']);
/** What the owner has to mend before the machine can start. */
const FAILING: ReadonlySet<string> = new Set([
  'CrashLoopBackOff',
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrorPvcNotFound',
  'DataVolumeError',
]);

/** @returns `undefined` when both stay as they are. */
export function phaseOf(situation: MachineSituation, profile: ApiProfile): PhaseAndState | undefined {
  switch (situation.kind) {
    case 'deleting':
      return { phase: 'Terminating', state: 'Terminating' };
    case 'failed':
      return { phase: 'Failed', state: 'Failed' };
    case 'waiting-for-placement':
      return { phase: 'Pending', state: 'Pending' };
    case 'creating':
      return { phase: 'Creating', state: 'Pending' };
    case 'unreachable':
      return undefined;
    case 'known':
      return profile === 'first' ? firstProfile(situation.facts) : secondProfile(situation.facts);
  }
}

function firstProfile({ vmi, printableStatus, ready }: RemoteFacts): PhaseAndState {
  if (vmi !== undefined) {
    if (vmi.phase === 'Running' && vmi.deleting) return both('Stopping');
    if (vmi.phase === 'Running') return { phase: 'Running', state: vmi.paused ? 'Paused' : 'Running' };
    // KubeVirt's controller has not looked at the new instance yet.
    if (vmi.phase === '') return both('Pending');
    return both(VERBATIM.has(vmi.phase) ? vmi.phase : 'Unknown');
  }
  if (ready) return both('Running');
  if (printableStatus === 'Stopped') return both('Stopped');
  if (STOPPING.has(printableStatus)) return { phase: 'Stopping', state: printableStatus };
  if (FAILING.has(printableStatus)) return { phase: 'Failed', state: printableStatus };
  return { phase: 'Pending', state: printableStatus === '' ? 'Pending' : printableStatus };
}

function secondProfile({ vmi, printableStatus }: RemoteFacts): PhaseAndState {
  if (vmi?.phase === 'Running') return both('Running');
  return { phase: secondPhase(printableStatus), state: printableStatus };
}

function secondPhase(printableStatus: string): string {
  if (printableStatus === 'Running') return 'Running';
  if (printableStatus === 'Stopped' || STOPPING.has(printableStatus)) return 'Succeeded';
  return FAILING.has(printableStatus) ? 'Failed' : 'Pending';
}

function both(word: string): PhaseAndState {
  return { phase: word, state: word };
}

export function factsOf(vm: RemoteVirtualMachine, vmi: RemoteInstance | undefined): RemoteFacts {
  return {
    vmi: vmi && {
      phase: vmi.status?.phase ?? '',
      deleting: vmi.metadata?.deletionTimestamp !== undefined,
      paused: vmi.status?.conditions?.some(({ type, status }) => type === 'Paused' && status === 'True') === true,
    },
    printableStatus: vm.status?.printableStatus ?? '',
    ready: vm.status?.ready === true,
  };
}

/** Somebody may be using it. */
export function isRunning(facts: RemoteFacts | undefined): boolean {
  return facts?.vmi?.phase === 'Running';
}
