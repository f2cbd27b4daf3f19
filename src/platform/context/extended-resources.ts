/**
 * Counts the nodes that have each extended resource.
 *
 * Owns: the one place that reads the status of nodes, page by page, reduced at once to names. Never: watches it: it changes every few
 * seconds on every node.
 */
import { type KubeClient, type KubernetesObject, Node } from '../../framework';

/** More names than any cluster has; a cap on what nodes can make us keep. */
const MAX_NAMES = 1_000;

interface NodeWithResources extends KubernetesObject {
  status?: { allocatable?: Record<string, unknown>; capacity?: Record<string, unknown> };
}

export async function listExtendedResources(client: KubeClient, signal?: AbortSignal): Promise<Readonly<Record<string, number>>> {
  const counts = new Map<string, number>();
  for await (const node of client.list(Node, { limit: 500, signal })) {
    for (const name of resourcesOf(node as NodeWithResources)) {
      if (counts.has(name) || counts.size < MAX_NAMES) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return Object.freeze(Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** Names with a domain of their own of which there is more than none. */
export function resourcesOf({ status }: NodeWithResources): string[] {
  const names = new Set([...Object.keys(status?.allocatable ?? {}), ...Object.keys(status?.capacity ?? {})]);
  return [...names].filter((name) => isExtended(name) && (isPositive(status?.allocatable?.[name]) || isPositive(status?.capacity?.[name])));
}

/** @source kubernetes pkg/apis/core/v1/helper IsExtendedResourceName: a name with a domain that is not of Kubernetes. */
function isExtended(name: string): boolean {
  return name.includes('/') && !name.includes('kubernetes.io/') && !name.startsWith('requests.');
}

function isPositive(quantity: unknown): boolean {
  return Number.parseFloat(String(quantity)) > 0;
}
