/**
 * The clusters an operator works with: the one it runs in, and remote ones that come and go while it runs.
 *
 * Expected flow: `engage` -> Connecting -> Ready -> ... -> `disengage`; `engage` again with other content changes the connection.
 * Guarantees: `engage` and `disengage` resolve within 5 s whatever the remote does; one remote costs another one nothing; content that
 * is equal changes nothing; a refused kubeconfig causes no contact.
 * Assumptions: names are stable: they are in keys, logs and metrics.
 * Caveats: `engage` resolves before the cluster is connected; `health` tells.
 * Errors: RangeError for a bad name or option; everything else is in the health of the cluster.
 */
import type { ClientMetrics } from '../client';
import { isOperatorError } from '../errors/operator-error';
import { sleep } from '../time/sleep';
import { type Cluster, type ClusterHealth, LOCAL_CLUSTER } from './cluster';
import { contentHash, type KubeconfigSource, readClusterConfig } from './cluster-config';
import { ConnectTurns } from './connect-turns';
import type { ConnectionSettings } from './connection';
import { compileEngageOptions, type EngageOptions } from './engage-options';
import { RemoteCluster } from './remote-cluster';

/** What happens to a remote cluster. */
export type ClusterChange =
  | { readonly type: 'engaged' | 'disengaged'; readonly cluster: Cluster }
  /** It works from now on; what waited for it may go on. */
  | { readonly type: 'recovered'; readonly cluster: Cluster }
  /** It does not, for another reason than before. */
  | { readonly type: 'lost'; readonly cluster: Cluster }
  /**
   * It is known what becomes of the newest kubeconfig, while the cluster is as it was: `revision` or `health.problem` is another one. Not told
   * of what `engage` has found at once, nor of another server, which is `recovered`.
   */
  | { readonly type: 'judged'; readonly cluster: Cluster };

/** Whoever ends work of a disengaged cluster returns a promise; it is waited for, but not for long. */
export type ClusterListener = (change: ClusterChange) => void | Promise<void>;

/** Observation points for metrics; inline and quick. */
export interface ClusterHooks {
  /** From now on it is reported on; it is Connecting. */
  engaged?(cluster: string): void;
  /** Called from the first change on, which is to Ready in the best case. */
  stateChanged?(cluster: string, state: ClusterHealth['state']): void;
  /** Something was received; called often. */
  succeeded?(cluster: string): void;
  /** Nothing is reported of it any more. */
  disengaged?(cluster: string): void;
}

export interface ClusterRegistryOptions {
  readonly local: Cluster;
  readonly settings: ConnectionSettings;
  readonly hooks?: ClusterHooks;
}

interface Engaged {
  readonly remote: RemoteCluster;
  content: string;
}

/** What ends takes no longer than this. */
const END_MS = 4_500;

export class ClusterRegistry {
  private readonly engaged = new Map<string, Engaged>();
  private readonly listeners = new Set<ClusterListener>();
  private readonly turns = new ConnectTurns();
  private readonly endings = new Set<Promise<void>>();
  private isClosed = false;

  constructor(private readonly options: ClusterRegistryOptions) {}

  /** The cluster the process runs in. */
  get local(): Cluster {
    return this.options.local;
  }

  /** Where clients of remote clusters report to. */
  get clientMetrics(): ClientMetrics | undefined {
    return this.options.settings.clientMetrics;
  }

  /** @returns `undefined` when no cluster of this name is engaged. */
  get(name: string): Cluster | undefined {
    return name === LOCAL_CLUSTER ? this.local : this.engaged.get(name)?.remote.cluster;
  }

  /** Engaged clusters, without the local one. */
  remotes(): readonly Cluster[] {
    return [...this.engaged.values()].map(({ remote }) => remote.cluster);
  }

  /** Told of every change, inline, in the order of subscription. @returns ends the subscription. */
  subscribe(listener: ClusterListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * Works with a remote cluster from now on, or goes on with other content: another credential is tried beside the one in use and swapped in
   * place once the cluster lets it in, anything else is connected beside the connection in use and takes over once it has listed everything.
   * While the connection in use does not work, another credential is swapped in at once.
   *
   * @param config text or bytes of a kubeconfig, or a loaded one; only its current context counts.
   * @returns the cluster, in whatever state it is.
   * @throws {RangeError} for a bad name or option, or after `close`.
   */
  async engage(name: string, config: KubeconfigSource, options: EngageOptions = {}): Promise<Cluster> {
    if (name === '' || name === LOCAL_CLUSTER)
      throw new RangeError(`a remote cluster is named "${name}"; allowed: text other than "${LOCAL_CLUSTER}"`);
    if (this.isClosed) throw new RangeError(`cluster ${name} cannot be engaged: the operator is stopping`);
    const compiled = compileEngageOptions(options);
    const content = contentHash(config, compiled);
    const known = this.engaged.get(name);
    if (known?.content === content) return known.remote.cluster;
    const { remote } = known ?? this.add(name, content);
    if (known !== undefined) known.content = content;
    try {
      remote.offer(readClusterConfig(name, config, compiled));
    } catch (error) {
      if (!isOperatorError(error, 'PERMANENT')) throw error;
      remote.refuse(error.message);
    }
    return remote.cluster;
  }

  /** Stops informers, aborts calls and forgets queues of a cluster. A name that is not engaged is no error. */
  async disengage(name: string): Promise<void> {
    const known = this.engaged.get(name);
    if (known === undefined) return;
    this.engaged.delete(name);
    const { remote } = known;
    const ended = Promise.all([...this.tell({ type: 'disengaged', cluster: remote.cluster }), remote.close()]);
    this.options.settings.logger.info('cluster was disengaged', { cluster: name });
    const ending = this.atMost(ended).finally(() => this.endings.delete(ending));
    this.endings.add(ending);
    await ending;
    // Calls that were aborted have reported by now.
    if (!this.engaged.has(name)) this.options.hooks?.disengaged?.(name);
  }

  /** Disengages every cluster; none can be engaged afterwards. */
  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all([...[...this.engaged.keys()].map((name) => this.disengage(name)), ...this.endings]);
  }

  private add(name: string, content: string): Engaged {
    const remote: RemoteCluster = new RemoteCluster({
      name,
      settings: this.options.settings,
      connectTurn: (signal) => this.turns.take(signal),
      onChange: (cluster, now, before) => this.changed(cluster, now, before),
      onSuccess: ({ name: of }) => this.options.hooks?.succeeded?.(of),
      onJudged: (cluster) => this.judged(cluster),
    });
    const entry: Engaged = { remote, content };
    this.engaged.set(name, entry);
    this.options.hooks?.engaged?.(name);
    this.tell({ type: 'engaged', cluster: remote.cluster });
    return entry;
  }

  private changed(cluster: Cluster, now: ClusterHealth['state'], before: ClusterHealth['state']): void {
    this.options.hooks?.stateChanged?.(cluster.name, now);
    if (this.engaged.get(cluster.name)?.remote.cluster !== cluster) return;
    if (now === 'Ready' && before !== 'Degraded') this.tell({ type: 'recovered', cluster });
    else if (now === 'Unreachable' || now === 'AuthFailed' || now === 'Refused') this.tell({ type: 'lost', cluster });
  }

  private judged(cluster: Cluster): void {
    if (this.engaged.get(cluster.name)?.remote.cluster === cluster) this.tell({ type: 'judged', cluster });
  }

  /** One listener's mistake is not the next one's. */
  private tell(change: ClusterChange): Promise<void>[] {
    const fail = (error: unknown): void =>
      this.options.settings.logger.error('a cluster listener failed', { cluster: change.cluster.name, change: change.type, error });
    return [...this.listeners].map(async (listener) => {
      try {
        await listener(change);
      } catch (error) {
        fail(error);
      }
    });
  }

  private async atMost(ended: Promise<unknown>): Promise<void> {
    const limit = new AbortController();
    const timeout = sleep(this.options.settings.clock, END_MS, limit.signal).catch(() => undefined);
    try {
      await Promise.race([ended, timeout]);
    } finally {
      limit.abort();
    }
  }
}
