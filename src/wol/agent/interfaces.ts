/**
 * The network interfaces of this node, as far as reception cares.
 *
 * Owns: where their properties are read. Never: fails; without sysfs the runtime's list has to do.
 *
 * @source Linux, Documentation/ABI/testing/sysfs-class-net; net/ipv6/addrconf.c, `if6_seq_show`; net/8021q/vlanproc.c.
 */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { basename, join } from 'node:path';

export interface NetworkInterface {
  readonly name: string;
  /** The kernel's number of it, never used twice while the node runs; 0 where it is not known. */
  readonly index: number;
  readonly isEthernet: boolean;
  /** Switched on, whether or not a cable is plugged in. */
  readonly isUp: boolean;
  readonly isLoopback: boolean;
  /** Normal form. */
  readonly mac: string;
  /** The bridge, bond or team that it is a part of. */
  readonly master: string | undefined;
  /** Set for VLAN sub-interfaces: frames come without the tag of this id. */
  readonly vlanId: number | undefined;
  readonly hasIpv6: boolean;
}

/** ARPHRD_ETHER, IFF_UP and IFF_LOOPBACK of linux/if_arp.h and linux/if.h. */
const ETHERNET_TYPE = 1;
const FLAG_UP = 0x1;
const FLAG_LOOPBACK = 0x8;

/** @param root where sysfs and procfs are found. */
export async function readInterfaces(root = '/'): Promise<NetworkInterface[]> {
  const folder = join(root, 'sys/class/net');
  const names = await readdir(folder).catch(() => undefined);
  if (names === undefined) return runtimeInterfaces();
  const [withIpv6, vlanIds] = await Promise.all([interfacesWithIpv6(root), vlanIdsOf(root)]);
  const all = await Promise.all(
    names.sort().map(async (name): Promise<NetworkInterface | undefined> => {
      const property = (file: string): Promise<string> => readFile(join(folder, name, file), 'utf8').then((text) => text.trim());
      const optional = <Value>(value: Promise<Value>): Promise<Value | undefined> => value.catch(() => undefined);
      const [index, type, flags, mac, master] = await Promise.all([
        optional(property('ifindex')),
        optional(property('type')),
        optional(property('flags')),
        optional(property('address')),
        optional(readlink(join(folder, name, 'master'))),
      ]);
      // Gone since the folder was read, or no interface at all: bonding keeps a file there.
      if (index === undefined || flags === undefined) return undefined;
      return {
        name,
        index: Number(index),
        isEthernet: Number(type) === ETHERNET_TYPE,
        isUp: (Number(flags) & FLAG_UP) !== 0,
        isLoopback: (Number(flags) & FLAG_LOOPBACK) !== 0,
        mac: mac ?? '',
        master: master === undefined ? undefined : basename(master),
        vlanId: vlanIds.get(name),
        hasIpv6: withIpv6.has(name),
      };
    }),
  );
  return all.filter((one) => one !== undefined);
}

/** Six columns a line, the last one is the name. No such file: the kernel has no IPv6. */
async function interfacesWithIpv6(root: string): Promise<Set<string>> {
  const table = await readFile(join(root, 'proc/net/if_inet6'), 'utf8').catch(() => '');
  return new Set(table.split('\n').flatMap((line) => line.trim().split(/\s+/)[5] ?? []));
}

/** `name | id | parent` a line, after two lines of heading. No such file: the kernel has no VLANs. */
async function vlanIdsOf(root: string): Promise<Map<string, number>> {
  const table = await readFile(join(root, 'proc/net/vlan/config'), 'utf8').catch(() => '');
  const rows = table.split('\n').map((line) => line.split('|').map((column) => column.trim()));
  return new Map(rows.flatMap(([name = '', id = '']) => (/^\d+$/.test(id) ? [[name, Number(id)] as const] : [])));
}

/** Only those that are up and have an address; whether one is part of another cannot be told. */
function runtimeInterfaces(): NetworkInterface[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) => {
    const [first] = addresses;
    if (first === undefined) return [];
    return {
      name,
      index: 0,
      isEthernet: !first.internal,
      isUp: true,
      isLoopback: first.internal,
      mac: first.mac,
      master: undefined,
      vlanId: undefined,
      hasIpv6: addresses.some(({ family }) => family === 'IPv6'),
    };
  });
}
