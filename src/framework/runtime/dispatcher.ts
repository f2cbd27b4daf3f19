/**
 * Connects informers with handlers: who hears of which store change, and in which order.
 *
 * Owns: the subscriptions of the handlers bound to one cluster. Guarantee: `@OnEvent` methods have seen a change before any queue does, so
 * that an index in memory is up to date when a pass that depends on it starts; a controller begins only when every cache of its cluster
 * that it reads is filled, and waits for no other.
 */
import type { Cluster } from '../cluster/cluster';
import type { ALL, ClusterWatch, MappedWatch, Watch } from '../decorators/watches';
import type { Kind } from '../kinds/kind';
import { keyOf, type ObjectKey } from '../kinds/object';
import type { Logger } from '../logging/logger';
import { clusterTest } from '../registry/cluster-choice';
import type { DaemonSpec, EventSpec, HandlerSpec, IndexSpec, QueuedHandlerSpec, ReconcileSpec } from '../registry/handler-spec';
import type { Registry } from '../registry/registry';
import { isDaemon, isEvent, isIndex, isQueued } from '../registry/registry';
import type { IndexFunction } from '../watch/indexes';
import type { Informer, Selection } from '../watch/informer-contract';
import type { ResourceEvent } from '../watch/resource-event';
import type { DaemonPool } from './daemon-pool';
import type { FilterJudge } from './filter-judge';
import type { Instances } from './instances';
import type { KeyController } from './key-controller';
import type { KindController } from './kind-controller';
import { SyncGate } from './sync-gate';
import type { VirtualController } from './virtual-controller';

export interface DispatcherOptions {
  readonly registry: Registry;
  /** Handlers bound to this cluster are connected. */
  readonly cluster: Cluster;
  readonly instances: Instances;
  /** Watches of a handler; a function among them is asked once, however many clusters there are. */
  readonly watchesOf: (spec: ReconcileSpec) => readonly Watch[];
  readonly log: Logger;
  readonly filters: FilterJudge;
  /** Make the controller of a kind from all its queued handlers. */
  readonly createController: (kind: Kind, specs: readonly QueuedHandlerSpec[]) => KindController;
  readonly createVirtualController: (kind: Kind, specs: readonly QueuedHandlerSpec[]) => VirtualController;
  readonly createDaemonPool: (spec: DaemonSpec) => DaemonPool;
  readonly onEventError?: (spec: EventSpec) => void;
}

/** A mapped watch on clusters that may not be the handler's own. */
interface ForeignWatch {
  readonly watch: MappedWatch;
  readonly isOn: (cluster: string) => boolean;
  readonly take: (event: ResourceEvent) => void;
}

interface ClusterSubscription {
  readonly watch: ClusterWatch;
  readonly take: (keys: Iterable<ObjectKey> | typeof ALL) => void;
}

export class Dispatcher {
  /** Every controller, of real and of virtual kinds. */
  readonly controllers: readonly KeyController[];
  private readonly foreignWatches: ForeignWatch[] = [];
  private readonly clusterSubscriptions: ClusterSubscription[] = [];
  private readonly daemons: readonly DaemonPool[];
  private readonly gates: SyncGate[] = [];

  constructor(private readonly options: DispatcherOptions) {
    const specs = options.registry.specs.filter((spec) => 'kind' in spec && spec.clusters(options.cluster.name));
    this.addIndexes(specs.filter(isIndex));
    this.connectEventHandlers(specs.filter(isEvent));
    const byKind = new Map<string, QueuedHandlerSpec[]>();
    for (const spec of specs.filter(isQueued)) byKind.set(spec.kind.id, [...(byKind.get(spec.kind.id) ?? []), spec]);
    this.controllers = [...byKind.values()].map((group) => (group[0]!.kind.virtual ? this.connectVirtual(group) : this.connectKind(group)));
    this.daemons = specs.filter(isDaemon).map((spec) => this.connectDaemon(spec));
    options.cluster.onChange(() => this.look());
  }

  /** This process leads: every controller and daemon begins as soon as what it reads was listed. */
  activate(): void {
    for (const gate of this.gates) gate.open();
  }

  /** Connects mapped watches that look at `other`, which may be the own cluster. @returns disconnects them. */
  attach(other: Cluster): () => void {
    const ends = this.foreignWatches
      .filter(({ isOn }) => isOn(other.name))
      .map(({ watch, take }) => other.informers.ensure(watch.kind, watch.select).subscribe(take));
    return () => {
      for (const end of ends) end();
    };
  }

  /** A cluster came, went, was lost or works again. */
  clusterChanged(cluster: Cluster): void {
    for (const { watch, take } of this.clusterSubscriptions) take(watch.map(cluster));
  }

  /** What waited for a cluster may go on. */
  clusterRecovered(cluster: string): void {
    for (const controller of this.controllers) controller.recover(cluster, cluster === this.options.cluster.name);
  }

  /** Nothing begins from now on, and all daemons end. @returns how many ignored their signal. */
  async stopDaemons(): Promise<number> {
    for (const gate of this.gates) gate.close();
    const abandoned = await Promise.all(this.daemons.map((pool) => pool.deactivate()));
    return abandoned.reduce((sum, count) => sum + count, 0);
  }

  private addIndexes(specs: readonly IndexSpec[]): void {
    for (const spec of specs) {
      const instance = this.options.instances.of(spec.Class) as Record<string, IndexFunction>;
      this.options.cluster.informers.ensure(spec.kind, spec.select).addIndex(spec.name, (object) => instance[spec.method]!(object));
    }
  }

  private connectKind(specs: readonly QueuedHandlerSpec[]): KindController {
    const controller = this.options.createController(specs[0]!.kind, specs);
    const reads = specs.flatMap((spec) => this.connect(spec, controller));
    this.addGate(specs, reads, () => controller.activate());
    return controller;
  }

  private connectVirtual(specs: readonly QueuedHandlerSpec[]): VirtualController {
    const controller = this.options.createVirtualController(specs[0]!.kind, specs);
    const reads: Informer[] = [];
    for (const spec of specs) if (spec.decorator === 'Reconcile') reads.push(...this.connectWatches(spec, controller));
    const gate = this.addGate(
      specs,
      reads,
      () => controller.activate(),
      () => controller.hasSynced,
    );
    controller.onSynced(() => gate.look());
    return controller;
  }

  /** @returns the informers of this cluster it was connected to; no handler waits for another cluster. */
  private connectWatches(spec: ReconcileSpec, controller: KeyController): readonly Informer[] {
    const reads: Informer[] = [];
    for (const watch of this.options.watchesOf(spec)) {
      if (watch.type === 'clusters') {
        this.clusterSubscriptions.push({ watch, take: (keys) => controller.onClusterChange(spec, keys) });
        continue;
      }
      const take = (event: ResourceEvent): void => controller.onMapped(spec, watch, event);
      const isOn = watch.clusters === undefined ? undefined : clusterTest(watch.clusters);
      if (isOn === undefined) {
        const informer = this.options.cluster.informers.ensure(watch.kind, watch.select);
        informer.subscribe(take);
        reads.push(informer);
        this.options.cluster.onServedChange(watch.kind, () => controller.onServedChange(spec, 'mapped'));
      } else {
        this.foreignWatches.push({ watch, isOn, take });
      }
    }
    return reads;
  }

  private connectDaemon(spec: DaemonSpec): DaemonPool {
    const pool = this.options.createDaemonPool(spec);
    const informer = this.options.cluster.informers.ensure(spec.kind, spec.select);
    informer.subscribe(({ type, object }) => {
      if (type === 'DELETED') pool.forget(keyOf(object));
      else pool.observe(object);
    });
    this.addGate([spec], [informer], () => pool.activate(informer.store.list()));
    return pool;
  }

  private connectEventHandlers(specs: readonly EventSpec[]): void {
    for (const spec of specs) {
      this.options.cluster.informers.ensure(spec.kind, spec.select).subscribe((event) => this.callEventHandler(spec, event));
    }
  }

  /** @returns the informers it was connected to. */
  private connect(spec: QueuedHandlerSpec, controller: KindController): readonly Informer[] {
    const reads: Informer[] = [];
    const on = (kind: Kind, select: Selection | undefined, take: (event: ResourceEvent) => void): void => {
      const informer = this.options.cluster.informers.ensure(kind, select);
      informer.subscribe(take);
      reads.push(informer);
    };
    on(spec.kind, spec.select, (event) => controller.onPrimary(spec, event));
    if (spec.decorator !== 'Reconcile') return reads;
    for (const watch of spec.owns) {
      on(watch.kind, watch.select, (event) => controller.onOwned(spec, watch, event));
      this.options.cluster.onServedChange(watch.kind, () => controller.onServedChange(spec, 'owned'));
    }
    return [...reads, ...this.connectWatches(spec, controller)];
  }

  /** What a class indexes or hears through `@OnEvent`, its handlers read as well. */
  private addGate(specs: readonly HandlerSpec[], reads: readonly Informer[], begin: () => void, also?: () => boolean): SyncGate {
    const { cluster, registry } = this.options;
    const classes = new Set(specs.map(({ Class }) => Class));
    const heard = registry.specs
      .filter((spec) => isEvent(spec) || isIndex(spec))
      .filter((spec) => classes.has(spec.Class) && spec.clusters(cluster.name));
    const informers = new Set([...reads, ...heard.map(({ kind, select }) => cluster.informers.ensure(kind, select))]);
    const gate = new SyncGate({ cluster, informers: [...informers], begin, ...(also === undefined ? {} : { also }) });
    this.gates.push(gate);
    return gate;
  }

  private look(): void {
    for (const gate of this.gates) gate.look();
  }

  private callEventHandler(spec: EventSpec, event: ResourceEvent): void {
    const fail = (error: unknown): void => {
      this.options.onEventError?.(spec);
      const { namespace, name } = event.object.metadata ?? {};
      this.options.log.error('event handler failed', { controller: spec.id, kind: spec.kind.kind, namespace, name, error });
    };
    const seen = eventFor(this.options.filters, spec, event);
    if (seen === undefined) return;
    try {
      const instance = this.options.instances.of(spec.Class) as Record<string, (event: ResourceEvent) => unknown>;
      const result = instance[spec.method]!(seen);
      if (result instanceof Promise) result.catch(fail);
    } catch (error) {
      fail(error);
    }
  }
}

/**
 * The change as a filtered handler sees it: an object that stops matching is gone for it, one that begins to match is new, and of
 * a deletion it hears exactly when it knew the object.
 */
function eventFor(filters: FilterJudge, spec: EventSpec, event: ResourceEvent): ResourceEvent | undefined {
  if (event.type === 'DELETED') {
    filters.forget(spec, keyOf(event.object));
    return filters.matched(spec, event.old ?? event.object) ? event : undefined;
  }
  const before = filters.matched(spec, event.old);
  const now = filters.matches(spec, event.object);
  if (event.type === 'ADDED') return now ? event : undefined;
  if (now) return before ? event : { ...event, type: 'ADDED', old: undefined };
  return before ? { ...event, type: 'DELETED', object: event.old! } : undefined;
}
