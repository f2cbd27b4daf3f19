/**
 * The disks of a Machine as its spec asks for them.
 *
 * Owns: names, buses, sizes, which one is booted from, and the names of their claims. Never: compares with what exists.
 */
import type { MachineDisk } from '../../api/vitistack/v1alpha1';
import type { Machine } from '../kinds';
import type { ApiProfile } from '../profile';
import { derivedName } from './names';

export type DiskBus = 'virtio' | 'sata' | 'scsi';

export interface DiskPlan {
  /** Name of disk and volume in the VirtualMachine. */
  readonly name: string;
  readonly bus: DiskBus;
  readonly isBoot: boolean;
  readonly sizeGib: number;
  /** What the name of the claim is made of; absent for the only disk of a Machine that names none. */
  readonly claimSuffix: string | undefined;
  /** Another disk of the Machine has the plain name of the claim. */
  readonly isClaimTaken?: boolean;
}

const DEFAULT_SIZE_GIB = 10;
/** @see isoName */
const ISO_SUFFIX = 'iso';
const ROOT = 'root';
/** Disks that this program adds itself. */
export const CDROM_DISK = 'cdrom-iso';
export const CLOUD_INIT_DISK = 'cloudinitdisk';

/** The disks in the order of the spec; one of 10 GiB when it names none. A disk without a size has 0 GiB, which the validation refuses. */
export function disksOf({ spec = {} }: Machine): readonly DiskPlan[] {
  const given = spec.disks ?? [];
  if (given.length === 0) return [{ name: ROOT, bus: 'virtio', isBoot: true, sizeGib: DEFAULT_SIZE_GIB, claimSuffix: undefined }];
  const flagged = given.findIndex(({ boot }) => boot === true);
  const bootIndex = flagged < 0 ? 0 : flagged;
  // The first disk, unnamed, is called root, and its claim as if it was called disk0.
  const isFirstUnnamed = (given[0]?.name ?? '') === '';
  return given.map((disk, index) => ({
    name: diskName(disk, index),
    bus: busOf(disk.type),
    isBoot: index === bootIndex,
    sizeGib: disk.sizeGB ?? 0,
    claimSuffix: disk.name === undefined || disk.name === '' ? `disk${index}` : disk.name,
    ...(isFirstUnnamed && index > 0 && disk.name === 'disk0' ? { isClaimTaken: true } : {}),
  }));
}

/** Name of the i-th disk in the VirtualMachine. */
export function diskName({ name }: MachineDisk, index: number): string {
  if (name !== undefined && name !== '') return name;
  return index === 0 ? ROOT : `disk${index}`;
}

function busOf(type = ''): DiskBus {
  const lower = type.toLowerCase();
  return lower === 'sata' || lower === 'scsi' ? lower : 'virtio';
}

export interface ClaimNameInput {
  readonly vm: string;
  readonly namespace: string;
  readonly machine: string;
  readonly profile: ApiProfile;
  /** The plain name belongs to a sibling. @default false */
  readonly hashed?: boolean;
}

/** Name of the claim of a disk on the remote cluster. */
export function claimName(disk: DiskPlan, { vm, namespace, machine, profile, hashed = false }: ClaimNameInput): string {
  const identity = { namespace, machine, disk: disk.name };
  const candidate = claimCandidate(disk, vm, profile);
  // CDI makes a claim of the installation medium's name.
  const isTaken = disk.isClaimTaken === true || candidate === `${vm}-${ISO_SUFFIX}`;
  return derivedName(candidate, identity, { hashed: hashed || isTaken });
}

function claimCandidate({ claimSuffix, isBoot }: DiskPlan, vm: string, profile: ApiProfile): string {
  if (profile === 'second') return isBoot || claimSuffix === undefined ? vm : `${vm}-${claimSuffix}`;
  return claimSuffix === undefined ? `${vm}-root-pvc` : `${vm}-${claimSuffix}-pvc`;
}
