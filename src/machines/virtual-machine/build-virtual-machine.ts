/**
 * The VirtualMachine that a Machine stands for.
 *
 * Owns: every field that is set, for both profiles. Never: asks anybody; what has to be known of the cluster is given.
 * Invariant: equal input gives an equal object; fields with which users and KubeVirt have their own plans are not set.
 */

import type { Machine } from '../kinds';
import type { ApiProfile } from '../profile';
import type { DataVolume } from './boot-image';
import { CDROM_DISK, CLOUD_INIT_DISK, type DiskPlan } from './disks';
import { SPEC_HASH } from './marks';
import { sha256 } from './names';
import { marksOf, type OwnerIdentity } from './ownership';
import type { DomainDisk, DomainInterface, RemoteVirtualMachine, TemplateNetwork, TemplateVolume } from './remote-objects';
import { domainSize, type Size } from './size';

/** Settings of the manager that decide on how machines are made. */
export interface BuildSettings {
  /** `CPU_MODEL`; empty = what suits the architecture. */
  readonly cpuModel: string;
  /** `MACHINE_TYPE`; empty = KubeVirt's. */
  readonly machineType: string;
  /** `DISABLE_CPU_HT_FEATURE`. */
  readonly disableHyperThreading: 'auto' | 'true' | 'false';
  /** `POD_NETWORK_BINDING`. */
  readonly podNetworkBinding: 'bridge' | 'masquerade';
}

/** A disk and what its volume refers to. */
export interface PlacedDisk {
  readonly plan: DiskPlan;
  readonly volume: { readonly persistentVolumeClaim: { claimName: string } } | { readonly dataVolume: { name: string } };
}

export interface BuildInput {
  readonly machine: Machine;
  readonly owner: OwnerIdentity;
  readonly name: string;
  readonly profile: ApiProfile;
  readonly settings: BuildSettings;
  readonly size: Size;
  readonly disks: readonly PlacedDisk[];
  readonly network: { readonly name: string; readonly attachment: string | undefined; readonly mac: string };
  /** Nothing to boot from but the network. */
  readonly bootsFromNetwork: boolean;
  /** Installation medium, as the template of its DataVolume. */
  readonly iso: DataVolume | undefined;
  /** Volume that configures the guest. */
  readonly cloudInit: object | undefined;
  /** Of KubeVirt on the remote cluster, where it is known. */
  readonly kubeVirtVersion: string | undefined;
}

const HOST_MODEL = 'host-model';
/** KubeVirt asks for it since this version, and hosts without hyper-threading then refuse the guest. */
const HT_SINCE = [1, 8, 0] as const;

/** Without the run strategy, which is `Always` at creation and the live object's afterwards. */
export function buildVirtualMachine(input: BuildInput): RemoteVirtualMachine {
  const { owner, name, machine, profile } = input;
  const { labels, annotations } = marksOf(owner);
  const architecture = architectureOf(machine);
  const vm: RemoteVirtualMachine = {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachine',
    metadata: { name, namespace: owner.namespace, labels, annotations },
    spec: {
      ...(input.iso === undefined ? {} : { dataVolumeTemplates: [input.iso] }),
      template: {
        metadata: { labels, annotations },
        spec: {
          ...(architecture === undefined ? {} : { architecture }),
          domain: {
            ...sizedDomain(input),
            ...machineType(input),
            ...(profile === 'second' ? { firmware: { bootloader: { efi: { secureBoot: false } } } } : {}),
            devices: {
              disks: domainDisks(input),
              interfaces: [domainInterface(input)],
              ...(profile === 'second' ? { autoattachPodInterface: false, networkInterfaceMultiqueue: true } : {}),
            },
          },
          networks: [templateNetwork(input)],
          volumes: volumes(input),
        },
      },
    },
  };
  return { ...vm, metadata: { ...vm.metadata, annotations: { ...annotations, [SPEC_HASH]: specHash(vm.spec) } } };
}

/** Hash of what is asked for, independent of the order of fields. */
export function specHash(desired: unknown): string {
  return sha256(JSON.stringify(sorted(desired)));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, field]) => [name, sorted(field)]));
}

function sizedDomain({ size, machine, settings, kubeVirtVersion }: BuildInput): { cpu: object; memory?: object; resources?: object } {
  const { cpu, ...rest } = domainSize(size);
  const model = settings.cpuModel !== '' ? settings.cpuModel : architectureOf(machine) === 'arm64' ? 'host-passthrough' : HOST_MODEL;
  const wantsNoHt = settings.disableHyperThreading === 'true' || (settings.disableHyperThreading === 'auto' && isSinceHt(kubeVirtVersion));
  const features = model === HOST_MODEL && wantsNoHt ? { features: [{ name: 'ht', policy: 'disable' }] } : {};
  return { cpu: { ...cpu, model, ...features }, ...rest };
}

function isSinceHt(version: string | undefined): boolean {
  const [, major, minor, patch] = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version ?? '') ?? [];
  if (major === undefined) return false;
  const found = [major, minor, patch].map(Number);
  const different = HT_SINCE.findIndex((part, index) => found[index] !== part);
  return different < 0 || (found[different] ?? 0) > (HT_SINCE[different] ?? 0);
}

function machineType({ machine, settings }: BuildInput): { machine?: { type: string } } {
  const given = machine.spec?.machineType ?? '';
  const type = given !== '' ? given : settings.machineType;
  return type === '' ? {} : { machine: { type } };
}

function architectureOf({ spec = {} }: Machine): string | undefined {
  const { architecture } = spec.os ?? {};
  return architecture === 'x86_64' ? 'amd64' : architecture;
}

function domainDisks({ disks, iso, cloudInit }: BuildInput): DomainDisk[] {
  return [
    ...disks.map(({ plan }) => ({ name: plan.name, disk: { bus: plan.bus }, ...(plan.isBoot ? { bootOrder: 1 } : {}) })),
    ...(iso === undefined ? [] : [{ name: CDROM_DISK, cdrom: { bus: 'sata' }, bootOrder: 2 }]),
    ...(cloudInit === undefined ? [] : [{ name: CLOUD_INIT_DISK, disk: { bus: 'virtio' } }]),
  ];
}

function volumes({ disks, iso, cloudInit }: BuildInput): TemplateVolume[] {
  return [
    ...disks.map(({ plan, volume }) => ({ name: plan.name, ...volume })),
    ...(iso === undefined ? [] : [{ name: CDROM_DISK, dataVolume: { name: iso.metadata?.name ?? '' } }]),
    ...(cloudInit === undefined ? [] : [cloudInit as TemplateVolume]),
  ];
}

function domainInterface({ network, settings, bootsFromNetwork }: BuildInput): DomainInterface {
  const isMasqueraded = network.attachment === undefined && settings.podNetworkBinding === 'masquerade';
  return {
    name: network.name,
    model: 'virtio',
    macAddress: network.mac,
    ...(isMasqueraded ? { masquerade: {} } : { bridge: {} }),
    ...(bootsFromNetwork ? { bootOrder: 2 } : {}),
  };
}

function templateNetwork({ network }: BuildInput): TemplateNetwork {
  const { name, attachment } = network;
  return attachment === undefined ? { name, pod: {} } : { name, multus: { networkName: attachment } };
}
