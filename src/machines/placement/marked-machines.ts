/**
 * Which clusters hold objects that are marked with the UID of a Machine, from the caches of engaged clusters.
 *
 * Owns: finding a placement again whose record was lost. Never: a network call. Only objects with the mark of this supervisor are cached.
 */
import { type Cluster, ClusterRegistry, type Kind, singleton } from '../../framework';
import { ClusterFindingsStore } from '../clusters/cluster-findings';
import { clusterNameOf, keyOfCluster } from '../clusters/cluster-key';
import type { Machine } from '../kinds';
import { storeOf } from '../network/mac-reservations';
import { BY_MACHINE } from '../passes/machine-pass-context';
import { SupervisorApi } from '../supervisor-api';
import { RemoteClaimKind, RemoteDataVolume, RemoteVirtualMachine } from '../virtual-machine/remote-objects';

/** Disks outlive their virtual machine. */
const DISKS: readonly Kind[] = [RemoteClaimKind as Kind, RemoteDataVolume as Kind];
const MARKED: readonly Kind[] = [RemoteVirtualMachine as Kind, ...DISKS];

@singleton()
export class MarkedMachines {
  constructor(
    private readonly clusters: ClusterRegistry,
    private readonly api: SupervisorApi,
    private readonly findings: ClusterFindingsStore,
  ) {}

  /** Sorted keys of the clusters with its virtual machine; where there is none of it, of those with its disks. A cluster counts once. */
  clustersOf(machine: Machine): readonly string[] {
    const found = this.clustersWith([RemoteVirtualMachine as Kind], machine);
    return this.findings.distinct(found.length > 0 ? found : this.clustersWith(DISKS, machine));
  }

  /** Those of the clusters that have not told yet what they hold, sorted. One that has told and is silent since still counts. */
  unheard(keys: readonly string[]): readonly string[] {
    return keys.filter((key) => !hasTold(this.clusters.get(clusterNameOf(key, this.api.home)))).sort();
  }

  private clustersWith(kinds: readonly Kind[], { metadata: { uid = '', namespace } = {} }: Machine): readonly string[] {
    if (uid === '') return [];
    // Copies that somebody made elsewhere have the same marks.
    const isThere = (cluster: Cluster, kind: Kind): boolean =>
      storeOf(cluster, kind)
        ?.by(BY_MACHINE, uid)
        .some(({ metadata }) => metadata?.namespace === namespace) === true;
    return this.clusters
      .remotes()
      .filter((cluster) => kinds.some((kind) => isThere(cluster, kind)))
      .map(({ name }) => keyOfCluster(name, this.api.home))
      .sort();
  }
}

function hasTold(cluster: Cluster | undefined): boolean {
  if (cluster === undefined) return false;
  return MARKED.every((kind) => storeOf(cluster, kind)?.synced === true || (kind.optional && cluster.availability(kind) === 'absent'));
}
