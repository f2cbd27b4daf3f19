/**
 * The life of one VirtualMachineInstance.
 *
 * Owns: its birth from a VM's template, its next phase and what its status shows there. Never: talks to anything, reads a clock.
 * Invariant: phases go forward only; MAC addresses that nobody declared are made from the instance's UID and stay for its life.
 */
import { createHash } from 'node:crypto';
import { pausedCondition } from '../decisions/pause';
import {
  type Condition,
  firstRequest,
  isDeleting,
  isFinal,
  KUBEVIRT_API_VERSION,
  type OwnerReference,
  phaseOf,
  RECEIVER_ANNOTATION,
  type VirtualMachine,
  type VirtualMachineInstance,
  VM_CONTROLLER_FINALIZER,
  VMI_FINALIZER,
  type VmInterface,
  type VmiInterfaceStatus,
  type VmiPhase,
} from '../objects';
import { type CompiledTimings, dwellMs } from './timings';

/** KubeVirt's DefaultGracePeriodSeconds, which its webhook writes into every instance. */
const DEFAULT_GRACE_PERIOD_SECONDS = 30;

/** The instance a VM starts. */
export function instanceOf(vm: VirtualMachine): VirtualMachineInstance {
  const template = vm.spec.template ?? {};
  const pausedStart = firstRequest(vm)?.action === 'Start' && firstRequest(vm)?.data?.['paused'] === 'true';
  const spec = template.spec ?? {};
  const annotations = {
    ...template.metadata?.annotations,
    ...(vm.spec.runStrategy === 'WaitAsReceiver' ? { [RECEIVER_ANNOTATION]: 'true' } : {}),
  };
  return {
    apiVersion: KUBEVIRT_API_VERSION,
    kind: 'VirtualMachineInstance',
    metadata: {
      name: vm.metadata.name,
      namespace: vm.metadata.namespace,
      labels: { ...template.metadata?.labels },
      annotations,
      ownerReferences: [ownerReferenceTo(vm)],
      finalizers: [VM_CONTROLLER_FINALIZER, VMI_FINALIZER],
    },
    spec: {
      ...spec,
      domain: { ...spec.domain, devices: { ...spec.domain?.devices, interfaces: interfacesOf(spec.domain?.devices?.interfaces) } },
      terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_PERIOD_SECONDS,
      ...(pausedStart ? { startStrategy: 'Paused' } : {}),
    },
    status: {},
  };
}

export function ownerReferenceTo(vm: VirtualMachine): OwnerReference {
  const { name, uid = '' } = vm.metadata;
  return { apiVersion: KUBEVIRT_API_VERSION, kind: 'VirtualMachine', name, uid, controller: true, blockOwnerDeletion: true };
}

/** A VM without interfaces gets one on the pod network, as KubeVirt does. */
function interfacesOf(declared: readonly VmInterface[] | undefined): readonly VmInterface[] {
  return declared === undefined || declared.length === 0 ? [{ name: 'default', masquerade: {} }] : declared;
}

export type InstanceStep =
  | { readonly kind: 'none' }
  | { readonly kind: 'wait'; readonly forMs: number }
  | { readonly kind: 'enter'; readonly phase: VmiPhase }
  | { readonly kind: 'release' };

/**
 * @param sinceMs milliseconds since the instance was first seen in its present phase, or since its deletion was first seen if that is later.
 */
export function nextInstanceStep(vmi: VirtualMachineInstance, sinceMs: number, timings: CompiledTimings): InstanceStep {
  const phase = phaseOf(vmi);
  if (isDeleting(vmi)) return isFinal(vmi) ? releaseOf(vmi) : shutDown(vmi, sinceMs, timings);
  if (phase === '' && vmi.metadata.annotations?.[RECEIVER_ANNOTATION] === 'true') return { kind: 'enter', phase: 'WaitingForSync' };
  const dwell = dwellMs(phase, timings);
  const next = NEXT_PHASE[phase];
  if (dwell === undefined || next === undefined || dwell === Number.POSITIVE_INFINITY) return { kind: 'none' };
  return sinceMs >= dwell ? { kind: 'enter', phase: next } : { kind: 'wait', forMs: dwell - sinceMs };
}

const NEXT_PHASE: Readonly<Partial<Record<VmiPhase, VmiPhase>>> = {
  '': 'Pending',
  Pending: 'Scheduling',
  Scheduling: 'Scheduled',
  Scheduled: 'Running',
};

function releaseOf(vmi: VirtualMachineInstance): InstanceStep {
  const finalizers = vmi.metadata.finalizers ?? [];
  return finalizers.includes(VM_CONTROLLER_FINALIZER) || finalizers.includes(VMI_FINALIZER) ? { kind: 'release' } : { kind: 'none' };
}

/** A guest that runs gets its grace period; one that outlasts it is killed, which counts as a failure. Without a guest there is nothing to wait for. */
function shutDown(vmi: VirtualMachineInstance, sinceMs: number, timings: CompiledTimings): InstanceStep {
  const phase = phaseOf(vmi);
  if (phase !== 'Running' && phase !== 'Unknown') return { kind: 'enter', phase: phase === 'WaitingForSync' ? 'Succeeded' : 'Failed' };
  const graceMs = (vmi.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_PERIOD_SECONDS) * 1_000;
  const dueMs = Math.min(timings.shutdownMs, graceMs);
  if (sinceMs < dueMs) return { kind: 'wait', forMs: dueMs - sinceMs };
  return { kind: 'enter', phase: timings.shutdownMs > graceMs ? 'Failed' : 'Succeeded' };
}

/** The instance as it looks in `phase`. */
export function inPhase(vmi: VirtualMachineInstance, phase: VmiPhase, nowIso: string): VirtualMachineInstance {
  const old = vmi.status ?? {};
  const running = phase === 'Running';
  const startsPaused = running && vmi.spec.startStrategy === 'Paused' && phaseOf(vmi) !== 'Running';
  const conditions: Condition[] = [
    readyCondition(running, phase, nowIso),
    ...(old.conditions ?? []).filter((condition) => condition.type !== 'Ready' && (running || condition.type !== 'Paused')),
    ...(startsPaused ? [pausedCondition(nowIso)] : []),
  ];
  return {
    ...vmi,
    status: {
      ...old,
      phase,
      conditions,
      ...(running ? { interfaces: interfaceStatusesOf(vmi), nodeName: 'virtual-node' } : {}),
      phaseTransitionTimestamps: [...(old.phaseTransitionTimestamps ?? []), { phase, phaseTransitionTimestamp: nowIso }],
    },
  };
}

function readyCondition(running: boolean, phase: VmiPhase, nowIso: string): Condition {
  if (running) return { type: 'Ready', status: 'True', lastTransitionTime: nowIso };
  const gone = phase === 'Succeeded' || phase === 'Failed';
  const reason = gone ? 'PodTerminating' : 'GuestNotRunning';
  return {
    type: 'Ready',
    status: 'False',
    reason,
    message: gone ? 'virt-launcher pod is terminating' : 'Guest VM is not reported as running',
    lastTransitionTime: nowIso,
  };
}

function interfaceStatusesOf(vmi: VirtualMachineInstance): readonly VmiInterfaceStatus[] {
  const plugged = (vmi.spec.domain?.devices?.interfaces ?? []).filter((nic) => nic.state !== 'absent');
  return plugged.map((nic) => ({
    name: nic.name,
    mac: nic.macAddress ?? generatedMac(vmi.metadata.uid ?? '', nic.name),
    infoSource: 'domain',
  }));
}

/** Locally administered unicast address. */
export function generatedMac(uid: string, interfaceName: string): string {
  const digest = createHash('sha256').update(`${uid}/${interfaceName}`).digest();
  return ['02', ...[...digest.subarray(0, 5)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}
