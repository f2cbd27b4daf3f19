/**
 * Runs handlers on every cluster they are bound to: the local one from the start, remote ones while they are engaged.
 *
 * Expected flow: `connect` -> informers start -> `activate` -> remote clusters are engaged, synced, activated, lost, disengaged -> stop.
 * Guarantees: each cluster has queues and workers of its own; handlers of a remote begin once it has listed what they read, and no other
 * cluster waits for that; what was parked for a cluster goes on when it is back.
 * Assumptions: the registry of clusters tells every change, in order.
 * Caveats: handlers of a disengaged cluster see no deletions; `clusterChanges` tells.
 * Errors: a source of a virtual kind that does not start for a remote cluster is logged.
 */
import { EventRecorder } from '../client';
import type { Cluster } from '../cluster/cluster';
import type { ClusterChange } from '../cluster/cluster-registry';
import { ClusterWork, type ClusterWorkOptions } from './cluster-work';
import { DeclaredWatches } from './declared-watches';
import type { KeyController } from './key-controller';

export type FleetOptions = Omit<ClusterWorkOptions, 'cluster' | 'watchesOf' | 'localEvents' | 'filters'>;

export class Fleet {
  private readonly works = new Map<string, ClusterWork>();
  /** Subscriptions of one cluster's handlers at another cluster: from, to, end. */
  private readonly attachments: { readonly from: ClusterWork; readonly to: string; readonly end: () => void }[] = [];
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

  async startSources(): Promise<void> {
    await this.local?.startSources();
  }

  async stopSources(): Promise<void> {
    this.unsubscribe?.();
    await Promise.all([...this.works.values()].map((work) => work.stopSources()));
  }

  /** Lets handlers run, each as soon as its own cluster has listed what it reads. */
  activate(): void {
    this.isActive = true;
    for (const { dispatcher } of this.works.values()) dispatcher.activate();
  }

  /** Ends all daemons; clusters that sync later wait for the next `activate`. @returns how many ignored their signal. */
  async stopDaemons(): Promise<number> {
    this.isActive = false;
    const abandoned = await Promise.all([...this.works.values()].map(({ dispatcher }) => dispatcher.stopDaemons()));
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
    // It works as it did.
    if (type === 'judged') return;
    if (type === 'engaged') this.add(cluster, this.recorderFor(cluster));
    const ended = type === 'disengaged' ? this.remove(cluster) : undefined;
    if (type === 'recovered') for (const { dispatcher } of this.works.values()) dispatcher.clusterRecovered(cluster.name);
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
    if (this.isActive) work.dispatcher.activate();
    work.startSources().catch((error: unknown) => options.logger.error('a source did not start', { cluster: cluster.name, error }));
  }

  private attach(from: ClusterWork, to: Cluster): void {
    this.attachments.push({ from, to: to.name, end: from.dispatcher.attach(to) });
  }

  private async remove(cluster: Cluster): Promise<void> {
    const work = this.works.get(cluster.name);
    if (work === undefined) return;
    this.works.delete(cluster.name);
    for (const attachment of [...this.attachments]) {
      if (attachment.from !== work && attachment.to !== cluster.name) continue;
      attachment.end();
      this.attachments.splice(this.attachments.indexOf(attachment), 1);
    }
    await work.end();
  }

  /** Events are sent to the cluster of their object. */
  private recorderFor({ client }: Cluster): EventRecorder {
    const { clock, logger: log, instance, name: reportingController } = this.options.options;
    const metrics = this.options.clusters.clientMetrics;
    return new EventRecorder({ client, clock, log, instance, reportingController, metrics });
  }
}
