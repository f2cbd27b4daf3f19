/**
 * A virtual machine of ordinary size: about 4.7 kB of JSON as an API server returns it, managedFields and last-applied included.
 *
 * Owns: the object. The size is that of a machine made from one of KubeVirt's instance templates with two disks and cloud-init.
 */
import type { TestObject } from '../../test/harness/steward-cluster';
import { testMac } from '../../test/harness/virtual-machines';

const CLOUD_INIT = [
  '#cloud-config',
  'user: fedora',
  'chpasswd: { expire: false }',
  'ssh_authorized_keys: []',
  'packages: [qemu-guest-agent]',
];

/** As somebody would apply it. */
export function sampleVm(n: number): TestObject {
  const name = `vm-${String(n).padStart(6, '0')}`;
  const labels = { app: name, 'kubevirt.io/os': 'fedora', team: `team-${n % 50}` };
  return {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachine',
    metadata: { name, namespace: 'default', labels, annotations: { 'vm.kubevirt.io/validations': VALIDATIONS } },
    spec: {
      runStrategy: 'Manual',
      dataVolumeTemplates: [
        {
          metadata: { name: `${name}-root` },
          spec: {
            sourceRef: { kind: 'DataSource', name: 'fedora', namespace: 'os-images' },
            storage: { resources: { requests: { storage: '30Gi' } } },
          },
        },
      ],
      template: {
        metadata: { labels, annotations: { 'vm.kubevirt.io/os': 'fedora', 'vm.kubevirt.io/workload': 'server' } },
        spec: templateSpec(name, testMac(n)),
      },
    },
  };
}

function templateSpec(name: string, macAddress: string): unknown {
  return {
    architecture: 'amd64',
    domain: {
      cpu: { cores: 2, sockets: 1, threads: 1 },
      memory: { guest: '4Gi' },
      machine: { type: 'pc-q35-rhel9.4.0' },
      features: { acpi: {}, smm: { enabled: true } },
      firmware: { bootloader: { efi: {} } },
      devices: {
        disks: [
          { name: 'root', bootOrder: 1, disk: { bus: 'virtio' } },
          { name: 'cloudinit', disk: { bus: 'virtio' } },
        ],
        interfaces: [{ name: 'default', bridge: {}, macAddress, model: 'virtio' }],
        rng: {},
      },
    },
    evictionStrategy: 'LiveMigrate',
    terminationGracePeriodSeconds: 180,
    networks: [{ name: 'default', multus: { networkName: 'default/vlan-100' } }],
    volumes: [
      { name: 'root', dataVolume: { name: `${name}-root` } },
      { name: 'cloudinit', cloudInitNoCloud: { userData: CLOUD_INIT.join('\n') } },
    ],
  };
}

const VALIDATIONS = JSON.stringify([
  {
    name: 'minimal-required-memory',
    path: 'jsonpath::.spec.domain.memory.guest',
    rule: 'integer',
    message: 'needs more memory',
    min: 2 ** 31,
  },
]);

/** Annotations are strings to everybody but kubectl, so a part of one weighs as much as a shorter one. */
const LAST_APPLIED_CHARACTERS = 1_100;

/** As an API server returns it. `resourceVersion` is a number in text form. */
export function servedVm(n: number, resourceVersion: number): TestObject {
  const vm = sampleVm(n);
  const { annotations, ...metadata } = vm.metadata as TestObject['metadata'] & { annotations: Record<string, string> };
  const lastApplied = JSON.stringify(vm).slice(0, LAST_APPLIED_CHARACTERS);
  return {
    ...vm,
    metadata: {
      ...metadata,
      annotations: { ...annotations, 'kubectl.kubernetes.io/last-applied-configuration': lastApplied },
      uid: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
      resourceVersion: String(resourceVersion),
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      managedFields: [managedFields(vm)],
    },
    status: {
      printableStatus: 'Stopped',
      conditions: [
        {
          type: 'Ready',
          status: 'False',
          reason: 'VMINotExists',
          message: 'VMI does not exist',
          lastTransitionTime: '2026-01-01T00:00:00Z',
        },
      ],
    },
  };
}

function managedFields({ apiVersion, spec }: TestObject): unknown {
  return {
    manager: 'kubectl',
    operation: 'Apply',
    apiVersion,
    time: '2026-01-01T00:00:00Z',
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:spec': fieldsOf(spec) },
  };
}

/** The set of paths of a value, in the notation of structured-merge-diff; list items by position, which is as long as by key. */
function fieldsOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return {};
  const isList = Array.isArray(value);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [isList ? `k:{"name":"${key}"}` : `f:${key}`, fieldsOf(inner)]));
}
