/**
 * The kinds of the supervisor that this module works with, for decorators and clients. Their fields are generated from the CRDs.
 *
 * Never: a kind of a remote cluster.
 */
import type {
  KubevirtConfig as KubevirtConfigObject,
  Machine as MachineObject,
  MachineStatus,
  NetworkConfiguration as NetworkConfigurationObject,
} from '../api/vitistack/v1alpha1';
import { defineKind, type KubernetesObject } from '../framework';

const API_VERSION = 'vitistack.io/v1alpha1';

export type Machine = MachineObject;
export type KubevirtConfig = KubevirtConfigObject;
export type NetworkConfiguration = NetworkConfigurationObject;

/** What is written into the status of a Machine; `region` and `zone` are kept for older objects only. */
const OWN_STATUS: readonly (keyof MachineStatus)[] = [
  ...(['observedGeneration', 'kubevirtConfigRef', 'virtualMachineRef', 'phase', 'state', 'message', 'lastUpdated'] as const),
  ...(['provider', 'providerID', 'machineID', 'failureReason', 'failureMessage', 'conditions'] as const),
  ...(['ipAddresses', 'ipv6Addresses', 'publicIPAddresses', 'privateIPAddresses', 'networkInterfaces', 'disks'] as const),
  ...(['hostname', 'architecture', 'operatingSystem', 'operatingSystemVersion', 'kernelVersion'] as const),
  ...(['cpus', 'memory', 'creationTime', 'bootTime'] as const),
];

/**
 * Passes over a Machine take turns between queues of several clusters and write its status whole, so that the framework adds neither
 * conditions nor a generation of its own.
 */
export const Machine = defineKind<MachineObject>(API_VERSION, 'Machine', 'machines', {
  scope: 'Namespaced',
  optional: true,
  ownStatus: OWN_STATUS,
  volatileStatus: ['lastUpdated'],
});

/** Our CRD and that of the first generation are namespaced, that of the second is not. */
export const KubevirtConfig = defineKind<KubevirtConfigObject>(API_VERSION, 'KubevirtConfig', 'kubevirtconfigs', {
  scope: 'Namespaced',
  eitherScope: true,
  optional: true,
  observedGeneration: true,
  conditions: true,
  volatileStatus: ['lastProbeTime'],
});

/** Its status belongs to the operators that give addresses. */
export const NetworkConfiguration = defineKind<NetworkConfigurationObject>(API_VERSION, 'NetworkConfiguration', 'networkconfigurations', {
  scope: 'Namespaced',
  optional: true,
});

/** Cluster-wide sizes; part of a platform that this module does not install. */
export interface MachineClass extends KubernetesObject {
  spec?: {
    enabled?: boolean;
    cpu?: { cores?: number; sockets?: number; threads?: number };
    memory?: { quantity?: number | string };
  };
}
export const MachineClass = defineKind<MachineClass>(API_VERSION, 'MachineClass', 'machineclasses', { scope: 'Cluster', optional: true });

/** VLAN and addresses of a tenant's network; part of a platform that this module does not install. */
export interface NetworkNamespace extends KubernetesObject {
  spec?: {
    datacenterIdentifier?: string;
    supervisorIdentifier?: string;
    ipAllocation?: {
      type?: string;
      static?: { ipv4CIDR?: string; ipv4Gateway?: string; ipv6CIDR?: string; ipv6Gateway?: string; dns?: string[] };
    };
  };
  status?: { vlanId?: number; ipv4Prefix?: string; ipv6Prefix?: string };
}
export const NetworkNamespace = defineKind<NetworkNamespace>(API_VERSION, 'NetworkNamespace', 'networknamespaces', {
  scope: 'Namespaced',
  optional: true,
});
