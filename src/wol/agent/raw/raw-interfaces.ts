/**
 * Which interfaces are listened to for Ethernet frames.
 *
 * Owns: the choice. Pure. What it leaves out is what would give every frame twice, or the traffic of pods.
 */
import type { NetworkInterface } from '../interfaces';

/** How the interfaces of pods, overlays and virtual switches are called. */
const NOT_FROM_OUTSIDE: readonly string[] = [
  'veth',
  'tap',
  'tun',
  'vnet',
  'lxc',
  'cali',
  'cilium',
  'cni',
  'docker',
  'flannel',
  'kube-',
  'ovn-',
  'br-int',
  'ovs-',
  'genev',
  'vxlan',
  'dummy',
  'nodelocaldns',
];

/**
 * Chooses: Ethernet, up, not loopback, of no name above; not a part of one that is usable; one of several with the same address.
 * VLAN sub-interfaces, which share the address of the interface under them, are always kept: their frames tell the VLAN.
 */
export function rawInterfaces(all: readonly NetworkInterface[]): NetworkInterface[] {
  const usable = all.filter(isUsable);
  const usableNames = new Set(usable.map(({ name }) => name));
  const whole = usable.filter(({ master, vlanId }) => vlanId === undefined && (master === undefined || !usableNames.has(master)));
  const preferred = new Map<string, NetworkInterface>();
  for (const one of whole.sort(byPreference)) if (!preferred.has(one.mac)) preferred.set(one.mac, one);
  return usable.filter((one) => one.vlanId !== undefined || preferred.get(one.mac) === one);
}

function isUsable({ name, isEthernet, isUp, isLoopback }: NetworkInterface): boolean {
  return isEthernet && isUp && !isLoopback && !NOT_FROM_OUTSIDE.some((prefix) => name.startsWith(prefix));
}

/** Bridges first: they see what all their ports see. */
function byPreference(a: NetworkInterface, b: NetworkInterface): number {
  const bridgesFirst = Number(b.name.startsWith('br')) - Number(a.name.startsWith('br'));
  return bridgesFirst || (a.name < b.name ? -1 : 1);
}
