/**
 * Puts what nodes show together: a flag is true if some node has it.
 *
 * Owns: the flags that expressions read. Invariant: pure; equal nodes give equal flags, so that a node event which changes no flag is none.
 */
import type { KubernetesObject } from '../../framework';
import type { Hardware } from './asset-context';
import { hardwareOfNode, hasGpuResource } from './node-hardware';

export interface HardwareInput {
  readonly nodes: Iterable<KubernetesObject>;
  /** Number of nodes by extended resource, see extended-resources.ts. */
  readonly resources: Readonly<Record<string, number>>;
  readonly nodeTopologies: Iterable<KubernetesObject>;
  readonly pciClasses: readonly string[];
}

export function hardwareOf({ nodes, resources, nodeTopologies, pciClasses }: HardwareInput): Hardware {
  const seen = { pci: false, gpu: hasGpuResource(resources), iommu: false, numa: false, usb: false };
  for (const { metadata } of nodes) {
    const one = hardwareOfNode({ labels: metadata?.labels ?? {}, annotations: metadata?.annotations ?? {} }, pciClasses);
    for (const flag of Object.keys(seen) as (keyof typeof seen)[]) seen[flag] ||= one[flag];
  }
  return {
    pciDevicesPresent: seen.pci || seen.gpu,
    gpuPresent: seen.gpu,
    vfioCapable: seen.iommu,
    numaNodesPresent: seen.numa || [...nodeTopologies].some(hasSeveralNumaNodes),
    usbDevicesPresent: seen.usb,
    resources,
  };
}

/** @source topology.node.k8s.io NodeResourceTopology: `zones` is a list of `{name, type}`; a NUMA node is of type Node. */
function hasSeveralNumaNodes(object: KubernetesObject): boolean {
  const { zones } = object as { zones?: unknown };
  const list: readonly unknown[] = Array.isArray(zones) ? zones : [];
  return list.filter((zone) => (zone as { type?: unknown } | null)?.type === 'Node').length >= 2;
}
