/**
 * The checks of one cluster.
 *
 * Owns: which calls are made and the texts of what they find. Never: judges several clusters together (see cluster-findings.ts); writes.
 * Invariant: a call that gets no answer ends the check with its error; what the cluster refuses is a finding.
 */
import {
  type Condition,
  CustomResourceDefinition,
  DaemonSet,
  Deployment,
  isOperatorError,
  type KubeClient,
  Namespace,
  objectKey,
  type RbacRule,
} from '../../framework';
import { RemoteVirtualMachine } from '../virtual-machine/remote-objects';
import type { CallOptions } from './client-manager';
import type { ClusterFindings } from './cluster-findings';
import { textOf } from './config-error';
import { COMPARED_CRDS, COMPONENTS, DataVolume, KubeVirt } from './remote-kinds';
import { missingRights } from './remote-rights';

const DEFAULT_KUBEVIRT_NAMESPACE = 'kubevirt';

/** Everything at once, one question after the other. @throws what the transport throws when the cluster does not answer. */
export async function checkCluster(
  client: KubeClient,
  key: string,
  rights: readonly RbacRule[],
  options: CallOptions,
): Promise<Omit<ClusterFindings, 'revision'>> {
  const identity = await identityOf(client, options);
  const kubeVirt = await kubeVirtOf(client, key, options);
  const crds = await crdVersionsOf(client, options);
  return {
    ...identity,
    forbidden: identity.forbidden ?? (await undiscoverable(client, options)),
    ...kubeVirt,
    hasImporter: await client.discovery.serves(DataVolume, options.signal).catch(refusedAs(undefined)),
    missingRights: await missingRights(client, rights, options).catch(refusedAs(undefined)),
    ...crds,
  };
}

async function identityOf(client: KubeClient, { signal }: CallOptions): Promise<Pick<ClusterFindings, 'clusterId' | 'forbidden'>> {
  try {
    const { metadata } = await client.get(Namespace, 'kube-system', { signal });
    return { clusterId: metadata?.uid, forbidden: undefined };
  } catch (error) {
    if (isOperatorError(error, 'FORBIDDEN')) return { clusterId: undefined, forbidden: textOf(error) };
    throw error;
  }
}

/** Without discovery nobody knows what is there, and a cluster of which that is not known must not be worked on. */
async function undiscoverable(client: KubeClient, { signal }: CallOptions): Promise<string | undefined> {
  try {
    for (const { apiVersion } of [RemoteVirtualMachine, DataVolume]) await client.discovery.resources(apiVersion, signal);
    return undefined;
  } catch (error) {
    if (isOperatorError(error, 'FORBIDDEN')) return textOf(error);
    throw error;
  }
}

type KubeVirtFindings = Pick<ClusterFindings, 'kubeVirt' | 'kubeVirtVersion'>;

async function kubeVirtOf(client: KubeClient, key: string, options: CallOptions): Promise<KubeVirtFindings> {
  const of = `Cluster '${key}': `;
  let objects: KubeVirt[];
  try {
    objects = await listed(client, options);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { kubeVirt: [`${of}Failed to check KubeVirt CR status: ${textOf(error)}`], kubeVirtVersion: undefined };
  }
  const namespace = objects[0]?.metadata?.namespace ?? DEFAULT_KUBEVIRT_NAMESPACE;
  const available = objects.find(({ status }) => isTrue(status?.conditions, 'Available'));
  const components: string[] = await namespaceFindings(client, namespace, options);
  if (components.length === 0) {
    for (const component of COMPONENTS) components.push(...(await componentFindings(client, namespace, component, options)));
  }
  const state = available === undefined ? ['KubeVirt CR is not in Ready state'] : [];
  return {
    kubeVirt: [...components, ...state].map((text) => of + text),
    kubeVirtVersion: (available ?? objects[0])?.status?.observedKubeVirtVersion,
  };
}

async function listed(client: KubeClient, { signal }: CallOptions): Promise<KubeVirt[]> {
  const objects: KubeVirt[] = [];
  for await (const object of client.list(KubeVirt, { signal })) objects.push(object);
  return objects;
}

async function namespaceFindings(client: KubeClient, namespace: string, { signal }: CallOptions): Promise<string[]> {
  try {
    await client.get(Namespace, namespace, { signal });
    return [];
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return [`KubeVirt namespace '${namespace}' not found: ${textOf(error)}`];
  }
}

async function componentFindings(client: KubeClient, namespace: string, name: string, { signal }: CallOptions): Promise<string[]> {
  const key = objectKey(namespace, name);
  try {
    const deployment = await client.find(Deployment, key, { signal });
    if (deployment !== undefined) {
      return (deployment.status?.readyReplicas ?? 0) > 0 ? [] : [`Component '${name}' is not ready (0 ready replicas)`];
    }
    const daemonSet = await client.find(DaemonSet, key, { signal });
    if (daemonSet === undefined) return [`Component '${name}' not found`];
    return (daemonSet.status?.numberReady ?? 0) > 0 ? [] : [`Component '${name}' is not ready (0 ready nodes)`];
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return [`Component '${name}' not found`];
  }
}

type CrdFindings = Pick<ClusterFindings, 'crdVersions' | 'crdProblem'>;

async function crdVersionsOf(client: KubeClient, { signal }: CallOptions): Promise<CrdFindings> {
  const versions = new Map<string, string>();
  try {
    for (const crd of COMPARED_CRDS) {
      const found = await client.find(CustomResourceDefinition, crd, { signal });
      const stored = (found?.status as { storedVersions?: string[] } | undefined)?.storedVersions?.[0];
      const version = stored ?? found?.spec?.versions[0]?.name;
      if (version !== undefined) versions.set(crd, version);
    }
    return { crdVersions: versions, crdProblem: undefined };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { crdVersions: undefined, crdProblem: textOf(error) };
  }
}

function isTrue(conditions: readonly Pick<Condition, 'type' | 'status'>[] | undefined, type: string): boolean {
  return conditions?.some((condition) => condition.type === type && condition.status === 'True') === true;
}

/** The cluster has answered: it is a finding and no outage. */
function isRefusal(error: unknown): boolean {
  return isOperatorError(error, 'FORBIDDEN') || isOperatorError(error, 'NOT_FOUND');
}

function refusedAs<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (isRefusal(error)) return value;
    throw error;
  };
}
