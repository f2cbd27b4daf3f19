/**
 * One connection to a remote cluster with its health: what one kubeconfig makes.
 *
 * Expected flow: made -> `start` -> probed until it answers -> `onReady` -> used -> `close`.
 * Guarantees: nothing is contacted before `start`; the turn to connect is waited for; after `close` nothing of it is left.
 */
import type { ApiTransport } from '../client/transport';
import type { ClusterConfig } from './cluster-config';
import type { HealthState } from './cluster-health';
import { Connection, type ConnectionSettings } from './connection';
import { type ConnectTurn, HealthMonitor } from './health-monitor';
import { MonitoredTransport } from './monitored-transport';

export interface RemoteLinkOptions {
  readonly cluster: string;
  readonly config: ClusterConfig;
  readonly settings: ConnectionSettings;
  readonly connectTurn: ConnectTurn;
  readonly onChange: (now: HealthState, before: HealthState) => void;
  readonly onSuccess: () => void;
}

export class RemoteLink {
  readonly monitor: HealthMonitor;
  readonly connection: Connection;
  /** For calls of handlers: refused at once while the cluster does not answer. */
  readonly calls: ApiTransport;
  /** It has answered once. */
  hasConnected = false;
  private swapped: ClusterConfig;

  constructor(options: RemoteLinkOptions) {
    const { cluster, config, settings, connectTurn, onChange, onSuccess } = options;
    const { qps, burst, maxInFlight, compress, health: numbers } = config.options;
    this.swapped = config;
    this.monitor = new HealthMonitor({
      ...{ clock: settings.clock, random: settings.random, numbers, connectTurn, onSuccess },
      probe: (signal) => this.askVersion(numbers.probeTimeoutMs, signal),
      onChange: (now, before) => {
        if (now.state === 'Ready') this.hasConnected = true;
        onChange(now, before);
      },
    });
    const { monitor } = this;
    this.connection = new Connection({
      ...{ cluster, settings, kubeConfig: config.kubeConfig },
      limits: {
        compress,
        ...(qps === undefined ? {} : { qps }),
        ...(burst === undefined ? {} : { burst }),
        ...(maxInFlight === undefined ? {} : { maxInFlight }),
      },
      observed: (inner) => new MonitoredTransport({ cluster, inner, monitor, gated: false }),
    });
    this.calls = new MonitoredTransport({ cluster, inner: this.connection.transport, monitor, gated: true });
  }

  get config(): ClusterConfig {
    return this.swapped;
  }

  /** It answers as far as is known. */
  get isUsable(): boolean {
    const { state } = this.monitor.health;
    return state === 'Ready' || state === 'Degraded';
  }

  start(): void {
    this.monitor.start();
  }

  /** Continues with another credential for the same server. */
  swap(config: ClusterConfig): void {
    this.swapped = config;
    this.connection.credentials.swap(config.kubeConfig);
    this.monitor.renewed();
  }

  async close(): Promise<void> {
    this.monitor.stop();
    await this.connection.close();
  }

  private async askVersion(totalTimeoutMs: number, signal: AbortSignal): Promise<string> {
    const { body } = await this.connection.transport.request({ method: 'GET', path: '/version', totalTimeoutMs, signal });
    const { gitVersion } = (body ?? {}) as { gitVersion?: unknown };
    return typeof gitVersion === 'string' ? gitVersion : '';
  }
}
