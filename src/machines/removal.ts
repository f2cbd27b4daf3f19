/** What the manager has made for machines: nothing in its own namespace. Objects stay, and with them their virtual machines. */

import { CONFIG_FINALIZER, MACHINE_FINALIZER } from './keys';
import { KubevirtConfig, Machine, NetworkConfiguration } from './kinds';

export const machinesRemoval = {
  made: [],
  kept: [],
  ownKinds: [Machine, KubevirtConfig, NetworkConfiguration],
  finalizers: [MACHINE_FINALIZER, CONFIG_FINALIZER],
};
