/**
 * Network data for guests whose addresses are given out by configuration: cloud-init's network-config, version 1.
 *
 * Owns: the text. Never: decides which addresses a Machine has; a NetworkConfiguration says that.
 */
import { isIPv4, isIPv6 } from 'node:net';
import type { NetworkConfigurationNetworkInterface as NetworkInterface } from '../../api/vitistack/v1alpha1';
import { normalizeMac } from '../../kubevirt/mac-address';
import type { NetworkConfiguration } from '../kinds';

/** An interface has no address yet; for `NetworkReady`. */
export class WaitingForAddressError extends Error {
  constructor(mac: string) {
    super(`waiting for an address of interface ${mac}`);
  }
}

/** Networks that the addresses belong to, where an interface does not say. */
export interface StaticCidrs {
  readonly ipv4CIDR?: string;
  readonly ipv6CIDR?: string;
}

/** @throws {WaitingForAddressError} naming the first interface without an address. */
export function staticNetworkData({ spec, status }: NetworkConfiguration, { ipv4CIDR, ipv6CIDR }: StaticCidrs = {}): string {
  const lines = ['version: 1', 'config:'];
  (spec?.networkInterfaces ?? []).forEach((wanted, index) => {
    const mac = normalizeMac(wanted.macAddress ?? '') ?? (wanted.macAddress ?? '').toLowerCase();
    const given = status?.networkInterfaces?.find(({ macAddress = '' }) => (normalizeMac(macAddress) ?? macAddress.toLowerCase()) === mac);
    const subnets = given === undefined ? [] : [...ipv4Subnet(given, ipv4CIDR), ...ipv6Subnet(given, ipv6CIDR)];
    if (subnets.length === 0) throw new WaitingForAddressError(mac);
    const name = wanted.name === undefined || wanted.name === '' ? `eth${index}` : wanted.name;
    lines.push('  - type: physical', `    name: ${quoted(name)}`, `    mac_address: ${quoted(mac)}`, '    subnets:', ...subnets);
  });
  return `${lines.join('\n')}\n`;
}

function ipv4Subnet({ ipv4Addresses = [], ipv4Subnet: subnet, ipv4Gateway, dns = [] }: NetworkInterface, cidr?: string): string[] {
  const [address] = ipv4Addresses.map((text) => text.split('/')[0] ?? '').filter((text) => isIPv4(text));
  if (address === undefined) return [];
  const lines = ['      - type: static', `        address: ${quoted(address)}`];
  const prefix = prefixOf(ipv4Addresses[0]) ?? prefixOf(subnet) ?? prefixOf(cidr);
  if (prefix !== undefined && prefix <= 32) lines.push(`        netmask: ${quoted(dottedMask(prefix))}`);
  if (ipv4Gateway !== undefined && ipv4Gateway !== '') lines.push(`        gateway: ${quoted(ipv4Gateway)}`);
  if (dns.length > 0) lines.push('        dns_nameservers:', ...dns.map((server) => `          - ${quoted(server)}`));
  return lines;
}

function ipv6Subnet({ ipv6Addresses = [], ipv6Subnet: subnet, ipv6Gateway }: NetworkInterface, cidr?: string): string[] {
  const [address] = ipv6Addresses.map((text) => text.split('/')[0] ?? '').filter((text) => isIPv6(text));
  if (address === undefined) return [];
  const prefix = prefixOf(ipv6Addresses[0]) ?? prefixOf(subnet) ?? prefixOf(cidr);
  const lines = ['      - type: static6', `        address: ${quoted(prefix === undefined ? address : `${address}/${prefix}`)}`];
  if (ipv6Gateway !== undefined && ipv6Gateway !== '') lines.push(`        gateway: ${quoted(ipv6Gateway)}`);
  return lines;
}

function prefixOf(cidr: string | undefined): number | undefined {
  const digits = /\/(\d{1,3})$/.exec(cidr ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function dottedMask(prefix: number): string {
  const bits = prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 0xff).join('.');
}

/** A JSON string is a YAML string. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
