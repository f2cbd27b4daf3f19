/**
 * Whether a Machine's cluster can be worked on, for those who work on Machines.
 *
 * Owns: putting together what config, connection and checks say. Never: a network call.
 * Invariant: a cluster is usable only after its identity was read and is the one that Machines were placed on, and while nothing that work
 * there reads is refused from the start.
 */
import { type Cluster, singleton } from '../../framework';
import { CLUSTER_ID_ANNOTATION } from '../keys';
import type { KubevirtConfig } from '../kinds';
import { ClusterConnections } from './cluster-connections';
import { ClusterFindingsStore } from './cluster-findings';
import { type ClusterFacts, type ConfigStatus, hasChanged, judgeCluster } from './cluster-state';
import { ConfigDirectory } from './config-directory';
import { configNotFound } from './config-error';
import { PlacedMachines } from './placed-machines';

export type ClusterUse =
  | { readonly usable: true; readonly cluster: Cluster; readonly clusterId: string; readonly config: KubevirtConfig }
  | {
      readonly usable: false;
      readonly reason: ConfigStatus | 'ConfigNotFound';
      /** Names the cluster and the cause. */
      readonly message: string;
      /** It has to be asked again: nobody is told when it is over. */
      readonly isUntold?: boolean;
    };

/** A cluster without KubeVirt is there: calls will say what is missing, and what waits for it is told of its return. */
const WORKING: ReadonlySet<ConfigStatus> = new Set(['Connected', 'KubeVirtNotReady']);

@singleton()
export class MachineClusters {
  constructor(
    private readonly directory: ConfigDirectory,
    private readonly connections: ClusterConnections,
    private readonly findings: ClusterFindingsStore,
    private readonly placed: PlacedMachines,
  ) {}

  /** @param key of the cluster that a Machine is placed on, or is about to be. */
  use(key: string): ClusterUse {
    const config = this.directory.get(key);
    if (config === undefined) {
      return { usable: false, reason: 'ConfigNotFound', message: configNotFound(this.directory.placeOf(key)).message };
    }
    const judged = judgeCluster(this.facts(key, config));
    const cluster = this.connections.clusterOf(key);
    const clusterId = this.findings.get(key)?.clusterId;
    const works = judged !== undefined && WORKING.has(judged.status);
    const unlisted = works && cluster !== undefined ? unlistedProblem(cluster) : undefined;
    if (unlisted !== undefined) return { usable: false, ...unlisted, message: `cluster ${key}: ${unlisted.message}`, isUntold: true };
    if (works && cluster !== undefined && clusterId !== undefined) return { usable: true, cluster, clusterId, config };
    const cause = judged?.message ?? 'it is being connected';
    return { usable: false, reason: judged?.status ?? 'Disconnected', message: `cluster ${key}: ${cause}` };
  }

  /** Whether nobody can say yet, so that it has to be asked again; what is known for sure changes with its config, which tells. */
  isUndecided(key: string): boolean {
    const config = this.directory.get(key);
    const judged = config && judgeCluster(this.facts(key, config));
    return judged === undefined || WORKING.has(judged.status);
  }

  /** UID of the cluster, once it is known to be the one that Machines were placed on, or that nothing was placed on another. */
  identityOf(key: string): string | undefined {
    const config = this.directory.get(key);
    const facts = config && this.facts(key, config);
    return facts === undefined || hasChanged(facts) ? undefined : facts.findings?.clusterId;
  }

  facts(key: string, config: KubevirtConfig): ClusterFacts {
    const findings = this.findings.get(key);
    return {
      name: config.metadata?.name ?? '',
      problem: this.connections.problemOf(key),
      health: this.connections.clusterOf(key)?.health,
      findings,
      // A config that was made anew does not know; its Machines do.
      expectedId: config.metadata?.annotations?.[CLUSTER_ID_ANNOTATION] ?? this.placed.clusterIdOf(key, findings?.clusterId),
      machines: this.placed.count(key),
    };
  }
}

/** Why work on a cluster cannot begin: something that it needs was never listed, and that is more than a passing disturbance. */
function unlistedProblem({ informers }: Cluster): { readonly reason: ConfigStatus; readonly message: string } | undefined {
  for (const informer of informers.list()) {
    const { state, late, detail } = informer.status();
    if (informer.store.synced) continue;
    if (state === 'Denied') return { reason: 'Forbidden', message: detail };
    if (state === 'Backoff' && late) return { reason: 'ServerError', message: detail };
  }
  return undefined;
}
