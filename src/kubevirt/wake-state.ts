/**
 * The facts about a virtual machine and its instance that decide what a wake does.
 *
 * Owns: reading them from watched objects. Never: asks a server, decides anything.
 */
import { effectiveRunStrategy, type RunStrategy } from './run-strategy';
import type { KubeVirtCondition, VirtualMachine } from './virtual-machine';
import { isActivePhase, isLivePhase, type VirtualMachineInstance } from './virtual-machine-instance';

/** KubeVirt's own default when neither the instance nor the template sets one, in seconds. */
export const DEFAULT_TERMINATION_GRACE_PERIOD_SECONDS = 30;

export interface VirtualMachineFacts {
  readonly strategy: RunStrategy;
  /** Has a deletionTimestamp. */
  readonly terminating: boolean;
  readonly manualRecoveryRequired: boolean;
  /** A Start request is queued in status. */
  readonly startRequested: boolean;
  /** Empty when KubeVirt has not set it. */
  readonly printableStatus: string;
}

export interface InstanceFacts {
  /** Empty while no controller has set it. */
  readonly phase: string;
  /** Has a deletionTimestamp. */
  readonly terminating: boolean;
  readonly paused: boolean;
  /** A Stop request for this very instance is queued in the status of its virtual machine. */
  readonly stopRequested: boolean;
  readonly terminationGracePeriodSeconds: number;
}

export interface WakeState {
  /** `undefined` when the virtual machine does not exist. */
  readonly vm: VirtualMachineFacts | undefined;
  /** `undefined` when there is no instance. */
  readonly vmi: InstanceFacts | undefined;
}

/** The state of a virtual machine nobody has seen, or that is gone. */
export const MISSING: WakeState = Object.freeze({ vm: undefined, vmi: undefined });

/** Reads the facts; an instance without its virtual machine counts as missing. */
export function wakeStateOf(vm: VirtualMachine | undefined, vmi: VirtualMachineInstance | undefined): WakeState {
  if (vm === undefined) return MISSING;
  const requests = vm.status?.stateChangeRequests ?? [];
  return {
    vm: {
      strategy: effectiveRunStrategy(vm.spec),
      terminating: vm.metadata?.deletionTimestamp !== undefined,
      manualRecoveryRequired: isTrue(vm.status?.conditions, 'ManualRecoveryRequired'),
      startRequested: requests.some(({ action }) => action === 'Start'),
      printableStatus: vm.status?.printableStatus ?? '',
    },
    vmi: vmi && {
      phase: vmi.status?.phase ?? '',
      terminating: vmi.metadata?.deletionTimestamp !== undefined,
      paused: isTrue(vmi.status?.conditions, 'Paused'),
      stopRequested: requests.some(({ action, uid }) => action === 'Stop' && uid !== undefined && uid === vmi.metadata?.uid),
      terminationGracePeriodSeconds:
        vmi.spec?.terminationGracePeriodSeconds ??
        vm.spec?.template?.spec?.terminationGracePeriodSeconds ??
        DEFAULT_TERMINATION_GRACE_PERIOD_SECONDS,
    },
  };
}

/** An instance is there that is not over: KubeVirt would refuse another start. */
export function isLive({ vmi }: WakeState): boolean {
  return vmi !== undefined && isLivePhase(vmi.phase);
}

/** A live instance that is going away, by deletion, by request or because the owner wants the machine off. */
export function isStopping(state: WakeState): boolean {
  const { vm, vmi } = state;
  if (vmi === undefined || !isLive(state)) return false;
  return vmi.terminating || vmi.stopRequested || vm?.strategy === 'Halted';
}

/** Shown while KubeVirt acts on a start. */
const STARTING: ReadonlySet<string> = new Set(['Starting', 'Provisioning', 'WaitingForVolumeBinding']);

/** The watch shows that an accepted start has taken effect, or is queued. */
export function showsStart({ vm, vmi }: WakeState): boolean {
  if (vm === undefined) return false;
  return (vmi !== undefined && isActivePhase(vmi.phase)) || vm.startRequested || STARTING.has(vm.printableStatus);
}

/** One word for people: what KubeVirt prints, else the instance's phase. */
export function currentStateOf({ vm, vmi }: WakeState): string {
  if (vm === undefined) return 'Missing';
  if (vm.printableStatus !== '') return vm.printableStatus;
  return vmi === undefined || vmi.phase === '' ? 'Unknown' : vmi.phase;
}

function isTrue(conditions: readonly KubeVirtCondition[] | undefined, type: string): boolean {
  return conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;
}
