/**
 * Builds the cluster the process runs in from a kubeconfig: transport, client, informers.
 *
 * Owns: which part gets what. Never: starts anything.
 */
import type { KubeConfig } from '@kubernetes/client-node';
import { type ApiTransport, Credentials, HttpTransport, KubeClient, userAgentOf } from '../client';
import { Cluster, LOCAL_CLUSTER } from '../cluster/cluster';
import { createInformer, PollingKindDiscovery, StormLimiter } from '../watch';
import type { CompiledOperatorOptions } from './operator-options';

export interface LocalCluster {
  readonly cluster: Cluster;
  readonly transport: ApiTransport;
  /** Closes every connection. */
  close(): void;
}

export function localCluster(kubeConfig: KubeConfig, options: CompiledOperatorOptions): LocalCluster {
  const { clock, logger, random } = options;
  const transport = new HttpTransport({
    cluster: LOCAL_CLUSTER,
    credentials: new Credentials({ kubeConfig, clock, cluster: LOCAL_CLUSTER }),
    clock,
    userAgent: userAgentOf(options.version, options.name),
  });
  const client = new KubeClient({
    cluster: LOCAL_CLUSTER,
    transport,
    clock,
    random,
    fieldManager: options.fieldManager,
    managedBy: options.name,
  });
  const limiter = new StormLimiter(clock);
  const discovery = new PollingKindDiscovery({ transport, clock, logger, random });
  const cluster = new Cluster(LOCAL_CLUSTER, client, (kind, selection) =>
    createInformer({
      kind,
      cluster: LOCAL_CLUSTER,
      transport,
      clock,
      logger,
      limiter,
      discovery,
      selection,
      transform: kind.trim,
      random,
      freezeCache: options.freezeCache,
      stripLastApplied: options.stripLastApplied,
    }),
  );
  return { cluster, transport, close: () => transport.close() };
}
