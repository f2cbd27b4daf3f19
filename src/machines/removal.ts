/** What the manager has made for machines: nothing in its own namespace. Objects stay, and with them their virtual machines. */
import type { KubernetesObject } from '../framework';
import { CONFIG_FINALIZER, MACHINE_FINALIZER } from './keys';
import { KubevirtConfig, Machine, NetworkConfiguration } from './kinds';
import { isOurs } from './profile';

export const machinesRemoval = {
  made: [],
  kept: [],
  ownKinds: [Machine, KubevirtConfig, NetworkConfiguration],
  finalizers: [MACHINE_FINALIZER, CONFIG_FINALIZER],
  // The stricter of the two readings: what may be another provider's keeps its finalizer, which operators of others share.
  isOurs: (object: KubernetesObject): boolean => object.kind !== Machine.kind || isOurs(object as Machine, 'first'),
};
