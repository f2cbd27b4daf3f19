/**
 * Kinds that tell the module about the cluster it works on, and what of them is kept in memory.
 *
 * Owns: names, versions in the order of preference, and trimming. Which of them a cluster has is an answer, not an error.
 */
import type { KubernetesObject } from '../../framework';
import type { FollowedKindOptions } from './followed-kind';
import { NUMA_ANNOTATION } from './node-hardware';

export const HYPER_CONVERGED: FollowedKindOptions = {
  apiVersions: ['hco.kubevirt.io/v1', 'hco.kubevirt.io/v1beta1'],
  kind: 'HyperConverged',
  trim: withoutStatus,
  isNews: isAnotherRequest,
};

export const KUBEVIRT: FollowedKindOptions = {
  apiVersions: ['kubevirt.io/v1'],
  kind: 'KubeVirt',
  trim: withoutStatus,
  isNews: isAnotherRequest,
};

export const NODES: FollowedKindOptions = {
  apiVersions: ['v1'],
  kind: 'Node',
  select: { metadataOnly: true },
  // Network plug-ins write annotations all the time; one of all is read.
  isNews: ({ metadata: now }, { metadata: old }) =>
    !isSameMap(now?.labels, old?.labels) || now?.annotations?.[NUMA_ANNOTATION] !== old?.annotations?.[NUMA_ANNOTATION],
};

export const NODE_TOPOLOGIES: FollowedKindOptions = {
  apiVersions: ['topology.node.k8s.io/v1alpha2', 'topology.node.k8s.io/v1alpha1'],
  kind: 'NodeResourceTopology',
  trim: withZoneTypes,
  isNews: (now, old) => JSON.stringify(zonesOf(now)) !== JSON.stringify(zonesOf(old)),
};

export const DEFINITIONS: FollowedKindOptions = {
  apiVersions: ['apiextensions.k8s.io/v1'],
  kind: 'CustomResourceDefinition',
  select: { metadataOnly: true },
};

export const API_SERVICES: FollowedKindOptions = {
  apiVersions: ['apiregistration.k8s.io/v1'],
  kind: 'APIService',
  select: { metadataOnly: true },
};

export const CONFIG_GROUP = 'config.openshift.io';

export const INFRASTRUCTURE = ofConfig('Infrastructure', 'cluster');
export const SCHEDULER = ofConfig('Scheduler', 'cluster');
export const NETWORK = ofConfig('Network', 'cluster');
export const CLUSTER_VERSION = ofConfig('ClusterVersion', 'version');

/** One object of OpenShift's configuration; what is read of it is in its status, which changes often for other reasons. */
function ofConfig(kind: string, name: string): FollowedKindOptions {
  return { apiVersions: [`${CONFIG_GROUP}/v1`], kind, select: { fields: `metadata.name=${name}` } };
}

/** A status that changes every second is neither kept nor news. */
function withoutStatus(object: KubernetesObject): KubernetesObject {
  const { status: _, ...kept } = object as KubernetesObject & { status?: unknown };
  return kept;
}

function isAnotherRequest({ metadata: now }: KubernetesObject, { metadata: old }: KubernetesObject): boolean {
  if (now?.uid !== old?.uid || now?.generation !== old?.generation || now?.deletionTimestamp !== old?.deletionTimestamp) return true;
  return !isSameMap(now?.labels, old?.labels) || !isSameMap(now?.annotations, old?.annotations);
}

function isSameMap(a: Readonly<Record<string, string>> = {}, b: Readonly<Record<string, string>> = {}): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

/** Zones carry figures that change all the time. */
function withZoneTypes(object: KubernetesObject): KubernetesObject {
  const { apiVersion, kind, metadata } = object;
  return { apiVersion, kind, metadata, zones: zonesOf(object) } as KubernetesObject;
}

function zonesOf(object: KubernetesObject): readonly { type: unknown }[] {
  const { zones } = object as { zones?: unknown };
  return Array.isArray(zones) ? zones.map((zone) => ({ type: (zone as { type?: unknown } | null)?.type })) : [];
}
