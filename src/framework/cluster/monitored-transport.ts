/**
 * A transport that tells the health monitor how calls ended, and refuses them while the cluster is known not to answer.
 *
 * Owns: what an outcome says about the cluster. Never: repeats, delays or changes a call.
 */
import type { ApiRequest, ApiResponse, ApiStream, ApiTransport } from '../client/transport';
import { ApiError, TransportError } from '../errors/api-error';
import { ClusterUnavailableError } from '../errors/refusal-errors';
import type { HealthMonitor } from './health-monitor';

export interface MonitoredTransportOptions {
  /** Name in errors. */
  readonly cluster: string;
  readonly inner: ApiTransport;
  readonly monitor: Pick<HealthMonitor, 'feed' | 'refusesCalls' | 'health' | 'lastSeen'>;
  /** Refuse calls at once while the cluster does not answer. Informers are never refused: they have a backoff of their own. */
  readonly gated: boolean;
}

export class MonitoredTransport implements ApiTransport {
  constructor(private readonly options: MonitoredTransportOptions) {}

  async request(request: ApiRequest): Promise<ApiResponse> {
    this.refuse();
    return this.watched(() => this.options.inner.request(request));
  }

  async stream(request: ApiRequest): Promise<ApiStream> {
    this.refuse();
    const stream = await this.watched(() => this.options.inner.stream(request));
    return { status: stream.status, headers: stream.headers, body: this.heard(stream.body), close: () => stream.close() };
  }

  private refuse(): void {
    const { gated, monitor, cluster } = this.options;
    if (gated && monitor.refusesCalls) throw new ClusterUnavailableError(cluster, monitor.lastSeen, undefined, monitor.health.detail);
  }

  private async watched<R>(call: () => Promise<R>): Promise<R> {
    const { monitor } = this.options;
    try {
      const result = await call();
      monitor.feed({ type: 'success' });
      return result;
    } catch (error) {
      if (error instanceof TransportError) monitor.feed({ type: 'transport-failed', detail: error.message });
      else if (error instanceof ApiError && error.status === 401) monitor.feed({ type: 'unauthorized', detail: error.message });
      // A 5xx may come from one broken part behind an API server that is well, so it says nothing either way.
      else if (error instanceof ApiError && error.status < 500) monitor.feed({ type: 'success' });
      throw error;
    }
  }

  /** How a stream ends says nothing: proxies cut long ones, and the next connect tells. */
  private async *heard(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of body) {
      this.options.monitor.feed({ type: 'heard' });
      yield chunk;
    }
  }
}
