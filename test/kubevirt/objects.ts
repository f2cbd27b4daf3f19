/**
 * VirtualMachine and VirtualMachineInstance as the KubeVirt stand-in reads and writes them.
 *
 * Owns: the few fields that matter for starting and stopping, and the predicates KubeVirt itself asks about them.
 * Never: shares types with the operator under test, so that a wrong assumption there is not repeated here.
 * Invariant: fields not named here survive every write (objects are patched or written back whole).
 */

export const KUBEVIRT_GROUP = 'kubevirt.io';
export const KUBEVIRT_API_VERSION = 'kubevirt.io/v1';

/** On a VM: its instance must go first. On a VMI: the VM's status must have seen it finished first. */
export const VM_CONTROLLER_FINALIZER = 'kubevirt.io/virtualMachineControllerFinalize';
/** On a VMI: its guest must be down first. */
export const VMI_FINALIZER = 'foregroundDeleteVirtualMachine';
/** On the VMI of a WaitAsReceiver VM, which waits for a migration from elsewhere. */
export const RECEIVER_ANNOTATION = 'kubevirt.io/create-migration-target';

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string | null;
  readonly lastProbeTime?: string | null;
}

export interface VmInterface {
  readonly name: string;
  readonly macAddress?: string;
  readonly state?: string;
  readonly [field: string]: unknown;
}

export interface VmiSpec {
  readonly domain?: {
    readonly devices?: { readonly interfaces?: readonly VmInterface[]; readonly [field: string]: unknown };
    readonly [field: string]: unknown;
  };
  readonly terminationGracePeriodSeconds?: number;
  readonly startStrategy?: string;
  readonly livenessProbe?: unknown;
  readonly [field: string]: unknown;
}

export interface StateChangeRequest {
  readonly action: 'Start' | 'Stop';
  readonly uid?: string;
  readonly data?: Readonly<Record<string, string>>;
}

export interface StartFailure {
  readonly consecutiveFailCount: number;
  readonly lastFailedVMIUID: string;
  /** RFC 3339, whole seconds. */
  readonly retryAfterTimestamp: string;
}

export interface VirtualMachineStatus {
  readonly created?: boolean;
  readonly ready?: boolean;
  readonly printableStatus?: string;
  readonly runStrategy?: string;
  readonly stateChangeRequests?: readonly StateChangeRequest[];
  readonly startFailure?: StartFailure;
  readonly conditions?: readonly Condition[];
  readonly observedGeneration?: number;
  readonly desiredGeneration?: number;
  readonly snapshotInProgress?: string;
  readonly [field: string]: unknown;
}

export interface VirtualMachine {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly running?: boolean;
    readonly runStrategy?: string;
    readonly template?: {
      readonly metadata?: { readonly labels?: Readonly<Record<string, string>>; readonly annotations?: Readonly<Record<string, string>> };
      readonly spec?: VmiSpec;
    };
    readonly [field: string]: unknown;
  };
  readonly status?: VirtualMachineStatus;
}

/** Phases in the order a healthy instance passes them, then the others. The empty phase is an instance nobody has looked at yet. */
export const VMI_PHASES = [
  '',
  'Pending',
  'Scheduling',
  'Scheduled',
  'Running',
  'Succeeded',
  'Failed',
  'Unknown',
  'WaitingForSync',
] as const;
export type VmiPhase = (typeof VMI_PHASES)[number];

export interface VmiInterfaceStatus {
  readonly name?: string;
  readonly mac?: string;
  readonly infoSource?: string;
}

export interface VirtualMachineInstance {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: VmiSpec;
  readonly status?: {
    readonly phase?: VmiPhase;
    readonly conditions?: readonly Condition[];
    readonly interfaces?: readonly VmiInterfaceStatus[];
    readonly phaseTransitionTimestamps?: readonly { readonly phase: string; readonly phaseTransitionTimestamp: string }[];
    readonly migrationState?: { readonly completed?: boolean; readonly [field: string]: unknown };
    readonly [field: string]: unknown;
  };
}

/** The run strategy that counts, or the reason why there is none. */
export type EffectiveStrategy =
  | { readonly kind: 'strategy'; readonly strategy: string }
  | { readonly kind: 'invalid'; readonly why: string };

/** What `running` and `runStrategy` mean together: neither is Halted, both are a mistake. */
export function effectiveStrategyOf(vm: VirtualMachine): EffectiveStrategy {
  const { running, runStrategy } = vm.spec;
  if (running !== undefined && runStrategy !== undefined) return { kind: 'invalid', why: 'running and runStrategy are mutually exclusive' };
  if (running !== undefined) return { kind: 'strategy', strategy: running ? 'Always' : 'Halted' };
  return { kind: 'strategy', strategy: runStrategy ?? 'Halted' };
}

export function phaseOf(vmi: VirtualMachineInstance): VmiPhase {
  return vmi.status?.phase ?? '';
}

/** The guest is down for good; the instance will never run again. */
export function isFinal(vmi: VirtualMachineInstance): boolean {
  return phaseOf(vmi) === 'Succeeded' || phaseOf(vmi) === 'Failed';
}

/** What virt-api calls "already running": any phase but the final ones, Unknown and the empty one. */
export function isActive(vmi: VirtualMachineInstance): boolean {
  return !isFinal(vmi) && phaseOf(vmi) !== 'Unknown' && phaseOf(vmi) !== '';
}

export function isDeleting(object: { readonly metadata: ObjectMeta }): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

export function hasCondition(
  object: { readonly status?: { readonly conditions?: readonly Condition[] } },
  type: string,
  status = 'True',
): boolean {
  return conditionOf(object, type)?.status === status;
}

export function conditionOf(
  object: { readonly status?: { readonly conditions?: readonly Condition[] } },
  type: string,
): Condition | undefined {
  return object.status?.conditions?.find((condition) => condition.type === type);
}

/** The first queued request; KubeVirt never looks at the others before it is gone. */
export function firstRequest(vm: VirtualMachine): StateChangeRequest | undefined {
  return vm.status?.stateChangeRequests?.[0];
}

/** RFC 3339 in whole seconds, as Kubernetes writes times. @param nowMs wall clock. */
export function timestampOf(nowMs: number): string {
  return new Date(nowMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** `namespace/name`, which a VM and its instance share. */
export function keyOf(object: { readonly metadata: { readonly namespace?: string; readonly name: string } }): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}
