/**
 * Kinds of Kubernetes itself that operators commonly need, ready for decorators.
 *
 * The types carry only what most handlers read; the objects themselves keep every field.
 */
import { defineKind } from './kind';
import type { Condition, KubernetesObject } from './object';

export interface Namespace extends KubernetesObject {
  status?: { phase?: string };
}
export const Namespace = defineKind<Namespace>('v1', 'Namespace', 'namespaces', { scope: 'Cluster' });

export interface Node extends KubernetesObject {
  spec?: { unschedulable?: boolean; taints?: { key: string; value?: string; effect: string }[] };
  status?: { conditions?: Condition[]; addresses?: { type: string; address: string }[] };
}
export const Node = defineKind<Node>('v1', 'Node', 'nodes', { scope: 'Cluster' });

export interface Pod extends KubernetesObject {
  spec?: { nodeName?: string; serviceAccountName?: string };
  status?: { phase?: string; podIP?: string; conditions?: Condition[] };
}
export const Pod = defineKind<Pod>('v1', 'Pod', 'pods', { scope: 'Namespaced' });

export interface Service extends KubernetesObject {
  spec?: {
    type?: string;
    clusterIP?: string;
    selector?: Record<string, string>;
    ports?: { name?: string; port: number; protocol?: string }[];
  };
}
export const Service = defineKind<Service>('v1', 'Service', 'services', { scope: 'Namespaced' });

export const ServiceAccount = defineKind<KubernetesObject>('v1', 'ServiceAccount', 'serviceaccounts', {
  scope: 'Namespaced',
  status: false,
});

export interface ConfigMap extends KubernetesObject {
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
  immutable?: boolean;
}
export const ConfigMap = defineKind<ConfigMap>('v1', 'ConfigMap', 'configmaps', { scope: 'Namespaced', status: false });

export interface Secret extends KubernetesObject {
  /** Base64. */
  data?: Record<string, string>;
  type?: string;
}
export const Secret = defineKind<Secret>('v1', 'Secret', 'secrets', { scope: 'Namespaced', status: false });

export interface DaemonSet extends KubernetesObject {
  spec?: Record<string, unknown>;
  status?: {
    desiredNumberScheduled?: number;
    numberReady?: number;
    numberAvailable?: number;
    updatedNumberScheduled?: number;
    observedGeneration?: number;
  };
}
export const DaemonSet = defineKind<DaemonSet>('apps/v1', 'DaemonSet', 'daemonsets', { scope: 'Namespaced' });

export interface Deployment extends KubernetesObject {
  spec?: Record<string, unknown>;
  status?: {
    replicas?: number;
    readyReplicas?: number;
    availableReplicas?: number;
    /** Of the present template. */
    updatedReplicas?: number;
    observedGeneration?: number;
    conditions?: readonly { type: string; status: string; reason?: string; message?: string }[];
  };
}
export const Deployment = defineKind<Deployment>('apps/v1', 'Deployment', 'deployments', { scope: 'Namespaced' });

export interface Lease extends KubernetesObject {
  spec?: { holderIdentity?: string; leaseDurationSeconds?: number; acquireTime?: string; renewTime?: string; leaseTransitions?: number };
}
export const Lease = defineKind<Lease>('coordination.k8s.io/v1', 'Lease', 'leases', { scope: 'Namespaced', status: false });

export interface CustomResourceDefinition extends KubernetesObject {
  spec?: { group: string; names: { plural: string; kind: string }; versions: { name: string; served: boolean; storage: boolean }[] };
  status?: { conditions?: Condition[] };
}
export const CustomResourceDefinition = defineKind<CustomResourceDefinition>(
  'apiextensions.k8s.io/v1',
  'CustomResourceDefinition',
  'customresourcedefinitions',
  { scope: 'Cluster' },
);

export interface StorageClass extends KubernetesObject {
  provisioner?: string;
}
export const StorageClass = defineKind<StorageClass>('storage.k8s.io/v1', 'StorageClass', 'storageclasses', {
  scope: 'Cluster',
  status: false,
});

export interface PersistentVolumeClaim extends KubernetesObject {
  spec?: { storageClassName?: string; volumeName?: string };
  status?: { phase?: string };
}
export const PersistentVolumeClaim = defineKind<PersistentVolumeClaim>('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims', {
  scope: 'Namespaced',
});
