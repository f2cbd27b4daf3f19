/**
 * Runs handlers on every cluster they are bound to: the local one from the start, remote ones while they are engaged.
 *
 * Expected flow: `connect` -> informers start -> `activate` -> remote clusters are engaged, synced, activated, lost, disengaged -> stop.
 * Guarantees: each cluster has queues and workers of its own; handlers of a remote begin once it has listed everything they are bound to,
 * and no other cluster waits for that; what was parked for a cluster goes on when it is back.
 * Assumptions: the registry of clusters tells every change, in order.
 * Caveats: handlers of a disengaged cluster see no deletions; `clusterChanges` tells.
 * Errors: a source of a virtual kind that does not start for a remote cluster is logged.
 */
import { EventRecorder } from '../client';
import type { Cluster } from '../cluster/cluster';
import type { ClusterChange } from '../cluster/cluster-registry';
import type { Timer } from '../time/clock';
import { ClusterWork, type ClusterWorkOptions } from './cluster-work';
import { DeclaredWatches } from './declared-watches';
import type { KeyController } from './key-controller';

export type FleetOptions = Omit<ClusterWorkOptions, 'cluster' | 'watchesOf' | 'localEvents'>;

/** How often a remote cluster that answers is asked whether it has listed everything. */
const LOOK_MS = 100;

export class Fleet {
  private readonly works = new Map<string, ClusterWork>();
  /** Subscriptions of one cluster's handlers at another cluster: from, to, end. */
  private readonly attachments: { readonly from: ClusterWork; readonly to: string; readonly end: () => void }[] = [];
  private readonly looks = new Map<string, Timer>();
  private readonly watches: DeclaredWatches;
  private unsubscribe: (() => void) | undefined;
  private isActive = false;

  constructor(private readonly options: FleetOptions) {
    this.watches = new DeclaredWatches(options.instances);
  }

  /** Declares every informer of the local cluster, and follows the remote ones from now on. Nothing is contacted. */
  connect(): void {
    const { clusters, events } = this.options;
    this.add(clusters.local, events);
    this.unsubscribe = clusters.subscribe((change) => this.onChange(change));
  }

  /** Controllers of all clusters. */
  get controllers(): readonly KeyController[] {
    return [...this.works.values()].flatMap(({ dispatcher }) => dispatcher.controllers);
  }

  /** Whether the local cluster has listed everything. */
  get hasSynced(): boolean {
    return this.local?.hasSynced ?? false;
  }

  async startSources(): Promise<void> {
    await this.local?.startSources();
  }

  async stopSources(): Promise<void> {
    this.unsubscribe?.();
    await Promise.all([...this.works.values()].map((work) => work.stopSources()));
  }

  /** Lets handlers run: here at once, on remote clusters as soon as each has listed everything. */
  activate(): void {
    this.isActive = true;
    this.local?.activate();
    for (const work of this.works.values()) this.look(work);
  }

  /** Ends all daemons; clusters that sync later wait for the next `activate`. @returns how many ignored their signal. */
  async stopDaemons(): Promise<number> {
    this.isActive = false;
    for (const timer of this.looks.values()) timer.cancel();
    this.looks.clear();
    const abandoned = await Promise.all([...this.works.values()].map((work) => work.standBy()));
    return abandoned.reduce((sum, count) => sum + count, 0);
  }

  /** Sends the Events that wait, for at most this long. */
  async flushEvents(limitMs: number): Promise<void> {
    await Promise.all([...this.works.values()].map(({ events }) => events.flush(limitMs)));
  }

  private get local(): ClusterWork | undefined {
    return this.works.get(this.options.clusters.local.name);
  }

  private onChange({ type, cluster }: ClusterChange): void | Promise<void> {
    if (type === 'engaged') this.add(cluster, this.recorderFor(cluster));
    const work = this.works.get(cluster.name);
    const ended = type === 'disengaged' ? this.remove(cluster) : undefined;
    if (type === 'recovered') {
      for (const { dispatcher } of this.works.values()) dispatcher.clusterRecovered(cluster.name);
      if (work !== undefined) this.look(work);
    }
    for (const { dispatcher } of this.works.values()) dispatcher.clusterChanged(cluster);
    return ended;
  }

  private add(cluster: Cluster, events: EventRecorder): void {
    const { options, events: localEvents } = this.options;
    const work = new ClusterWork({ ...this.options, cluster, events, localEvents, watchesOf: this.watches.of });
    for (const other of this.works.values()) {
      this.attach(other, cluster);
      this.attach(work, other.cluster);
    }
    this.works.set(cluster.name, work);
    this.attach(work, cluster);
    if (cluster.isLocal) return;
    work.startSources().catch((error: unknown) => options.logger.error('a source did not start', { cluster: cluster.name, error }));
  }

  private attach(from: ClusterWork, to: Cluster): void {
    this.attachments.push({ from, to: to.name, end: from.dispatcher.attach(to) });
  }

  private async remove(cluster: Cluster): Promise<void> {
    const work = this.works.get(cluster.name);
    if (work === undefined) return;
    this.works.delete(cluster.name);
    this.looks.get(cluster.name)?.cancel();
    this.looks.delete(cluster.name);
    for (const attachment of [...this.attachments]) {
      if (attachment.from !== work && attachment.to !== cluster.name) continue;
      attachment.end();
      this.attachments.splice(this.attachments.indexOf(attachment), 1);
    }
    await work.end();
  }

  /** Activates a remote cluster once everything is listed. A cluster that does not answer costs nothing here. */
  private look(work: ClusterWork): void {
    const { cluster } = work;
    if (!this.isActive || work.active || this.works.get(cluster.name) !== work || this.looks.has(cluster.name)) return;
    if (cluster.health.state !== 'Ready' && cluster.health.state !== 'Degraded') return;
    if (work.hasSynced) {
      work.activate();
      this.options.options.logger.info('cluster is being worked on', { cluster: cluster.name });
      return;
    }
    const timer = this.options.options.clock.setTimer(LOOK_MS, () => {
      this.looks.delete(cluster.name);
      this.look(work);
    });
    this.looks.set(cluster.name, timer);
  }

  /** Events are sent to the cluster of their object. */
  private recorderFor({ client }: Cluster): EventRecorder {
    const { clock, logger: log, instance, name: reportingController } = this.options.options;
    const metrics = this.options.clusters.clientMetrics;
    return new EventRecorder({ client, clock, log, instance, reportingController, metrics });
  }
}
