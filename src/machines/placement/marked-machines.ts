/**
 * Which clusters hold a virtual machine that is marked with the UID of a Machine, from the caches of engaged clusters.
 *
 * Owns: finding a placement again whose record was lost. Never: a network call. Only objects with the mark of this supervisor are cached.
 */
import { ClusterRegistry, singleton } from '../../framework';
import { keyOfCluster } from '../clusters/cluster-key';
import { storeOf } from '../network/mac-reservations';
import { BY_MACHINE } from '../passes/machine-pass-context';
import { SupervisorApi } from '../supervisor-api';
import { RemoteVirtualMachine } from '../virtual-machine/remote-objects';

@singleton()
export class MarkedMachines {
  constructor(
    private readonly clusters: ClusterRegistry,
    private readonly api: SupervisorApi,
  ) {}

  /** Sorted cluster keys. */
  clustersOf(machineUid: string): readonly string[] {
    if (machineUid === '') return [];
    return this.clusters
      .remotes()
      .filter((cluster) => (storeOf(cluster, RemoteVirtualMachine)?.by(BY_MACHINE, machineUid).length ?? 0) > 0)
      .map(({ name }) => keyOfCluster(name, this.api.home))
      .sort();
  }
}
