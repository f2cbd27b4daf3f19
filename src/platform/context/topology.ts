/**
 * The shape of the cluster: which nodes there are, and what OpenShift's configuration says, where there is one.
 *
 * Owns: the variable `topology`. Never: takes a failed read for an absent object: `undefined` here means that there is none.
 * Invariant: pure; an absent object empties its own fields only.
 */
import type { KubernetesObject } from '../../framework';
import { isJsonMap, type Json } from '../json';
import type { Topology } from './asset-context';

export interface TopologyInput {
  readonly nodes: Iterable<KubernetesObject>;
  /** config.openshift.io is served. */
  readonly isOpenShift: boolean;
  /** The objects named `cluster`, and `version` of ClusterVersion. */
  readonly infrastructure?: KubernetesObject | undefined;
  readonly scheduler?: KubernetesObject | undefined;
  readonly network?: KubernetesObject | undefined;
  readonly clusterVersion?: KubernetesObject | undefined;
}

const ROLE = 'node-role.kubernetes.io/';
const PLATFORMS = {
  isAWS: 'AWS',
  isAzure: 'Azure',
  isGCP: 'GCP',
  isBareMetal: 'BareMetal',
  isVSphere: 'VSphere',
  isOpenStack: 'OpenStack',
};

export function topologyOf(input: TopologyInput): Topology {
  const nodes = countNodes(input.nodes);
  const cloudProvider = textAt(input.infrastructure, 'status', 'platformStatus', 'type');
  const controlPlaneTopology = textAt(input.infrastructure, 'status', 'controlPlaneTopology');
  const schedulable = valueAt(input.scheduler, 'spec', 'mastersSchedulable');
  // The API leaves a false boolean out.
  const hasSchedulableMasters = input.scheduler === undefined ? nodes.schedulableMasters > 0 : schedulable === true;
  const hostPrefix = hostPrefixOf(input.network);
  return {
    isOpenShift: input.isOpenShift,
    openshiftVersion: textAt(input.clusterVersion, 'status', 'desired', 'version'),
    controlPlaneTopology,
    isHCP: controlPlaneTopology === 'External',
    cloudProvider,
    ...(mapValues(PLATFORMS, (platform) => platform === cloudProvider) as Record<keyof typeof PLATFORMS, boolean>),
    hasSchedulableMasters,
    isCompact: nodes.masters > 0 && nodes.schedulableMasters === nodes.masters && nodes.dedicatedWorkers === 0,
    masterCount: nodes.masters,
    workerCount: nodes.dedicatedWorkers,
    totalNodeCount: nodes.total,
    architectures: nodes.architectures,
    roles: hasSchedulableMasters ? ['worker', 'master'] : ['worker'],
    ...(hostPrefix === undefined ? {} : { hostPrefix }),
  };
}

interface NodeCounts {
  total: number;
  masters: number;
  /** Masters that have the worker role as well. */
  schedulableMasters: number;
  dedicatedWorkers: number;
  architectures: string[];
}

/** A node without any role counts as a worker. */
function countNodes(nodes: Iterable<KubernetesObject>): NodeCounts {
  const counts: NodeCounts = { total: 0, masters: 0, schedulableMasters: 0, dedicatedWorkers: 0, architectures: [] };
  const architectures = new Set<string>();
  for (const { metadata } of nodes) {
    const labels = metadata?.labels ?? {};
    const has = (role: string): boolean => Object.hasOwn(labels, `${ROLE}${role}`);
    const isMaster = has('master') || has('control-plane');
    const isWorker = has('worker') || !Object.keys(labels).some((label) => label.startsWith(ROLE));
    counts.total++;
    counts.masters += Number(isMaster);
    counts.schedulableMasters += Number(isMaster && isWorker);
    counts.dedicatedWorkers += Number(isWorker && !isMaster);
    const architecture = labels['kubernetes.io/arch'];
    if (architecture !== undefined && architecture !== '') architectures.add(architecture);
  }
  counts.architectures = [...architectures].sort();
  return counts;
}

/** The largest of IPv4: the fewest addresses a node. Without a CIDR the family is not known, and IPv6 prefixes of hosts exceed 32. */
function hostPrefixOf(network: KubernetesObject | undefined): number | undefined {
  const entries = valueAt(network, 'status', 'clusterNetwork');
  const prefixes = (Array.isArray(entries) ? entries : [])
    .filter((entry) => !String(valueIn(entry, 'cidr') ?? '').includes(':'))
    .map((entry) => valueIn(entry, 'hostPrefix'))
    .filter((prefix) => typeof prefix === 'number' && Number.isInteger(prefix) && prefix >= 1 && prefix <= 32) as number[];
  return prefixes.length === 0 ? undefined : Math.max(...prefixes);
}

function textAt(object: KubernetesObject | undefined, ...path: readonly string[]): string {
  const value = valueAt(object, ...path);
  return typeof value === 'string' ? value : '';
}

function valueAt(object: KubernetesObject | undefined, ...path: readonly string[]): Json | undefined {
  let value = object as unknown as Json | undefined;
  for (const member of path) value = valueIn(value, member);
  return value;
}

function valueIn(value: Json | undefined, member: string): Json | undefined {
  return isJsonMap(value) ? value[member] : undefined;
}

function mapValues(map: Readonly<Record<string, string>>, change: (value: string) => boolean): Record<string, boolean> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}
