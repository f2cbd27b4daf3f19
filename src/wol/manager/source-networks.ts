/**
 * The networks from which a config accepts packets.
 *
 * Owns: reading CIDRs and matching addresses against them. Never: decides what happens to a packet from elsewhere.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net';

interface Network {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** Reads `192.0.2.0/24` or `2001:db8::/32`; bits beyond the prefix do not matter. `undefined` when it is no CIDR. */
function parseCidr(text: string): Network | undefined {
  const [address = '', prefixText = '', ...rest] = text.split('/');
  if (rest.length > 0 || !/^(0|[1-9][0-9]{0,2})$/.test(prefixText)) return undefined;
  const prefix = Number(prefixText);
  if (isIPv4(address)) return prefix <= 32 ? { address, prefix, family: 'ipv4' } : undefined;
  if (isIPv6(address) && !address.includes('%')) return prefix <= 128 ? { address, prefix, family: 'ipv6' } : undefined;
  return undefined;
}

export function isCidr(text: string): boolean {
  return parseCidr(text) !== undefined;
}

/**
 * A predicate: does a source address lie in one of the networks?
 *
 * @param cidrs valid ones; see `isCidr`.
 * @returns false for anything that is no IP address, so an Ethernet frame never matches.
 */
export function compileSourceNetworks(cidrs: readonly string[]): (sourceIp: string) => boolean {
  // One list a family: a BlockList matches an IPv4 address against IPv6 networks as its mapped form.
  const networks = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const cidr of cidrs) {
    const network = parseCidr(cidr);
    if (network === undefined) throw new RangeError(`"${cidr}" is no CIDR; allowed: for example 192.0.2.0/24 or 2001:db8::/32`);
    networks[network.family].addSubnet(network.address, network.prefix, network.family);
  }
  return (sourceIp) => {
    if (isIPv4(sourceIp)) return networks.ipv4.check(sourceIp, 'ipv4');
    return isIPv6(sourceIp) && networks.ipv6.check(sourceIp, 'ipv6');
  };
}
