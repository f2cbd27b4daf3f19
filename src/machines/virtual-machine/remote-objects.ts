/**
 * The objects of KubeVirt and its companions on a remote cluster, whole: what a Machine's status tells comes from them.
 *
 * Owns: types and kinds. Never: anything about the manager's own cluster, where objects of KubeVirt are kept in part only.
 */
import { defineKind, type KubernetesObject } from '../../framework';
import type { StateChangeRequest } from '../../kubevirt/virtual-machine';
import type { DataVolume } from './boot-image';
import type { RemoteClaim, RemoteStorageClass, StorageProfile } from './claims';

export interface RemoteCondition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}

export interface DomainDisk {
  name: string;
  bootOrder?: number;
  disk?: { bus?: string };
  cdrom?: { bus?: string };
}

export interface DomainInterface {
  name: string;
  macAddress?: string;
  model?: string;
  state?: string;
  bootOrder?: number;
  bridge?: object;
  masquerade?: object;
}

export interface TemplateVolume {
  name: string;
  persistentVolumeClaim?: { claimName: string };
  dataVolume?: { name: string };
  [source: string]: unknown;
}

export interface TemplateNetwork {
  name: string;
  pod?: object;
  multus?: { networkName: string };
}

export interface Domain {
  cpu?: { cores?: number; sockets?: number; threads?: number; model?: string; features?: { name: string; policy?: string }[] };
  memory?: { guest?: string };
  resources?: { requests?: { memory?: string; cpu?: string } };
  machine?: { type?: string };
  firmware?: { bootloader?: object };
  devices?: {
    disks?: DomainDisk[];
    interfaces?: DomainInterface[];
    autoattachPodInterface?: boolean;
    networkInterfaceMultiqueue?: boolean;
  };
}

export interface InstanceSpec {
  architecture?: string;
  hostname?: string;
  domain?: Domain;
  networks?: TemplateNetwork[];
  volumes?: TemplateVolume[];
  terminationGracePeriodSeconds?: number;
}

export interface RemoteVirtualMachine extends KubernetesObject {
  spec?: {
    running?: boolean;
    runStrategy?: string;
    dataVolumeTemplates?: DataVolume[];
    template?: {
      metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
      spec?: InstanceSpec;
    };
  };
  status?: {
    printableStatus?: string;
    ready?: boolean;
    created?: boolean;
    conditions?: RemoteCondition[];
    runStrategy?: string;
    stateChangeRequests?: StateChangeRequest[];
  };
}

export interface InstanceInterface {
  name?: string;
  mac?: string;
  ipAddress?: string;
  ipAddresses?: string[];
  infoSource?: string;
  linkState?: string;
  mtu?: number;
}

export interface VolumeStatus {
  name: string;
  target?: string;
  persistentVolumeClaimInfo?: {
    claimName?: string;
    accessModes?: string[];
    volumeMode?: string;
    capacity?: { storage?: string | number };
    requests?: { storage?: string | number };
  };
}

export interface RemoteInstance extends KubernetesObject {
  spec?: InstanceSpec;
  status?: {
    phase?: string;
    conditions?: RemoteCondition[];
    interfaces?: InstanceInterface[];
    volumeStatus?: VolumeStatus[];
    guestOSInfo?: { name?: string; prettyName?: string; version?: string; versionId?: string; kernelRelease?: string; machine?: string };
    phaseTransitionTimestamps?: { phase: string; phaseTransitionTimestamp: string }[];
  };
}

export interface RemoteEvent extends KubernetesObject {
  type?: string;
  reason?: string;
  message?: string;
  involvedObject?: { kind?: string; namespace?: string; name?: string; uid?: string };
  firstTimestamp?: string | null;
  lastTimestamp?: string | null;
  eventTime?: string | null;
  series?: { lastObservedTime?: string };
}

const NAMESPACED = { scope: 'Namespaced', optional: true } as const;

export const RemoteVirtualMachine = defineKind<RemoteVirtualMachine>('kubevirt.io/v1', 'VirtualMachine', 'virtualmachines', NAMESPACED);
export const RemoteInstance = defineKind<RemoteInstance>('kubevirt.io/v1', 'VirtualMachineInstance', 'virtualmachineinstances', NAMESPACED);
export const RemoteDataVolume = defineKind<DataVolume>('cdi.kubevirt.io/v1beta1', 'DataVolume', 'datavolumes', NAMESPACED);
export const RemoteStorageProfile = defineKind<StorageProfile>('cdi.kubevirt.io/v1beta1', 'StorageProfile', 'storageprofiles', {
  scope: 'Cluster',
  optional: true,
});
export const RemoteClaimKind = defineKind<RemoteClaim>('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims', { scope: 'Namespaced' });
export const RemoteStorageClassKind = defineKind<RemoteStorageClass>('storage.k8s.io/v1', 'StorageClass', 'storageclasses', {
  scope: 'Cluster',
  status: false,
});
/** Longest text of an Event that is kept, in characters; no status shows more. */
const MAX_EVENT_CHARS = 500;

export const RemoteEventKind = defineKind<RemoteEvent>('v1', 'Event', 'events', {
  scope: 'Namespaced',
  status: false,
  trim: ({ apiVersion, kind, metadata = {}, type, reason, message = '', involvedObject, series, ...event }) => {
    const { name, namespace, uid, resourceVersion } = metadata;
    const { firstTimestamp, lastTimestamp, eventTime } = event;
    return {
      ...{ apiVersion, kind, type, reason, message: message.slice(0, MAX_EVENT_CHARS), involvedObject, series },
      ...{ firstTimestamp, lastTimestamp, eventTime },
      metadata: { name, namespace, uid, resourceVersion },
    } as RemoteEvent;
  },
});
