/** Virtual machines and instances for the stand-in's tests: the relevant field visible, the rest out of sight. */
import type {
  StateChangeRequest,
  VirtualMachine,
  VirtualMachineInstance,
  VirtualMachineStatus,
  VmInterface,
  VmiPhase,
} from '../../kubevirt/objects';

export interface VmOptions {
  name?: string;
  running?: boolean;
  runStrategy?: string;
  status?: VirtualMachineStatus;
  requests?: StateChangeRequest[];
  interfaces?: VmInterface[];
  deleting?: boolean;
  finalizers?: string[];
}

export function aVm(options: VmOptions = {}): VirtualMachine {
  const { name = 'web', running, runStrategy, requests, interfaces, deleting, finalizers } = options;
  const status = requests === undefined ? options.status : { printableStatus: 'Stopped', ...options.status, stateChangeRequests: requests };
  return {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachine',
    metadata: {
      name,
      namespace: 'default',
      uid: `vm-${name}`,
      generation: 1,
      ...(finalizers === undefined ? {} : { finalizers }),
      ...(deleting === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: {
      ...(running === undefined ? {} : { running }),
      ...(runStrategy === undefined ? {} : { runStrategy }),
      template: { spec: { domain: { devices: interfaces === undefined ? {} : { interfaces } } } },
    },
    ...(status === undefined ? {} : { status }),
  };
}

export interface VmiOptions {
  name?: string;
  uid?: string;
  phase?: VmiPhase;
  ownerUid?: string;
  deleting?: boolean;
  finalizers?: string[];
  spec?: VirtualMachineInstance['spec'];
  status?: VirtualMachineInstance['status'];
}

export function aVmi(options: VmiOptions = {}): VirtualMachineInstance {
  const { name = 'web', uid = 'vmi-1', phase, ownerUid, deleting, finalizers, spec = {} } = options;
  return {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachineInstance',
    metadata: {
      name,
      namespace: 'default',
      uid,
      ...(finalizers === undefined ? {} : { finalizers }),
      ...(deleting === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
      ...(ownerUid === undefined
        ? {}
        : { ownerReferences: [{ apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', name, uid: ownerUid, controller: true }] }),
    },
    spec,
    status: { ...options.status, ...(phase === undefined ? {} : { phase }) },
  };
}
