/**
 * Builds the cluster the process runs in from a kubeconfig: transport, client, informers.
 *
 * Owns: which part gets what. Never: starts anything.
 */
import type { KubeConfig } from '@kubernetes/client-node';
import { type ApiTransport, Credentials, HttpTransport, KubeClient, userAgentOf } from '../client';
import { Cluster, LOCAL_CLUSTER } from '../cluster/cluster';
import { ApiKindDiscovery } from '../cluster/kind-discovery';
import { CustomResourceDefinition } from '../kinds/core-kinds';
import type { Kind } from '../kinds/kind';
import type { FrameworkMetrics } from '../serving/metrics/framework-metrics';
import { createInformer, type Informer, type Selection, StormLimiter } from '../watch';
import type { CompiledOperatorOptions } from './operator-options';

export interface LocalCluster {
  readonly cluster: Cluster;
  readonly transport: ApiTransport;
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
  const { clock, logger, random } = options;
  const credentials = new Credentials(kubeConfig, clock);
  const transports: HttpTransport[] = [];
  const openTransport = (): HttpTransport => {
    const opened = new HttpTransport({
      cluster: LOCAL_CLUSTER,
      credentials,
      clock,
      userAgent: userAgentOf(options.version, options.name),
      metrics: metrics.api.hooks,
    });
    transports.push(opened);
    return opened;
  };
  const transport = openTransport();
  const client = new KubeClient({
    cluster: LOCAL_CLUSTER,
    transport,
    clock,
    random,
    fieldManager: options.fieldManager,
    managedBy: options.name,
    metrics: metrics.api.hooks,
  });
  const limiter = new StormLimiter(clock);
  const discovery = new ApiKindDiscovery({ transport, clock, logger, random });
  const informerOf = (kind: Kind, selection: Selection | undefined): Informer =>
    createInformer({
      kind,
      cluster: LOCAL_CLUSTER,
      transport,
      clock,
      logger,
      limiter,
      discovery,
      selection,
      transform: kind.trim === undefined ? undefined : (object) => kind.trim!(object),
      random,
      hooks: metrics.informers.hooks,
      freezeCache: options.freezeCache,
      stripLastApplied: options.stripLastApplied,
    });
  const cluster = new Cluster(LOCAL_CLUSTER, client, informerOf, discovery);
  let definitions: Informer | undefined;
  metrics.informers.observe(() => [...cluster.informers.list(), ...(definitions === undefined ? [] : [definitions])]);
  return {
    cluster,
    transport,
    scopeProblem: (kind) => discovery.scopeProblem(kind),
    leaseClient: (totalTimeoutMs) =>
      new KubeClient({
        cluster: LOCAL_CLUSTER,
        transport: openTransport(),
        clock,
        fieldManager: options.fieldManager,
        retry: false,
        totalTimeoutMs,
      }),
    start: () => {
      cluster.informers.start();
      if (cluster.informers.list().some(({ kind }) => kind.optional)) {
        definitions = informerOf(CustomResourceDefinition as Kind, { metadataOnly: true });
        definitions.subscribe(({ object }) => discovery.kick(object.metadata?.name));
        definitions.start();
      }
    },
    stop: async () => {
      await Promise.all([cluster.informers.stop(), definitions?.stop()]);
      discovery.stop();
      for (const opened of transports) opened.close();
    },
  };
}
