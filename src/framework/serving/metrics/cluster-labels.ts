/**
 * The value of the label `cluster`: the name for the first 200 clusters, then `other`, so that clusters that come and go by the hundred
 * cannot fill a metrics server.
 *
 * Invariant: a cluster keeps its label for the life of the process.
 */
import type { ClientMetrics } from '../../client/client-metrics';
import type { ClusterHooks } from '../../cluster/cluster-registry';
import type { InformerHooks, InformerLabels } from '../../watch/informer-hooks';
import type { ApiMetrics } from './api-metrics';
import type { ObservedInformer } from './informer-metrics';

const NAMED_CLUSTERS = 200;
const OTHER = 'other';

export class ClusterLabels {
  private readonly named = new Set<string>();

  of(cluster: string): string {
    if (this.named.has(cluster)) return cluster;
    if (this.named.size >= NAMED_CLUSTERS) return OTHER;
    this.named.add(cluster);
    return cluster;
  }

  client({ request, waiting, write, eventsDropped }: ClientMetrics): ClientMetrics {
    return {
      request: (sample) => request?.({ ...sample, cluster: this.of(sample.cluster) }),
      waiting: (cluster, calls) => waiting?.(this.of(cluster), calls),
      write: (sample) => write?.({ ...sample, cluster: this.of(sample.cluster) }),
      eventsDropped: (cluster, events) => eventsDropped?.(this.of(cluster), events),
    };
  }

  /** Clusters that share a label have no health in common, so only those with a name of their own are told. */
  health(metrics: Pick<ApiMetrics, 'judge' | 'succeeded' | 'forget'>): ClusterHooks {
    const named = (cluster: string, tell: () => void): void => {
      if (this.of(cluster) === cluster) tell();
    };
    return {
      engaged: (cluster) => named(cluster, () => metrics.judge(cluster, 'Connecting')),
      stateChanged: (cluster, state) => named(cluster, () => metrics.judge(cluster, state)),
      succeeded: (cluster) => named(cluster, () => metrics.succeeded(cluster)),
      disengaged: (cluster) => named(cluster, () => metrics.forget(cluster)),
    };
  }

  informers(hooks: InformerHooks): InformerHooks {
    const labelled = ({ cluster, kind }: InformerLabels): InformerLabels => ({ cluster: this.of(cluster), kind });
    return {
      relisted: (labels, reason) => hooks.relisted?.(labelled(labels), reason),
      lostEvent: (labels) => hooks.lostEvent?.(labelled(labels)),
      reconnected: (labels) => hooks.reconnected?.(labelled(labels)),
      indexError: (labels, index) => hooks.indexError?.(labelled(labels), index),
    };
  }

  informer(informer: ObservedInformer): ObservedInformer {
    const { kind, cluster, store } = informer;
    return { kind, cluster: this.of(cluster), store, status: () => informer.status() };
  }
}
