/**
 * What node labels say about hardware: the labels that are really published, and those of older releases.
 *
 * Owns: which label means what. Never: takes the presence of an arbitrary extended resource for a device: devices.kubevirt.io/*, hugepages
 * and attachable volumes are on every node.
 * @source Node Feature Discovery, "Feature labels"; its PCI label layouts are configurable, hence the several forms.
 */

/** What is known of one node. */
export interface NodeFacts {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** What flags are made of: everything a node shows, before nodes are put together. */
export interface NodeHardware {
  readonly pci: boolean;
  readonly gpu: boolean;
  readonly iommu: boolean;
  readonly numa: boolean;
  readonly usb: boolean;
}

/** Of releases before Node Feature Discovery was used. */
export const NUMA_ANNOTATION = 'kubevirt.io/topology-manager-policy';
const NFD = 'feature.node.kubernetes.io/';
/** Display controllers (03), co-processors (0b40) and processing accelerators (12). @source PCI Code and ID Assignment */
const PASSTHROUGH_CLASS = /^(03[0-9a-f]{2}|0b40|12[0-9a-f]{2})$/;
const DISPLAY_CLASS = /^03[0-9a-f]{2}$/;
/** BMC and emulated VGA, on nearly every server: ASPEED, Matrox, Cirrus, Bochs, QEMU, virtio, VMware, VirtualBox. */
const DISPLAY_ONLY = new Set(['1a03', '102b', '1013', '1234', '1b36', '1af4', '15ad', '80ee']);
/** NVIDIA, AMD: enough for passthrough where the label has no class. */
const GPU_MAKERS = new Set(['10de', '1002']);
const GPU_VENDORS = new Set(['10de', '1002', '8086']);
const GPU_RESOURCES = ['nvidia.com/gpu', 'amd.com/gpu', 'gpu.intel.com/i915', 'gpu.intel.com/xe'];

/** Option `pci-classes`: further devices that count, as `class` or `class_vendor` in hexadecimal. Anything else in it is ignored. */
export function pciClassesOf(option: string | undefined): readonly string[] {
  return pciClassPartsOf(option ?? '').flatMap(({ part, isValid }) => (isValid ? [part] : []));
}

/** Names between commas, and whether each is a class, or a class and a vendor; at most 64. */
export function pciClassPartsOf(option: string): readonly { readonly part: string; readonly isValid: boolean }[] {
  const parts = option.split(',').map((part) => part.trim().toLowerCase());
  return parts
    .filter((part) => part !== '')
    .slice(0, 64)
    .map((part) => ({ part, isValid: /^[0-9a-f]{4}(_[0-9a-f]{4})?$/.test(part) }));
}

export function hardwareOfNode({ labels, annotations }: NodeFacts, pciClasses: readonly string[]): NodeHardware {
  const isTrue = (label: string): boolean => labels[label] === 'true';
  const devices = Object.keys(labels)
    .filter(isTrue)
    .map(pciDeviceOf)
    .filter((device) => device !== undefined);
  const gpu = devices.some(isGpu) || isTrue('nvidia.com/gpu.present');
  const policy = annotations[NUMA_ANNOTATION] ?? '';
  return {
    gpu,
    pci: gpu || devices.some((device) => isForPassthrough(device, pciClasses)) || isTrue('pci-present') || isTrue(`${NFD}pci-present`),
    iommu: isTrue(`${NFD}iommu-enabled`) || isTrue(`${NFD}iommu.enabled`),
    numa: isTrue(`${NFD}memory-numa`) || isTrue(`${NFD}memory-numa.present`) || policy.trim() !== '',
    usb:
      Object.keys(labels).some((label) => label.startsWith(`${NFD}usb-`) && label.endsWith('.present') && isTrue(label)) ||
      isTrue('usb-present') ||
      isTrue(`${NFD}usb-present`),
  };
}

/** Whether a quantity of one of the resources that GPU device plugins publish is on some node. */
export function hasGpuResource(resources: Readonly<Record<string, number>>): boolean {
  return GPU_RESOURCES.some((name) => (resources[name] ?? 0) > 0);
}

/** A device as far as its label names it. */
interface PciDevice {
  readonly first: string;
  /** Empty when the label has one part. */
  readonly second: string;
  readonly isSriov: boolean;
}

/** `pci-<class>_<vendor>[...].present` or `.sriov.capable`; parts are configurable, so the first may be a vendor. */
function pciDeviceOf(label: string): PciDevice | undefined {
  const [, parts, what] = /^feature\.node\.kubernetes\.io\/pci-([0-9a-f_]+)\.(present|sriov\.capable)$/i.exec(label) ?? [];
  if (parts === undefined) return undefined;
  const [first = '', second = ''] = parts.toLowerCase().split('_');
  return { first, second, isSriov: what !== 'present' };
}

function isGpu({ first, second }: PciDevice): boolean {
  return DISPLAY_CLASS.test(first) && GPU_VENDORS.has(second);
}

/** A class without a vendor says nothing, since it may be a BMC; unless it shares itself, which no BMC does. */
function isForPassthrough({ first, second, isSriov }: PciDevice, pciClasses: readonly string[]): boolean {
  if (pciClasses.includes(first) || pciClasses.includes(`${first}_${second}`)) return true;
  if (GPU_MAKERS.has(first)) return true;
  return PASSTHROUGH_CLASS.test(first) && (isSriov || (second !== '' && !DISPLAY_ONLY.has(second)));
}
