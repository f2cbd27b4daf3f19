/**
 * A remote cluster over all its kubeconfigs: the `Cluster` that handlers see stays the same while connections come and go beneath it.
 *
 * Expected flow: `offer` a kubeconfig -> connect -> informers start -> (another credential: swapped in place | another server: connected
 * beside, taken over after its first sync) -> `close`.
 * Guarantees: a kubeconfig that is refused or does not connect never takes a working connection away; stores stay readable; over a
 * change of connection informers deliver what differs; nothing is contacted for a refused kubeconfig.
 * Assumptions: `offer` gets content that differs from what was offered last.
 * Caveats: while two connections exist both have their objects in memory. Another credential for the same server is not tried beside the one
 * in use: where it is refused, the cluster is `AuthFailed` until a good one is offered.
 * Errors: none thrown; they are in `health` and in the log.
 */
import { type ApiTransport, KubeClient } from '../client';
import { ClusterUnavailableError } from '../errors/refusal-errors';
import { timestampOf } from '../time/timestamp';
import { Cluster, type ClusterContact, type ClusterDiscovery, type ClusterHealth } from './cluster';
import type { ClusterConfig } from './cluster-config';
import type { HealthState } from './cluster-health';
import type { ConnectionSettings } from './connection';
import { ConnectionBeside, TAKE_OVER_MS } from './connection-beside';
import type { ConnectTurn } from './health-monitor';
import { RelaySet, type RelaySources } from './relay-set';
import { RemoteLink } from './remote-link';

export interface RemoteClusterOptions {
  readonly name: string;
  readonly settings: ConnectionSettings;
  readonly connectTurn: ConnectTurn;
  readonly onChange: (cluster: Cluster, now: ClusterHealth['state'], before: ClusterHealth['state']) => void;
  readonly onSuccess: (cluster: Cluster) => void;
}

export class RemoteCluster {
  readonly cluster: Cluster;
  private readonly relays: RelaySet;
  private link: RemoteLink | undefined;
  /** What is tried while the link is in use. */
  private candidate: ConnectionBeside | undefined;
  private readonly answerListeners = new Set<() => void>();
  /** Why the newest kubeconfig is not in use. */
  private problem: string | undefined;
  private refusedSince: string | undefined;
  private isClosed = false;
  /** Informers change their source. */
  private attaching: Promise<void> | undefined;

  constructor(private readonly options: RemoteClusterOptions) {
    const { name, settings } = options;
    const transport: ApiTransport = {
      request: async (request) => this.transport().request(request),
      stream: async (request) => this.transport().stream(request),
    };
    const { clock, random, fieldManager, managedBy, adoptedManagers, clientMetrics: metrics } = settings;
    const requestTimeoutMs = (): number | undefined => this.link?.config.options.requestTimeoutMs;
    const client = new KubeClient({
      ...{ cluster: name, transport, clock, random, fieldManager, managedBy, adoptedManagers, metrics },
      // Of the connection that is in use when the call is made.
      get totalTimeoutMs() {
        return requestTimeoutMs();
      },
    });
    const discovery: ClusterDiscovery = {
      lastAnswer: (kind) => this.link?.connection.discovery.lastAnswer(kind) ?? 'unknown',
      onAnswer: (listener) => {
        this.answerListeners.add(listener);
        return () => this.answerListeners.delete(listener);
      },
    };
    this.relays = new RelaySet({ cluster: name, log: settings.logger, detail: () => this.cluster.health.detail });
    this.cluster = new Cluster(
      name,
      client,
      (kind, select) => this.relays.create(kind, select, this.link?.hasConnected === true && !this.isClosed ? this.link : undefined),
      discovery,
      this.contact(),
    );
  }

  /** Uses a kubeconfig from now on, or says in `health` why not. */
  offer(config: ClusterConfig): void {
    this.problem = undefined;
    this.dropCandidate();
    const { link } = this;
    if (link === undefined || (!link.hasConnected && link.config.connectionHash !== config.connectionHash)) this.connect(config);
    else if (link.config.connectionHash === config.connectionHash) link.swap(config);
    else this.connectBeside(config);
  }

  /** The newest kubeconfig may not be used; a connection that works goes on. */
  refuse(reason: string): void {
    this.dropCandidate();
    this.problem = reason;
    if (this.link?.hasConnected === true) {
      this.log('warn', 'new kubeconfig is refused, the connection before stays in use', { reason });
      return;
    }
    const before = this.cluster.health.state;
    void this.link?.close();
    this.link = undefined;
    this.refusedSince = timestampOf(this.options.settings.clock.now());
    this.log('warn', 'kubeconfig is refused', { reason });
    this.options.onChange(this.cluster, 'Refused', before);
  }

  /** Stops informers, aborts calls and closes connections. Resolves when nothing of it is left. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.dropCandidate();
    const link = this.link;
    await Promise.all([link?.close(), this.cluster.informers.stop(), this.attaching]);
  }

  private connect(config: ClusterConfig): void {
    void this.link?.close();
    this.link = this.createLink(config, () => this.begin());
    this.link.start();
  }

  /** The first connection answers: informers may start. */
  private begin(): void {
    this.refusedSince = undefined;
    void this.relays.attach(this.relays.prepare(this.link!));
    this.cluster.informers.start();
  }

  private connectBeside(config: ClusterConfig): void {
    this.log('info', 'connecting beside the connection in use', {});
    this.candidate = new ConnectionBeside({
      ...{ clock: this.options.settings.clock, relays: this.relays },
      createLink: (onConnected) => this.createLink(config, onConnected),
      isOtherUsable: () => this.link?.isUsable === true,
      onListed: (link, sources) => this.takeOver(link, sources),
      onLate: (why) => {
        this.problem = `the new connection was not ready within ${TAKE_OVER_MS / 1_000} s: ${why}`;
        this.log('error', 'new kubeconfig does not connect', { reason: why });
      },
    });
    this.candidate.start();
  }

  /** @returns false while the differences of the last time are still being delivered. */
  private takeOver(link: RemoteLink, sources: RelaySources): boolean {
    if (this.attaching !== undefined) return false;
    const old = this.link;
    this.candidate = undefined;
    this.link = link;
    this.problem = undefined;
    this.attaching = this.relays
      .attach(this.relays.prepare(link, sources))
      .then(() => old?.close())
      .then(() => {
        this.attaching = undefined;
        this.log('info', 'another connection is in use now', {});
      });
    // Whatever state the old one was in: it may be another cluster, and who remembers something of it has to look again.
    this.options.onChange(this.cluster, link.monitor.health.state, 'Connecting');
    return true;
  }

  private dropCandidate(): void {
    void this.candidate?.close();
    this.candidate = undefined;
  }

  private createLink(config: ClusterConfig, onConnected: () => void): RemoteLink {
    const { name, settings, connectTurn, onChange, onSuccess } = this.options;
    const link: RemoteLink = new RemoteLink({
      ...{ cluster: name, config, settings, connectTurn },
      onSuccess: () => {
        if (this.link === link) onSuccess(this.cluster);
      },
      onChange: (now, before) => {
        const isFirst = now.state === 'Ready' && !hasBegun;
        if (isFirst) {
          hasBegun = true;
          onConnected();
        }
        if (this.link !== link || now.state === before.state) return;
        // It answers: no informer needs to sit out its backoff.
        if (now.state === 'Ready') this.relays.hurry();
        this.logChange(now, before);
        onChange(this.cluster, now.state, before.state);
      },
    });
    let hasBegun = false;
    link.connection.discovery.onAnswer(() => {
      if (this.link !== link) return;
      for (const listener of this.answerListeners) listener();
    });
    return link;
  }

  private transport(): ApiTransport {
    if (this.link !== undefined && !this.isClosed) return this.link.calls;
    const detail = this.isClosed ? 'it was disengaged' : this.problem;
    throw new ClusterUnavailableError(this.cluster.name, this.cluster.lastSeen, undefined, detail);
  }

  private contact(): ClusterContact {
    const remote = this;
    return {
      get health(): ClusterHealth {
        const { link, problem } = remote;
        if (link === undefined) return { state: 'Refused', since: remote.refusedSince ?? '', detail: problem ?? '', problem };
        const { state, detail } = link.monitor.health;
        return { state, since: link.monitor.since, detail, problem };
      },
      get version(): string | undefined {
        return remote.link?.monitor.version;
      },
      get revision(): string | undefined {
        return remote.link?.config.options.revision;
      },
      get lastSeen(): string | undefined {
        return remote.link?.monitor.lastSeen;
      },
    };
  }

  private logChange(now: HealthState, before: HealthState): void {
    const level = now.state === 'Ready' || now.state === 'Connecting' || now.state === 'Degraded' ? 'info' : 'warn';
    this.log(level, 'cluster changed its state', { state: now.state, before: before.state, reason: now.detail });
  }

  private log(level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>): void {
    this.options.settings.logger[level](message, { cluster: this.options.name, ...fields });
  }
}
