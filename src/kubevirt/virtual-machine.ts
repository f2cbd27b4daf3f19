/**
 * The parts of a KubeVirt VirtualMachine that decide whether and how it can be woken.
 *
 * Owns: the type and the kind. Never: fields that only a guest or a scheduler needs; who needs more keeps an informer of its own.
 */
import { defineKind, type KubernetesObject } from '../framework';
import { virtualMachineTrim } from './trimming';

export interface VirtualMachineInterface {
  name?: string;
  /** As written by the owner, any notation. */
  macAddress?: string;
  /** `absent` while the interface is being unplugged, `down` for a link that is set down. */
  state?: string;
}

export interface StateChangeRequest {
  /** `Start` or `Stop`. */
  action: string;
  /** UID of the VMI that a Stop is meant for. */
  uid?: string;
}

/** A KubeVirt condition; they lack the generation that `metav1.Condition` has. */
export interface KubeVirtCondition {
  type: string;
  status: string;
}

export interface VirtualMachineSpec {
  /** Deprecated switch; excludes `runStrategy`. */
  running?: boolean;
  runStrategy?: string;
  template?: {
    spec?: {
      terminationGracePeriodSeconds?: number;
      domain?: { devices?: { interfaces?: VirtualMachineInterface[] } };
    };
  };
}

export interface VirtualMachineStatus {
  /** For people: unknown values mean "unknown", never an error. */
  printableStatus?: string;
  created?: boolean;
  ready?: boolean;
  runStrategy?: string;
  stateChangeRequests?: StateChangeRequest[];
  conditions?: KubeVirtCondition[];
}

export interface VirtualMachine extends KubernetesObject {
  spec?: VirtualMachineSpec;
  status?: VirtualMachineStatus;
}

/** `virtualmachines.kubevirt.io`; a cluster without KubeVirt is normal, so the kind is optional. */
export const VirtualMachine = defineKind<VirtualMachine>('kubevirt.io/v1', 'VirtualMachine', 'virtualmachines', {
  scope: 'Namespaced',
  optional: true,
  trim: virtualMachineTrim({ annotationPrefix: 'wol.pillon.org/' }),
});
