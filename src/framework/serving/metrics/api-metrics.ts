/**
 * Calls to API servers: how many, how long, how they ended, and whether a cluster answers at all.
 *
 * Owns: names, labels and buckets. Invariant: no label holds a path or an object's name.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ClientMetrics, RequestSample } from '../../client/client-metrics';
import type { ClusterHealth } from '../../cluster/cluster';
import type { Clock } from '../../time/clock';

/** @source k8s.io/component-base/metrics/prometheus/restclient, requestLatency */
const REQUEST_SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

export class ApiMetrics {
  /** What clients, transports and Event recorders of every cluster report to. */
  readonly hooks: ClientMetrics;
  private readonly requests: Counter<'code' | 'method' | 'cluster'>;
  private readonly durations: Histogram<'verb' | 'cluster'>;
  private readonly up: Gauge<'cluster'>;
  private readonly lastSuccess: Gauge<'cluster'>;
  /** Clusters whose health is told, which knows more than the last request. */
  private readonly judged = new Set<string>();

  constructor(
    registry: Registry,
    private readonly clock: Clock,
  ) {
    const registers = [registry];
    this.requests = new Counter({
      name: 'rest_client_requests_total',
      help: 'Requests to an API server; the code is <error> when no answer came.',
      labelNames: ['code', 'method', 'cluster'],
      registers,
    });
    this.durations = new Histogram({
      name: 'rest_client_request_duration_seconds',
      help: 'Duration of requests to an API server; of watches, until the answer began.',
      labelNames: ['verb', 'cluster'],
      buckets: REQUEST_SECONDS,
      registers,
    });
    const cluster = ['cluster'] as const;
    this.up = new Gauge({
      name: 'steward_cluster_up',
      help: 'Whether a cluster answers: of the local one the last request was answered, a remote one is Ready or Degraded.',
      labelNames: cluster,
      registers,
    });
    this.lastSuccess = new Gauge({
      name: 'steward_cluster_last_success_timestamp_seconds',
      help: 'Unix time of the last request to a cluster that was answered.',
      labelNames: cluster,
      registers,
    });
    const waiting = new Gauge({
      name: 'steward_client_waiting',
      help: 'Requests that wait because as many as allowed are under way.',
      labelNames: cluster,
      registers,
    });
    const writes = new Counter({
      name: 'steward_api_writes_total',
      help: 'Writes to API servers by what came of them.',
      labelNames: ['kind', 'verb', 'result'],
      registers,
    });
    const dropped = new Counter({
      name: 'steward_kubernetes_events_dropped_total',
      help: 'Kubernetes Events that were not sent.',
      registers,
    });
    this.hooks = {
      request: (sample) => this.request(sample),
      waiting: (name, calls) => waiting.set({ cluster: name }, calls),
      write: ({ kind, verb, result }) => writes.inc({ kind, verb, result }),
      eventsDropped: (_cluster, events) => dropped.inc(events),
    };
  }

  /** The health of a remote cluster; from now on it decides, not the outcome of single requests. */
  judge(cluster: string, state: ClusterHealth['state']): void {
    this.judged.add(cluster);
    this.up.set({ cluster }, state === 'Ready' || state === 'Degraded' ? 1 : 0);
  }

  /** A remote cluster has answered. */
  succeeded(cluster: string): void {
    this.lastSuccess.set({ cluster }, this.clock.now() / 1_000);
  }

  /** Takes everything about a cluster out that is left. */
  forget(cluster: string): void {
    this.judged.delete(cluster);
    for (const gauge of [this.up, this.lastSuccess]) gauge.remove({ cluster });
  }

  private request({ cluster, method, verb, code, durationSeconds }: RequestSample): void {
    this.requests.inc({ code, method, cluster });
    this.durations.observe({ verb, cluster }, durationSeconds);
    const isAnswered = isAnswer(code);
    if (!this.judged.has(cluster)) this.up.set({ cluster }, isAnswered ? 1 : 0);
    if (isAnswered) this.lastSuccess.set({ cluster }, this.clock.now() / 1_000);
  }
}

/** A refusal is an answer as well; what a broken server or a proxy in front of it says is none. */
function isAnswer(code: string): boolean {
  const status = Number(code);
  return status >= 100 && status < 500;
}
