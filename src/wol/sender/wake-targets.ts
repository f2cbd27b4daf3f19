/**
 * Where a magic packet is sent to.
 *
 * Owns: the choice of broadcast addresses. Pure: interfaces are given.
 */
import { isIPv6 } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { UsageError } from '../../framework/basics';
import type { WakeOptions } from './wake-options';

export interface WakeTarget {
  readonly host: string;
  readonly port: number;
}

/** As `os.networkInterfaces()` gives them. */
export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

const LIMITED_BROADCAST = '255.255.255.255';

/**
 * Every combination of host and port.
 *
 * Without hosts: 255.255.255.255 and the directed broadcast of every IPv4 interface; with an interface, only its own.
 *
 * @throws {UsageError} when the named interface has no IPv4 broadcast address.
 */
export function wakeTargets(
  { to, ports, interfaceName }: Pick<WakeOptions, 'to' | 'ports' | 'interfaceName'>,
  interfaces: Interfaces,
): WakeTarget[] {
  const hosts = to.length > 0 ? to : broadcastHosts(interfaceName, interfaces);
  return [...new Set(hosts)].flatMap((host) => ports.map((port) => ({ host, port })));
}

function broadcastHosts(interfaceName: string | undefined, interfaces: Interfaces): string[] {
  if (interfaceName === undefined) return [LIMITED_BROADCAST, ...Object.values(interfaces).flatMap(directedBroadcasts)];
  const own = directedBroadcasts(interfaces[interfaceName]);
  if (own.length > 0) return own;
  const usable = Object.keys(interfaces).filter((name) => directedBroadcasts(interfaces[name]).length > 0);
  throw new UsageError(
    `--interface is ${JSON.stringify(interfaceName)}; allowed: an interface with IPv4 broadcast: ${usable.join(', ') || 'none here'}`,
  );
}

/** Loopback and point-to-point interfaces have nobody to broadcast to. */
function directedBroadcasts(addresses: readonly NetworkInterfaceInfo[] | undefined): string[] {
  return (addresses ?? []).flatMap(({ address, netmask, family, internal }) => {
    if (family !== 'IPv4' || internal) return [];
    const mask = numberOf(netmask);
    const hostBits = ~mask >>> 0;
    return hostBits > 1 ? [textOf((numberOf(address) | hostBits) >>> 0)] : [];
  });
}

function numberOf(dotted: string): number {
  return dotted.split('.').reduce((sum, octet) => ((sum << 8) | Number(octet)) >>> 0, 0);
}

function textOf(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}

/** `host port N`, as output lines show it. */
export function describeTarget({ host, port }: WakeTarget): string {
  return `${isIPv6(host.split('%')[0] ?? host) ? `[${host}]` : host} port ${port}`;
}
