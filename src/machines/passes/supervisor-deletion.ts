/**
 * Takes everything of a Machine off the supervisor, its finalizer last.
 *
 * Owns: the NetworkConfiguration, claims that the older operator left, the finalizer. Never: a call to a remote cluster.
 * Invariant: runs only when nothing is left on the remote cluster, nothing ever was, or the user gave it up.
 */
import { type Cluster, ForbiddenError, type KubeClient, keyOf, type Logger, objectKey, PersistentVolumeClaim } from '../../framework';
import { MACHINE_FINALIZER } from '../keys';
import { Machine, NetworkConfiguration } from '../kinds';
import { configurationOwner } from '../network/network-configuration';
import type { MachinesSettings } from '../settings';
import { type OwnerIdentity, ownershipOf } from '../virtual-machine/ownership';

export interface SupervisorDeletion {
  readonly machine: Machine;
  readonly owner: OwnerIdentity;
  readonly supervisor: Cluster;
  readonly local: KubeClient;
  readonly settings: MachinesSettings;
  readonly log: Logger;
  readonly event: (type: 'normal' | 'warning', reason: string, note: string) => void;
}

/** @returns false while the NetworkConfiguration is still there. */
export async function deleteFromSupervisor(deletion: SupervisorDeletion): Promise<boolean> {
  if (!(await deleteConfiguration(deletion))) return false;
  if (deletion.settings.legacyPvcCleanup) await deleteLegacyClaims(deletion);
  await deletion.local.removeFinalizer(Machine, deletion.machine, MACHINE_FINALIZER);
  return true;
}

async function deleteConfiguration({ machine, local, settings, event }: SupervisorDeletion): Promise<boolean> {
  const key = keyOf(machine);
  const present = await local.find(NetworkConfiguration, key);
  if (present === undefined) return true;
  const owner = configurationOwner(present, machine, settings.managedBy);
  if (owner === 'by-hand' || owner === 'foreign') {
    event('warning', 'NetworkConfigurationLeft', `NetworkConfiguration ${key} is not managed by this Machine and was left`);
    return true;
  }
  const result = await local.delete(NetworkConfiguration, key, { uid: present.metadata?.uid ?? '' });
  return result !== 'deleting';
}

/** The first generation made disks beside the Machine, where they were of no use. */
async function deleteLegacyClaims({ local, owner, log }: SupervisorDeletion): Promise<void> {
  try {
    for await (const claim of local.list(PersistentVolumeClaim, { namespace: owner.namespace })) {
      if (ownershipOf(claim, owner) !== 'Legacy') continue;
      await local.delete(PersistentVolumeClaim, objectKey(owner.namespace, claim.metadata?.name ?? ''), { uid: claim.metadata?.uid ?? '' });
    }
  } catch (error) {
    if (!(error instanceof ForbiddenError)) throw error;
    log.warn('claims that the older operator left could not be cleaned up', { error });
  }
}
