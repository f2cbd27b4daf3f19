/**
 * The parts of a KubeVirt VirtualMachineInstance that tell whether a virtual machine runs.
 *
 * Owns: type, kind and the meaning of its phases. Never: anything about the VirtualMachine that made it.
 */
import { defineKind, type KubernetesObject } from '../framework';
import { areInstanceInterfacesKept } from './instance-interfaces';
import { virtualMachineInstanceTrim } from './trimming';
import type { KubeVirtCondition } from './virtual-machine';

export interface VirtualMachineInstanceInterface {
  /** Empty for an interface that only the guest reports. */
  name?: string;
  mac?: string;
}

export interface VirtualMachineInstance extends KubernetesObject {
  spec?: { terminationGracePeriodSeconds?: number };
  status?: {
    phase?: string;
    conditions?: KubeVirtCondition[];
    interfaces?: VirtualMachineInstanceInterface[];
  };
}

/** `virtualmachineinstances.kubevirt.io`; optional for the same reason as VirtualMachine. */
export const VirtualMachineInstance = defineKind<VirtualMachineInstance>(
  'kubevirt.io/v1',
  'VirtualMachineInstance',
  'virtualmachineinstances',
  { scope: 'Namespaced', optional: true, trim: virtualMachineInstanceTrim({ keepInterfaces: areInstanceInterfacesKept }) },
);

/**
 * The phases after which KubeVirt allows a new instance.
 *
 * @source KubeVirt, `VirtualMachineInstance.IsFinal` plus Unknown, as virt-api's start handler treats them.
 */
const INACTIVE_PHASES: ReadonlySet<string> = new Set(['Succeeded', 'Failed', 'Unknown']);

/** Whether virt-api calls an instance in this phase running. An instance that has no phase yet is not active. */
export function isActivePhase(phase: string): boolean {
  return phase !== '' && !INACTIVE_PHASES.has(phase);
}

/** Active, or so young that no controller has given it a phase: another start is pointless. */
export function isLivePhase(phase: string): boolean {
  return phase === '' || isActivePhase(phase);
}
