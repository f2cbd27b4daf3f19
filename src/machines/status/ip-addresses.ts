/**
 * Which addresses are private.
 *
 * Owns: the ranges. Invariant: total; what is no address is neither IPv4 nor IPv6.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** @source RFC 1918, RFC 6598, RFC 1122, RFC 3927, RFC 4193, RFC 4291 */
const PRIVATE_IPV4 = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16'];
const PRIVATE_IPV6 = ['fc00::/7', 'fe80::/10', '::1/128'];

const PRIVATE = new BlockList();
for (const [ranges, family] of [[PRIVATE_IPV4, 'ipv4'] as const, [PRIVATE_IPV6, 'ipv6'] as const]) {
  for (const range of ranges) {
    const [network = '', prefix = ''] = range.split('/');
    PRIVATE.addSubnet(network, Number(prefix), family);
  }
}

export { isIPv4, isIPv6 };

export function isPrivate(address: string): boolean {
  return PRIVATE.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}

/** Without prefix length or zone. */
export function bareAddress(text: string): string {
  return text.trim().replace(/[/%].*$/, '');
}

/** IPv4 first, then IPv6, each once and in order; what is neither is left out. */
export function byFamily(texts: Iterable<string>): { readonly ipv4: string[]; readonly ipv6: string[] } {
  const addresses = [...new Set([...texts].map(bareAddress))];
  return { ipv4: addresses.filter((text) => isIPv4(text)), ipv6: addresses.filter((text) => isIPv6(text)) };
}
