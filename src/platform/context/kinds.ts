/**
 * Kinds that tell the module about the cluster it works on.
 *
 * Owns: what of them is kept in memory. All are optional: which of them a cluster has is an answer, not an error.
 */
import { defineKind, type KubernetesObject } from '../../framework';
import type { JsonMap } from '../json';

/** A kind of which anything may be read, by expressions and by the settings view. */
export interface AnchorObject extends KubernetesObject {
  spec?: JsonMap;
}

export const HyperConverged = defineKind<AnchorObject>('hco.kubevirt.io/v1', 'HyperConverged', 'hyperconvergeds', {
  scope: 'Namespaced',
  optional: true,
  alternatives: ['hco.kubevirt.io/v1beta1'],
  trim: withoutStatus,
});

export const KubeVirt = defineKind<AnchorObject>('kubevirt.io/v1', 'KubeVirt', 'kubevirts', {
  scope: 'Namespaced',
  optional: true,
  trim: withoutStatus,
});

export const Infrastructure = defineKind<KubernetesObject>('config.openshift.io/v1', 'Infrastructure', 'infrastructures', {
  scope: 'Cluster',
  optional: true,
});

export const Scheduler = defineKind<KubernetesObject>('config.openshift.io/v1', 'Scheduler', 'schedulers', {
  scope: 'Cluster',
  optional: true,
});

export const Network = defineKind<KubernetesObject>('config.openshift.io/v1', 'Network', 'networks', { scope: 'Cluster', optional: true });

export const ClusterVersion = defineKind<KubernetesObject>('config.openshift.io/v1', 'ClusterVersion', 'clusterversions', {
  scope: 'Cluster',
  optional: true,
});

export const NodeResourceTopology = defineKind<KubernetesObject>(
  'topology.node.k8s.io/v1alpha2',
  'NodeResourceTopology',
  'noderesourcetopologies',
  { scope: 'Cluster', optional: true, alternatives: ['topology.node.k8s.io/v1alpha1'], status: false },
);

/** What `trim` of an anchor drops: a status that changes every second is neither kept nor an event. */
function withoutStatus(object: AnchorObject): AnchorObject {
  const { status: _, ...kept } = object as AnchorObject & { status?: unknown };
  return kept;
}
