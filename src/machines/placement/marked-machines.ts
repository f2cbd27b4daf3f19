/**
 * Which clusters hold a virtual machine that is marked with the UID of a Machine, from the caches of engaged clusters.
 *
 * Owns: the index that finds a placement again whose record was lost. Invariant: at most one entry for each virtual machine that is
 * cached; it goes with the virtual machine or its cluster.
 */
import { singleton } from '../../framework';

@singleton()
export class MarkedMachines {
  /** Machine UID to cluster key to names of virtual machines. */
  private readonly clusters = new Map<string, Map<string, Set<string>>>();

  /** Sorted cluster keys. */
  clustersOf(machineUid: string): readonly string[] {
    return machineUid === '' ? [] : [...(this.clusters.get(machineUid)?.keys() ?? [])].sort();
  }

  add(machineUid: string, cluster: string, vm: string): void {
    const byCluster = this.clusters.get(machineUid) ?? new Map<string, Set<string>>();
    this.clusters.set(machineUid, byCluster);
    byCluster.set(cluster, (byCluster.get(cluster) ?? new Set()).add(vm));
  }

  remove(machineUid: string, cluster: string, vm: string): void {
    const byCluster = this.clusters.get(machineUid);
    const names = byCluster?.get(cluster);
    if (byCluster === undefined || names === undefined || !names.delete(vm) || names.size > 0) return;
    byCluster.delete(cluster);
    if (byCluster.size === 0) this.clusters.delete(machineUid);
  }

  /** The cluster is not followed any more. */
  forget(cluster: string): void {
    for (const [uid, byCluster] of this.clusters) {
      byCluster.delete(cluster);
      if (byCluster.size === 0) this.clusters.delete(uid);
    }
  }
}
