import { expect } from 'chai';
import type { KubernetesObject } from '../../../../src/framework';
import type { Hardware } from '../../../../src/platform/context/asset-context';
import { resourcesOf } from '../../../../src/platform/context/extended-resources';
import { hardwareOf } from '../../../../src/platform/context/hardware';
import { pciClassesOf } from '../../../../src/platform/context/node-hardware';

const NFD = 'feature.node.kubernetes.io/';
type Flag = Exclude<keyof Hardware, 'resources'>;
const FLAGS: readonly Flag[] = ['pciDevicesPresent', 'gpuPresent', 'vfioCapable', 'numaNodesPresent', 'usbDevicesPresent'];

interface Shown {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly resources?: Readonly<Record<string, number>>;
  readonly zones?: readonly unknown[];
  readonly pciClasses?: string;
}

function flagsOf({ labels = {}, annotations = {}, resources = {}, zones, pciClasses }: Shown): Flag[] {
  const plain: KubernetesObject = { metadata: { name: 'plain', labels: { 'kubernetes.io/os': 'linux' } } };
  const shown: KubernetesObject = { metadata: { name: 'shown', labels, annotations } };
  const nodeTopologies = zones === undefined ? [] : [{ metadata: { name: 'shown' }, zones } as KubernetesObject];
  const hardware = hardwareOf({ nodes: [plain, shown], resources, nodeTopologies, pciClasses: pciClassesOf(pciClasses) });
  return FLAGS.filter((flag) => hardware[flag]);
}

const label = (name: string, value = 'true'): Shown => ({ labels: { [name]: value } });
const GPU: readonly Flag[] = ['pciDevicesPresent', 'gpuPresent'];

/** What a node shows, and the flags that follow. */
const TABLE: readonly (readonly [string, Shown, readonly Flag[]])[] = [
  ['nothing', {}, []],
  ['an NVIDIA 3D controller', label(`${NFD}pci-0302_10de.present`), GPU],
  ['an NVIDIA VGA controller', label(`${NFD}pci-0300_10de.present`), GPU],
  ['an AMD GPU', label(`${NFD}pci-0380_1002.present`), GPU],
  ['an Intel GPU', label(`${NFD}pci-0300_8086.present`), GPU],
  ['a GPU in upper case', label(`${NFD}pci-0302_10DE.present`), GPU],
  ['a GPU with further parts in its label', label(`${NFD}pci-0302_10de_20b0_10de_1450.present`), GPU],
  ['a co-processor', label(`${NFD}pci-0b40_8086.present`), ['pciDevicesPresent']],
  ['an accelerator', label(`${NFD}pci-1200_1da3.present`), ['pciDevicesPresent']],
  ['a display controller of an unknown maker', label(`${NFD}pci-0300_abcd.present`), ['pciDevicesPresent']],
  ['the vendor NVIDIA first', label(`${NFD}pci-10de.present`), ['pciDevicesPresent']],
  ['the vendor AMD first, then a device', label(`${NFD}pci-1002_73bf.present`), ['pciDevicesPresent']],
  ['another vendor first', label(`${NFD}pci-8086_1572.present`), []],
  ...['1a03', '102b', '1013', '1234', '1b36', '1af4', '15ad', '80ee'].map(
    (vendor) => [`a display-only controller of ${vendor}`, label(`${NFD}pci-0300_${vendor}.present`), []] as const,
  ),
  ['a network card', label(`${NFD}pci-0200_8086.present`), []],
  ['a display class without a vendor, as BMCs have it', label(`${NFD}pci-0300.present`), []],
  ['a GPU that is not present', label(`${NFD}pci-0302_10de.present`, 'false'), []],
  ['SR-IOV on an accelerator', label(`${NFD}pci-1200_1da3.sriov.capable`), ['pciDevicesPresent']],
  ['SR-IOV on a class alone', label(`${NFD}pci-0302.sriov.capable`), ['pciDevicesPresent']],
  ['SR-IOV on a network card', label(`${NFD}pci-0200_15b3.sriov.capable`), []],
  ['a class of the option', { ...label(`${NFD}pci-0108_144d.present`), pciClasses: '0108' }, ['pciDevicesPresent']],
  [
    'a class and vendor of the option',
    { ...label(`${NFD}pci-0108_144d.present`), pciClasses: ' 0200 , 0108_144D ' },
    ['pciDevicesPresent'],
  ],
  ['a vendor other than that of the option', { ...label(`${NFD}pci-0108_144d.present`), pciClasses: '0108_15b7' }, []],
  ['the older label for PCI', label('pci-present'), ['pciDevicesPresent']],
  ['the older label for PCI, as NFD prefixes it', label(`${NFD}pci-present`), ['pciDevicesPresent']],
  ['the label of the NVIDIA operator', label('nvidia.com/gpu.present'), GPU],
  ...['nvidia.com/gpu', 'amd.com/gpu', 'gpu.intel.com/i915', 'gpu.intel.com/xe'].map(
    (name) => [`the resource ${name}`, { resources: { [name]: 1 } }, GPU] as const,
  ),
  ['the resource nvidia.com/gpu on no node', { resources: { 'nvidia.com/gpu': 0 } }, []],
  ['resources that every node has', { resources: { 'devices.kubevirt.io/kvm': 9, 'hugepages-1Gi': 9 } }, []],
  ['an IOMMU', label(`${NFD}iommu-enabled`), ['vfioCapable']],
  ['an IOMMU as older releases of NFD say it', label(`${NFD}iommu.enabled`), ['vfioCapable']],
  ['an IOMMU that is off', label(`${NFD}iommu-enabled`, 'false'), []],
  ['NUMA', label(`${NFD}memory-numa`), ['numaNodesPresent']],
  ['NUMA in the other form', label(`${NFD}memory-numa.present`), ['numaNodesPresent']],
  ['hyper-threading', label(`${NFD}cpu-hardware_multithreading`), []],
  [
    'two NUMA zones',
    {
      zones: [
        { name: 'a', type: 'Node' },
        { name: 'b', type: 'Node' },
      ],
    },
    ['numaNodesPresent'],
  ],
  [
    'one NUMA zone',
    {
      zones: [
        { name: 'a', type: 'Node' },
        { name: 'b', type: 'Socket' },
      ],
    },
    [],
  ],
  ['odd zones', { zones: [null, 7, { type: 'Node' }] }, []],
  ['the older annotation for NUMA', { annotations: { 'kubevirt.io/topology-manager-policy': 'restricted' } }, ['numaNodesPresent']],
  ['the older annotation for NUMA, empty', { annotations: { 'kubevirt.io/topology-manager-policy': ' ' } }, []],
  ['a USB device', label(`${NFD}usb-ef_046d_0892.present`), ['usbDevicesPresent']],
  ['a USB device that is gone', label(`${NFD}usb-ef_046d_0892.present`, 'false'), []],
  ['the older label for USB', label('usb-present'), ['usbDevicesPresent']],
];

describe('hardware flags', () => {
  for (const [what, shown, flags] of TABLE) {
    it(`${flags.length === 0 ? 'stay false' : `${flags.join(', ')} follow`} from a node that shows ${what}`, () => {
      expect(flagsOf(shown)).to.deep.equal(flags);
    });
  }

  it('ignore what is no class in the option', () => {
    expect(pciClassesOf(undefined)).to.deep.equal([]);
    expect(pciClassesOf('0108, 01, .*, 0108_, 12345, 0B40_10de')).to.deep.equal(['0108', '0b40_10de']);
  });
});

describe('extended resources of a node', () => {
  it('are those with a domain of their own and more than none of them, allocatable or in all', () => {
    const status = {
      allocatable: { cpu: '8', 'nvidia.com/gpu': '0', 'amd.com/gpu': '1', 'hugepages-1Gi': '4Gi', 'attachable-volumes-aws-ebs': '39' },
      capacity: { 'nvidia.com/gpu': '2', 'vendor.example/none': '0', 'kubernetes.io/batch-cpu': '3', 'devices.kubevirt.io/kvm': '1k' },
    };

    expect(resourcesOf({ status }).sort()).to.deep.equal(['amd.com/gpu', 'devices.kubevirt.io/kvm', 'nvidia.com/gpu']);
    expect(resourcesOf({})).to.deep.equal([]);
  });
});
