/** Objects for tests of the machines module: only what a test names differs from an ordinary one. */
import type { MachineSpec, MachineStatus } from '../../../src/api/vitistack/v1alpha1';
import type { KubernetesObject } from '../../../src/framework';
import type { Machine } from '../../../src/machines/kinds';
import type { OwnerIdentity } from '../../../src/machines/virtual-machine/ownership';
import type { RemoteInstance, RemoteVirtualMachine } from '../../../src/machines/virtual-machine/remote-objects';

export interface MachineOptions {
  name?: string;
  namespace?: string;
  uid?: string;
  annotations?: Record<string, string>;
  spec?: MachineSpec;
  status?: MachineStatus;
}

export function aMachine({ name = 'web', namespace = 'team-a', uid = 'uid-1', annotations, spec, status }: MachineOptions = {}): Machine {
  return {
    apiVersion: 'vitistack.io/v1alpha1',
    kind: 'Machine',
    metadata: { name, namespace, uid, generation: 1, resourceVersion: '10', ...(annotations === undefined ? {} : { annotations }) },
    ...(spec === undefined ? {} : { spec }),
    ...(status === undefined ? {} : { status }),
  };
}

export const OWNER: OwnerIdentity = { supervisorId: 'sup-1', managedBy: 'virt-steward', namespace: 'team-a', name: 'web', uid: 'uid-1' };

export function aRemoteVm(options: Partial<RemoteVirtualMachine> = {}): RemoteVirtualMachine {
  const metadata = {
    name: 'vm-web',
    namespace: 'team-a',
    uid: 'vm-uid',
    resourceVersion: '7',
    creationTimestamp: '2026-01-02T03:00:00Z',
    ...options.metadata,
  };
  return { apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', spec: { runStrategy: 'Always' }, ...options, metadata };
}

export function aRemoteVmi(phase: string, options: Partial<RemoteInstance> = {}): RemoteInstance {
  return {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachineInstance',
    spec: {},
    ...options,
    metadata: {
      name: 'vm-web',
      namespace: 'team-a',
      uid: 'vmi-uid',
      creationTimestamp: '2026-01-02T03:04:00Z',
      ...options.metadata,
    },
    status: { phase, ...options.status },
  };
}

/** An object that carries these marks and nothing else. */
export function aMarked(labels: Record<string, string> = {}, annotations: Record<string, string> = {}): KubernetesObject {
  return { metadata: { name: 'vm-web', namespace: 'team-a', resourceVersion: '3', labels, annotations } };
}
