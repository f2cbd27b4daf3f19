/**
 * Which addresses a server of boot images may have, pure.
 *
 * A tenant writes the address of an image, and this process stands in a network that the tenant does not: so it asks nothing that only
 * this process could reach. Owns: the ranges. Invariant: an IPv4 address inside of an IPv6 address is judged as what it is.
 */
import { BlockList, isIP, isIPv4 } from 'node:net';

/** Loopback, link-local with the metadata services of clouds, multicast, unspecified, broadcast and reserved. @source RFC 6890, RFC 4291 */
const REFUSED = ['127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '0.0.0.0/8', '240.0.0.0/4'];
const REFUSED_V6 = ['::1/128', 'fe80::/10', 'ff00::/8', '::/128', 'fd00:ec2::254/128'];
/** Prefixes before an IPv4 address: NAT64, mapped, compatible. @source RFC 6052, RFC 4291 */
const EMBEDDING = /^(?:64:ff9b::|::ffff:|::)((?:[0-9a-f]{1,4}:[0-9a-f]{1,4})|(?:\d+\.\d+\.\d+\.\d+))$/i;
/** Kubernetes takes no larger range for Services. @source kube-apiserver, --service-cluster-ip-range */
const LARGEST_SERVICE_PREFIX = { 4: 12, 6: 108 } as const;

export class ImageAddresses {
  private readonly refused = listOf([...REFUSED, ...REFUSED_V6]);
  private readonly allowed: BlockList;
  private readonly services: BlockList;

  /**
   * @param allowed networks that may be asked all the same.
   * @param serviceAddress address of the Service of the API server, as pods are told it: other Services are around it.
   */
  constructor(allowed: readonly string[], serviceAddress: string | undefined) {
    this.allowed = listOf(allowed);
    this.services = listOf(serviceAddress === undefined || isIP(serviceAddress) === 0 ? [] : [serviceNetwork(serviceAddress)]);
  }

  /** @param address as a name was resolved to. */
  isAllowed(address: string): boolean {
    const plain = embedded(address) ?? address;
    if (isIP(plain) === 0) return false;
    if (isIn(this.allowed, plain)) return true;
    return !isIn(this.refused, plain) && !isIn(this.services, plain);
  }
}

/** The largest range that may begin right before this address, which is the first of its range. */
function serviceNetwork(address: string): string {
  const family = isIPv4(address) ? 4 : 6;
  return `${address}/${LARGEST_SERVICE_PREFIX[family]}`;
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits = ''] = network.split('/');
    list.addSubnet(address, Number(bits), isIPv4(address) ? 'ipv4' : 'ipv6');
  }
  return list;
}

function isIn(list: BlockList, address: string): boolean {
  return list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}

/** The IPv4 address that an IPv6 address stands for. */
function embedded(address: string): string | undefined {
  if (isIPv4(address)) return undefined;
  const [, tail] = EMBEDDING.exec(address) ?? [];
  if (tail === undefined) return undefined;
  if (tail.includes('.')) return tail;
  const [high = 0, low = 0] = tail.split(':').map((part) => Number.parseInt(part, 16));
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
