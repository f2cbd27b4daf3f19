/**
 * What a running guest tells of itself, as a Machine's status shows it.
 *
 * Owns: interfaces, addresses, disks, guest data. Never: asks for anything. Invariant: equal objects give equal details.
 */
import type { NetworkConfiguration } from '../kinds';
import type { ApiProfile } from '../profile';
import type { RemoteClaim } from '../virtual-machine/claims';
import type { DiskPlan } from '../virtual-machine/disks';
import { bytesOf } from '../virtual-machine/quantity';
import type { InstanceInterface, RemoteInstance } from '../virtual-machine/remote-objects';
import { byFamily, isPrivate } from './ip-addresses';

export interface InterfaceStatus {
  name?: string;
  macAddress?: string;
  ipAddresses?: string[];
  ipv6Addresses?: string[];
  state?: string;
  mtu?: number;
  type?: string;
}

export interface DiskStatus {
  name?: string;
  type?: string;
  pvcName?: string;
  volumeMode?: string;
  accessModes?: string[];
  device?: string;
  size?: number;
}

export interface AddressLists {
  readonly ipAddresses: string[];
  readonly ipv6Addresses: string[];
  readonly privateIPAddresses: string[];
  readonly publicIPAddresses: string[];
}

const NO_MAC: ReadonlySet<string> = new Set(['', '00:00:00:00:00:00']);
/** Of a machine that does not run. */
export const NO_ADDRESSES: AddressLists = { ipAddresses: [], ipv6Addresses: [], privateIPAddresses: [], publicIPAddresses: [] };

/** Interfaces with a MAC and an address. */
export function interfaceStatuses({ status = {} }: RemoteInstance, profile: ApiProfile): InterfaceStatus[] {
  return (status.interfaces ?? []).flatMap((nic) => {
    const { ipv4, ipv6 } = byFamily(addressesOf(nic));
    if (NO_MAC.has(nic.mac ?? '') || ipv4.length + ipv6.length === 0) return [];
    return [
      {
        name: nic.name ?? '',
        macAddress: nic.mac ?? '',
        ipAddresses: profile === 'second' ? [...ipv4, ...ipv6] : ipv4,
        ipv6Addresses: ipv6,
        ...(nic.linkState === undefined ? {} : { state: nic.linkState }),
        ...(nic.infoSource === undefined ? {} : { type: nic.infoSource }),
        ...(nic.mtu === undefined ? {} : { mtu: nic.mtu }),
      },
    ];
  });
}

/** Those of an instance that is gone. */
export function interfacesDown(interfaces: readonly InterfaceStatus[]): InterfaceStatus[] {
  return interfaces.map(({ name, macAddress }) => ({
    ...(name === undefined ? {} : { name }),
    ...(macAddress === undefined ? {} : { macAddress }),
    state: 'down',
  }));
}

export interface AddressInput {
  /** `undefined` = no instance: lists are empty. */
  readonly vmi: RemoteInstance | undefined;
  readonly profile: ApiProfile;
  /** `IP_SOURCE=networkconfiguration`: the record, where there is one, else `absent`; otherwise `undefined`. */
  readonly configuration: NetworkConfiguration | 'absent' | undefined;
}

export function addressLists({ vmi, profile, configuration }: AddressInput): AddressLists {
  if (vmi === undefined) return NO_ADDRESSES;
  const interfaces = vmi.status?.interfaces ?? [];
  const { ipv4, ipv6 } = byFamily(interfaces.flatMap(addressesOf));
  const lists = { ipAddresses: ipv4, ipv6Addresses: ipv6, ...classified(interfaces, profile) };
  if (configuration === undefined) return lists;
  const configured = configuration === 'absent' ? [] : (configuration.status?.networkInterfaces ?? []);
  const given = byFamily(configured.flatMap(({ ipv4Addresses = [], ipv6Addresses = [] }) => [...ipv4Addresses, ...ipv6Addresses]));
  const publicIPAddresses = [...given.ipv4, ...given.ipv6];
  const all = byFamily([...lists.privateIPAddresses, ...publicIPAddresses]);
  return { ...lists, publicIPAddresses, ipAddresses: all.ipv4, ipv6Addresses: all.ipv6 };
}

function classified(
  interfaces: readonly InstanceInterface[],
  profile: ApiProfile,
): Pick<AddressLists, 'privateIPAddresses' | 'publicIPAddresses'> {
  const listed = (texts: Iterable<string>): string[] => {
    const { ipv4, ipv6 } = byFamily(texts);
    return [...ipv4, ...ipv6];
  };
  if (profile === 'second') {
    const named = (nic: InstanceInterface): boolean => nic.name !== undefined && nic.name !== '';
    return {
      privateIPAddresses: listed(interfaces.filter((nic) => !named(nic)).flatMap(addressesOf)),
      publicIPAddresses: listed(interfaces.filter(named).flatMap(addressesOf)),
    };
  }
  const all = listed(interfaces.flatMap(addressesOf));
  return { privateIPAddresses: all.filter(isPrivate), publicIPAddresses: all.filter((address) => !isPrivate(address)) };
}

/** KubeVirt repeats the first one in a field of its own. */
function addressesOf({ ipAddress, ipAddresses }: InstanceInterface): string[] {
  return ipAddresses !== undefined && ipAddresses.length > 0 ? ipAddresses : ipAddress === undefined ? [] : [ipAddress];
}

/** Disks of a running instance that stand on a claim. */
export function instanceDisks({ status = {}, spec = {} }: RemoteInstance): DiskStatus[] {
  return (status.volumeStatus ?? []).flatMap(({ name, target, persistentVolumeClaimInfo: claim }) => {
    if (claim === undefined) return [];
    const disk = spec.domain?.devices?.disks?.find((candidate) => candidate.name === name);
    const size = bytesOf(claim.capacity?.storage ?? claim.requests?.storage);
    const bus = disk?.disk?.bus ?? disk?.cdrom?.bus;
    return [
      {
        name,
        ...(bus === undefined ? {} : { type: bus }),
        ...(target === undefined || target === '' ? {} : { device: `/dev/${target}` }),
        ...(claim.claimName === undefined ? {} : { pvcName: claim.claimName }),
        ...(claim.volumeMode === undefined ? {} : { volumeMode: claim.volumeMode }),
        ...(claim.accessModes === undefined ? {} : { accessModes: claim.accessModes }),
        ...(size === undefined ? {} : { size }),
      },
    ];
  });
}

/** Disks before there is an instance, from their claims. */
export function claimDisk({ name, bus }: DiskPlan, pvcName: string, claim: RemoteClaim | undefined): DiskStatus {
  const { accessModes, volumeMode, resources } = claim?.spec ?? {};
  const size = bytesOf(claim?.status?.capacity?.storage ?? resources?.requests?.storage);
  return {
    name,
    type: bus,
    pvcName,
    ...(volumeMode === undefined ? {} : { volumeMode }),
    ...(accessModes === undefined ? {} : { accessModes }),
    ...(size === undefined ? {} : { size }),
  };
}

export interface GuestDetails {
  readonly hostname?: string;
  readonly operatingSystem?: string;
  readonly operatingSystemVersion?: string;
  readonly kernelVersion?: string;
  readonly bootTime?: string;
}

/** From the guest agent, and from the change to Running. */
export function guestDetails({ spec = {}, status = {} }: RemoteInstance): GuestDetails {
  const { prettyName, name, version, versionId, kernelRelease } = status.guestOSInfo ?? {};
  const started = status.phaseTransitionTimestamps?.find(({ phase }) => phase === 'Running')?.phaseTransitionTimestamp;
  const known = (field: string, value: string | undefined): Record<string, string> =>
    value === undefined || value === '' ? {} : { [field]: value };
  return {
    ...known('hostname', spec.hostname),
    ...known('operatingSystem', prettyName ?? name),
    ...known('operatingSystemVersion', versionId ?? version),
    ...known('kernelVersion', kernelRelease),
    ...known('bootTime', started),
  };
}
