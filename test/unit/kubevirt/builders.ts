/** Small VirtualMachines and instances; a test names only the fields it is about. */
import type {
  VirtualMachine,
  VirtualMachineInterface,
  VirtualMachineSpec,
  VirtualMachineStatus,
} from '../../../src/kubevirt/virtual-machine';
import type { VirtualMachineInstance } from '../../../src/kubevirt/virtual-machine-instance';

export interface VmOptions {
  name?: string;
  namespace?: string;
  uid?: string;
  createdAt?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  macs?: readonly string[];
  interfaces?: VirtualMachineInterface[];
  deleting?: boolean;
  running?: boolean;
  runStrategy?: string;
  status?: VirtualMachineStatus;
}

export function aVm(options: VmOptions = {}): VirtualMachine {
  const { name = 'web', namespace = 'lab', macs = [] } = options;
  const interfaces = options.interfaces ?? macs.map((macAddress, index) => ({ name: `nic${index}`, macAddress }));
  const spec: VirtualMachineSpec = { template: { spec: { domain: { devices: { interfaces } } } } };
  if (options.running !== undefined) spec.running = options.running;
  if (options.runStrategy !== undefined) spec.runStrategy = options.runStrategy;
  return {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachine',
    metadata: {
      name,
      namespace,
      uid: options.uid ?? `uid-${namespace}-${name}`,
      creationTimestamp: options.createdAt ?? '2026-01-01T00:00:00Z',
      labels: options.labels ?? {},
      annotations: options.annotations ?? {},
      ...(options.deleting === true && { deletionTimestamp: '2026-01-02T00:00:00Z' }),
    },
    spec,
    ...(options.status !== undefined && { status: options.status }),
  };
}

export interface VmiOptions {
  name?: string;
  namespace?: string;
  uid?: string;
  phase?: string;
  paused?: boolean;
  deleting?: boolean;
  gracePeriodSeconds?: number;
}

export function aVmi(options: VmiOptions = {}): VirtualMachineInstance {
  const { name = 'web', namespace = 'lab', uid = 'vmi-1', phase, paused = false, deleting = false } = options;
  return {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachineInstance',
    metadata: { name, namespace, uid, ...(deleting && { deletionTimestamp: '2026-01-02T00:00:00Z' }) },
    ...(options.gracePeriodSeconds !== undefined && { spec: { terminationGracePeriodSeconds: options.gracePeriodSeconds } }),
    status: {
      ...(phase !== undefined && { phase }),
      conditions: paused ? [{ type: 'Paused', status: 'True' }] : [],
    },
  };
}
