/**
 * Where a magic packet is sent to.
 *
 * Owns: the choice of addresses that reach everybody. Pure: interfaces are given.
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
/** What IPv6 has instead of a broadcast. */
const ALL_NODES = 'ff02::1';

/**
 * Every combination of host and port.
 *
 * Without hosts: 255.255.255.255 and the directed broadcast of every IPv4 interface; with an interface, only its own, and where it has
 * IPv6 only, the group of all nodes on it.
 *
 * @throws {UsageError} when the named interface, or that of a zone, cannot be had.
 */
export function wakeTargets(
  { to, ports, interfaceName }: Pick<WakeOptions, 'to' | 'ports' | 'interfaceName'>,
  interfaces: Interfaces,
): WakeTarget[] {
  for (const host of to) checkZone(host, interfaces);
  const hosts = to.length > 0 ? to : broadcastHosts(interfaceName, interfaces);
  return [...new Set(hosts)].flatMap((host) => ports.map((port) => ({ host, port })));
}

function broadcastHosts(interfaceName: string | undefined, interfaces: Interfaces): string[] {
  if (interfaceName === undefined) return [LIMITED_BROADCAST, ...Object.values(interfaces).flatMap(directedBroadcasts)];
  const own = hostsOn(interfaceName, interfaces);
  if (own.length > 0) return own;
  const usable = Object.keys(interfaces).filter((name) => hostsOn(name, interfaces).length > 0);
  throw new UsageError(
    `--interface is ${JSON.stringify(interfaceName)}; allowed: an interface with IPv4 broadcast or IPv6: ${usable.join(', ') || 'none here'}`,
  );
}

/** Two packets for every machine that has both families would be one too many. */
function hostsOn(name: string, interfaces: Interfaces): string[] {
  const broadcasts = directedBroadcasts(interfaces[name]);
  if (broadcasts.length > 0) return broadcasts;
  const hasIpv6 = (interfaces[name] ?? []).some(({ family, internal }) => family === 'IPv6' && !internal);
  return hasIpv6 ? [`${ALL_NODES}%${name}`] : [];
}

/** The system takes a zone that it does not know for none and sends to anywhere. */
function checkZone(host: string, interfaces: Interfaces): void {
  const zone = isIPv6(host) ? host.split('%')[1] : undefined;
  if (zone === undefined || zone in interfaces) return;
  const names = Object.keys(interfaces).join(', ');
  throw new UsageError(`--to is ${JSON.stringify(host)}; allowed after %: an interface that is up and has an address: ${names}`);
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
