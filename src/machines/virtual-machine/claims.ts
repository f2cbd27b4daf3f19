/**
 * The claims that hold a Machine's disks on its remote cluster.
 *
 * Owns: storage class, mode, access and size. Never: reads classes or profiles; they are given.
 */
import type { KubernetesObject } from '../../framework';
import type { ApiProfile } from '../profile';
import type { DiskPlan } from './disks';
import { DISK, DISK_TYPE } from './marks';
import { marksOf, type OwnerIdentity } from './ownership';
import { gibOf } from './quantity';

export interface RemoteStorageClass extends KubernetesObject {
  allowVolumeExpansion?: boolean;
}

/** CDI's advice on a storage class. */
export interface StorageProfile extends KubernetesObject {
  status?: { claimPropertySets?: { accessModes?: string[]; volumeMode?: string }[] };
}

export interface StorageSettings {
  /** Empty = that of the cluster. */
  readonly storageClassName: string;
  readonly volumeMode: string | undefined;
  /** `undefined` = as the profile says. */
  readonly accessMode: string | undefined;
}

export interface RemoteClaim extends KubernetesObject {
  spec?: {
    accessModes?: string[];
    storageClassName?: string;
    volumeMode?: string;
    resources?: { requests?: { storage?: string } };
    [field: string]: unknown;
  };
  status?: { phase?: string; capacity?: { storage?: string } };
}

/** How claims of a Machine are stored. */
export interface StoragePlan {
  readonly storageClassName: string;
  /** Absent = what the cluster takes for it. */
  readonly volumeMode: string | undefined;
  readonly accessModes: readonly string[];
}

export const DEFAULT_CLASS_ANNOTATION = 'storageclass.kubernetes.io/is-default-class';
export const NO_DEFAULT_CLASS = 'no default storage class found in the cluster';

/** Name of the default class, the newest of several; `undefined` when there is none. */
export function defaultClassOf(classes: Iterable<RemoteStorageClass>): string | undefined {
  const defaults = [...classes].filter(({ metadata }) => metadata?.annotations?.[DEFAULT_CLASS_ANNOTATION] === 'true');
  const age = ({ metadata }: KubernetesObject): string => metadata?.creationTimestamp ?? '';
  const newestFirst = (a: KubernetesObject, b: KubernetesObject): number => {
    if (age(a) !== age(b)) return age(a) < age(b) ? 1 : -1;
    return (a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1;
  };
  return defaults.sort(newestFirst)[0]?.metadata?.name;
}

/** The class that configuration names, without a look at the cluster; `undefined` = its default. */
export function namedClass(configClass: string | undefined, { storageClassName }: StorageSettings): string | undefined {
  return [configClass, storageClassName].find((name) => name !== undefined && name !== '');
}

/** Whether the profile of the class has to be known. */
export function needsProfile(profile: ApiProfile, { accessMode }: StorageSettings): boolean {
  return (accessMode ?? defaultAccess(profile)) === ADVISED;
}

/** @param advice of CDI, where it was asked for and exists. */
export function storagePlan(
  profile: ApiProfile,
  storageClassName: string,
  settings: StorageSettings,
  advice?: StorageProfile,
): StoragePlan {
  const volumeMode = settings.volumeMode ?? (profile === 'second' ? 'Block' : undefined);
  const access = settings.accessMode ?? defaultAccess(profile);
  return { storageClassName, volumeMode, accessModes: [access === ADVISED ? advisedAccess(volumeMode, advice) : access] };
}

/** What CDI's profile of the class says. */
const ADVISED = 'auto';

function defaultAccess(profile: ApiProfile): string {
  return profile === 'second' ? ADVISED : 'ReadWriteOnce';
}

function advisedAccess(volumeMode: string | undefined, advice: StorageProfile | undefined): string {
  const sets = advice?.status?.claimPropertySets ?? [];
  const modes = (sets.find((set) => volumeMode !== undefined && set.volumeMode === volumeMode) ?? sets[0])?.accessModes ?? [];
  return modes.includes('ReadWriteMany') ? 'ReadWriteMany' : (modes[0] ?? 'ReadWriteMany');
}

/** An empty claim for a disk. */
export function claimFor(disk: DiskPlan, name: string, owner: OwnerIdentity, plan: StoragePlan): RemoteClaim {
  const { labels, annotations } = marksOf(owner);
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name,
      namespace: owner.namespace,
      labels: disk.isBoot ? { ...labels, [DISK_TYPE]: 'boot' } : labels,
      annotations: { ...annotations, [DISK]: disk.name },
    },
    spec: claimSpec(disk, plan),
  };
}

export function claimSpec({ sizeGib }: Pick<DiskPlan, 'sizeGib'>, plan: StoragePlan): NonNullable<RemoteClaim['spec']> {
  return {
    accessModes: [...plan.accessModes],
    storageClassName: plan.storageClassName,
    ...(plan.volumeMode === undefined ? {} : { volumeMode: plan.volumeMode }),
    resources: { requests: { storage: `${sizeGib}Gi` } },
  };
}

/** What a disk's wanted size means for the claim it has. */
export type ClaimResize =
  | { readonly kind: 'fits' }
  | { readonly kind: 'grow'; readonly to: string }
  | { readonly kind: 'shrink'; readonly text: string };

export function resizeOf(disk: DiskPlan, claim: RemoteClaim): ClaimResize {
  const present = gibOf(claim.spec?.resources?.requests?.storage);
  if (present === undefined || present === disk.sizeGib) return { kind: 'fits' };
  if (disk.sizeGib > present) return { kind: 'grow', to: `${disk.sizeGib}Gi` };
  return { kind: 'shrink', text: `disk "${disk.name}" cannot shrink from ${present}Gi to ${disk.sizeGib}Gi` };
}
