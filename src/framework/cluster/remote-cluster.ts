/**
 * A remote cluster over all its kubeconfigs: the `Cluster` that handlers see stays the same while connections come and go beneath it.
 *
 * Expected flow: `offer` a kubeconfig -> connect -> informers start -> (another credential: tried beside, swapped in place once it is let in |
 * another server: connected beside, taken over after its first sync) -> `close`.
 * Guarantees: a kubeconfig that is refused, by us or by the cluster, or does not connect never takes a working connection away; one that
 * does not work is not waited with: another credential is swapped in untried; stores stay readable; over a change of connection informers
 * deliver what differs; nothing is contacted for a kubeconfig that we refuse.
 * Assumptions: `offer` gets content that differs from what was offered last.
 * Caveats: while two connections to different servers exist both have their objects in memory.
 * Errors: none thrown; they are in `health` and in the log.
 */
import { type ApiTransport, KubeClient } from '../client';
import { ClusterUnavailableError } from '../errors/refusal-errors';
import { timestampOf } from '../time/timestamp';
import { Cluster, type ClusterContact, type ClusterDiscovery, type ClusterHealth } from './cluster';
import type { ClusterConfig } from './cluster-config';
import type { HealthState } from './cluster-health';
import type { ConnectionSettings } from './connection';
import { ConnectionBeside } from './connection-beside';
import { CredentialTrial } from './credential-trial';
import type { ConnectTurn } from './health-monitor';
import { RelaySet, type RelaySources } from './relay-set';
import { RemoteLink } from './remote-link';

export interface RemoteClusterOptions {
  readonly name: string;
  readonly settings: ConnectionSettings;
  readonly connectTurn: ConnectTurn;
  readonly onChange: (cluster: Cluster, now: ClusterHealth['state'], before: ClusterHealth['state']) => void;
  readonly onSuccess: (cluster: Cluster) => void;
  /** Later than the call of `offer` the newest kubeconfig came to be used in place of one for the same server, or was found not to work. */
  readonly onJudged: (cluster: Cluster) => void;
}

export class RemoteCluster {
  readonly cluster: Cluster;
  private readonly relays: RelaySet;
  private link: RemoteLink | undefined;
  /** What is tried while the link is in use. */
  private candidate: ConnectionBeside | CredentialTrial | undefined;
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
    void this.dropCandidate();
    const { link } = this;
    if (link === undefined || (!link.hasConnected && link.config.connectionHash !== config.connectionHash)) this.connect(config);
    else if (link.config.connectionHash !== config.connectionHash) this.connectBeside(config);
    else if (link.isUsable) this.tryBeside(config);
    else link.swap(config);
  }

  /** The newest kubeconfig may not be used; a connection that works goes on. */
  refuse(reason: string): void {
    void this.dropCandidate();
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
    const { link } = this;
    await Promise.all([this.dropCandidate(), link?.close(), this.cluster.informers.stop(), this.attaching]);
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
      onLate: (reason) => this.judge(reason),
    });
    this.candidate.start();
  }

  private tryBeside(config: ClusterConfig): void {
    const { name: cluster, settings, connectTurn } = this.options;
    this.log('info', 'trying another credential beside the one in use', {});
    const trial = new CredentialTrial({
      ...{ cluster, config, settings, connectTurn },
      onAdmitted: () => this.swapIn(config),
      onProblem: (reason) => this.judge(reason),
    });
    this.candidate = trial;
    trial.start();
  }

  /** The connection in use goes on with it: nothing is listed anew. */
  private swapIn(config: ClusterConfig): void {
    void this.dropCandidate();
    this.link!.swap(config);
    this.log('info', 'another credential is in use now', {});
    this.judge(undefined);
  }

  /** @param problem why the newest kubeconfig is not in use; `undefined` = it is. */
  private judge(problem: string | undefined): void {
    this.problem = problem;
    if (problem !== undefined) this.log('error', 'new kubeconfig does not work, the connection before stays in use', { reason: problem });
    this.options.onJudged(this.cluster);
  }

  /** The credential in use is refused: one that was not is used at once, and one that was gets another chance. */
  private replaceRefused(): void {
    const { candidate } = this;
    if (!(candidate instanceof CredentialTrial)) return;
    if (candidate.isRefused) candidate.askAgain();
    else this.swapIn(candidate.config);
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

  /** Resolves when nothing of it is left. */
  private async dropCandidate(): Promise<void> {
    const { candidate } = this;
    this.candidate = undefined;
    await candidate?.close();
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
        if (now.state === 'AuthFailed') this.replaceRefused();
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
