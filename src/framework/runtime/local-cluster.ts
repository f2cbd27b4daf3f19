/**
 * Builds the cluster the process runs in from a kubeconfig: connection, client, informers.
 *
 * Owns: which part gets what. Never: starts anything; refuses calls: an outage of this cluster is for everybody to wait out.
 */
import type { KubeConfig } from '@kubernetes/client-node';
import { type ApiTransport, KubeClient, userAgentOf } from '../client';
import { Cluster, LOCAL_CLUSTER } from '../cluster/cluster';
import { Connection, type ConnectionSettings } from '../cluster/connection';
import { compileEngageOptions } from '../cluster/engage-options';
import { HealthMonitor } from '../cluster/health-monitor';
import { MonitoredTransport } from '../cluster/monitored-transport';
import type { Kind } from '../kinds/kind';
import type { FrameworkMetrics } from '../serving/metrics/framework-metrics';
import type { CompiledOperatorOptions } from './operator-options';

export interface LocalCluster {
  readonly cluster: Cluster;
  readonly transport: ApiTransport;
  /** What connections to other clusters have in common with this one. */
  readonly settings: ConnectionSettings;
  /** See ApiKindDiscovery. */
  scopeProblem(kind: Kind): Promise<string | undefined>;
  /** A client with connections and limits of its own that repeats nothing: what keeps the Lease must not wait behind other calls. */
  leaseClient(totalTimeoutMs: number): KubeClient;
  /** Starts all informers, and with them the watch on definitions when some kind may be absent. */
  start(): void;
  /** Stops them and closes every connection. */
  stop(): Promise<void>;
}

export function localCluster(kubeConfig: KubeConfig, options: CompiledOperatorOptions, metrics: FrameworkMetrics): LocalCluster {
  const { clock, logger, random, fieldManager, adoptedManagers, freezeCache, stripLastApplied, namespace, name: managedBy } = options;
  const userAgent = userAgentOf(options.version, options.name);
  const settings: ConnectionSettings = {
    ...{ clock, logger, random, userAgent, namespace, fieldManager, managedBy, adoptedManagers, freezeCache, stripLastApplied },
    clientMetrics: metrics.clusters.client(metrics.api.hooks),
    informerHooks: metrics.clusters.informers(metrics.informers.hooks),
  };
  // Never started: its health is what calls and informers meet with, without a probe.
  const monitor = new HealthMonitor({
    ...{ clock, random, numbers: compileEngageOptions().health },
    probe: () => Promise.resolve(''),
    connectTurn: () => Promise.resolve(() => undefined),
  });
  const observed = (inner: ApiTransport): ApiTransport => new MonitoredTransport({ cluster: LOCAL_CLUSTER, inner, monitor, gated: false });
  const connection = new Connection({ cluster: LOCAL_CLUSTER, kubeConfig, settings, observed });
  const transport = observed(connection.transport);
  const client = new KubeClient({
    ...{ cluster: LOCAL_CLUSTER, transport, clock, random, fieldManager, managedBy, adoptedManagers },
    metrics: settings.clientMetrics,
  });
  const contact = {
    get health() {
      return { ...monitor.health, since: monitor.since, problem: undefined };
    },
    version: undefined,
    revision: undefined,
    get lastSeen() {
      return monitor.lastSeen;
    },
  };
  const cluster = new Cluster(
    LOCAL_CLUSTER,
    client,
    (kind, selection) => connection.createInformer(kind, selection),
    connection.discovery,
    contact,
  );
  const { informers } = cluster;
  metrics.informers.observe(() => [...informers.list(), ...informers.accompanying, ...connection.ownInformers]);
  return {
    cluster,
    transport,
    settings,
    scopeProblem: (kind) => connection.discovery.scopeProblem(kind),
    leaseClient: (totalTimeoutMs) => {
      const own = connection.openTransport();
      return new KubeClient({ cluster: LOCAL_CLUSTER, transport: own, clock, fieldManager, retry: false, totalTimeoutMs });
    },
    start: () => {
      cluster.informers.start();
      if (cluster.informers.list().some(({ kind }) => kind.optional)) connection.watchDefinitions();
    },
    stop: async () => {
      monitor.stop();
      await Promise.all([cluster.informers.stop(), connection.close()]);
    },
  };
}
