/**
 * The network a Machine's interface is attached to.
 *
 * Owns: the choice, and the NetworkAttachmentDefinition for a VLAN. Never: lists or creates anything.
 */
import type { KubernetesObject } from '../../framework';
import type { NetworkNamespace } from '../kinds';
import { VLAN_ID } from '../virtual-machine/marks';
import { managedByLabels } from '../virtual-machine/ownership';

export interface NetworkAttachmentDefinition extends KubernetesObject {
  spec?: { config?: string };
}

export interface RemoteNetwork {
  /** Of network and interface in the VirtualMachine, and of the interface in the NetworkConfiguration. */
  readonly name: string;
  /** NetworkAttachmentDefinition it goes through; absent for the pod network. */
  readonly attachment: string | undefined;
}

export const POD_NETWORK: RemoteNetwork = Object.freeze({ name: 'default', attachment: undefined });

/** The attachment that is first by name, else the pod network. */
export function firstAttachment(attachments: Iterable<KubernetesObject>): RemoteNetwork {
  const [first] = [...attachments]
    .map(({ metadata }) => metadata?.name ?? '')
    .filter((name) => name !== '')
    .sort();
  return first === undefined ? POD_NETWORK : { name: first, attachment: first };
}

export interface NetworkNamespaceChoice {
  readonly found: NetworkNamespace | undefined;
  /** It was not named, so that a later version may not find it. */
  readonly deprecated: boolean;
}

/**
 * The NetworkNamespace of a Machine that names none: the one named like it, else the first by name.
 * @param candidates those of the Machine's namespace.
 */
export function unnamedNetworkNamespace(machine: string, candidates: readonly NetworkNamespace[]): NetworkNamespaceChoice {
  const byName = [...candidates].sort((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1));
  const found = byName.find(({ metadata }) => metadata?.name === machine) ?? byName[0];
  return { found, deprecated: found !== undefined };
}

export function missingNetworkNamespace(name: string, namespace: string, cause: string): string {
  return `failed to get specified NetworkNamespace "${name}" in namespace "${namespace}": ${cause}`;
}

/** The network that a NetworkNamespace stands for. */
export function networkOfNamespace(found: NetworkNamespace | undefined): RemoteNetwork {
  const vlanId = vlanOf(found);
  if (vlanId <= 0 && !isStatic(found)) return POD_NETWORK;
  return { name: `vlan${Math.max(0, vlanId)}`, attachment: `vlan${Math.max(0, vlanId)}` };
}

/** Addresses are given out by configuration, so that the guest has to be told them. */
export function isStatic(found: NetworkNamespace | undefined): boolean {
  return found?.spec?.ipAllocation?.type === 'static';
}

export function vlanOf(found: NetworkNamespace | undefined): number {
  return found?.status?.vlanId ?? 0;
}

/** A bridge attachment for the VLAN of a NetworkNamespace. */
export function vlanAttachment(
  namespace: string,
  vlanId: number,
  { managedBy, cniVersion }: { managedBy: string; cniVersion: string },
): NetworkAttachmentDefinition {
  const id = Math.max(0, vlanId);
  const plugin = { type: 'bridge', bridge: 'br0', ...(id === 0 ? {} : { vlan: id }) };
  return {
    apiVersion: 'k8s.cni.cncf.io/v1',
    kind: 'NetworkAttachmentDefinition',
    metadata: { name: `vlan${id}`, namespace, labels: { ...managedByLabels(managedBy), [VLAN_ID]: String(id) } },
    spec: { config: JSON.stringify({ cniVersion, name: 'br0', plugins: [plugin] }) },
  };
}

/** Whether an attachment was made for a VLAN by us. */
export function isOwnAttachment({ metadata = {} }: KubernetesObject, managedBy: string): boolean {
  const { labels = {} } = metadata;
  return labels[VLAN_ID] !== undefined && Object.entries(managedByLabels(managedBy)).every(([key, value]) => labels[key] === value);
}
