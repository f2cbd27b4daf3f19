/**
 * The addresses that the owner of a virtual machine has written into it.
 *
 * Owns: which interfaces count. Never: reads what a guest reports, since a guest could claim any address.
 */
import { usableMacs } from './mac-address';
import type { VirtualMachine } from './virtual-machine';

/**
 * The usable declared addresses of a virtual machine in normal form, each once.
 *
 * Interfaces that are being unplugged (`state: absent`) do not count; those that are down do. A virtual machine without
 * template or interfaces has none.
 */
export function macsOf(vm: VirtualMachine): readonly string[] {
  const interfaces = vm.spec?.template?.spec?.domain?.devices?.interfaces ?? [];
  return usableMacs(interfaces.filter(({ state }) => state !== 'absent').map(({ macAddress }) => macAddress));
}
