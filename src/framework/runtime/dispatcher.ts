/**
 * Connects informers with handlers: who hears of which store change, and in which order.
 *
 * Owns: the subscriptions. Guarantee: `@OnEvent` methods have seen a change before any queue does, so that an index in memory is up to
 * date when a pass that depends on it starts.
 */
import type { Cluster } from '../cluster/cluster';
import type { MappedWatch } from '../decorators/watches';
import type { Kind } from '../kinds/kind';
import { keyOf } from '../kinds/object';
import type { Logger } from '../logging/logger';
import type { DaemonSpec, EventSpec, IndexSpec, QueuedHandlerSpec, ReconcileSpec } from '../registry/handler-spec';
import type { Registry } from '../registry/registry';
import { isDaemon, isEvent, isIndex, isQueued } from '../registry/registry';
import type { IndexFunction } from '../watch/indexes';
import type { Informer } from '../watch/informer-contract';
import type { ResourceEvent } from '../watch/resource-event';
import type { DaemonPool } from './daemon-pool';
import type { FilterJudge } from './filter-judge';
import type { Instances } from './instances';
import type { KeyController } from './key-controller';
import type { KindController } from './kind-controller';
import type { VirtualController } from './virtual-controller';

export interface DispatcherOptions {
  readonly registry: Registry;
  readonly cluster: Cluster;
  readonly instances: Instances;
  readonly log: Logger;
  readonly filters: FilterJudge;
  /** Make the controller of a kind from all its queued handlers. */
  readonly createController: (kind: Kind, specs: readonly QueuedHandlerSpec[]) => KindController;
  readonly createVirtualController: (kind: Kind, specs: readonly QueuedHandlerSpec[]) => VirtualController;
  readonly createDaemonPool: (spec: DaemonSpec) => DaemonPool;
  readonly onEventError?: (spec: EventSpec) => void;
}

export class Dispatcher {
  /** Every controller, of real and of virtual kinds. */
  readonly controllers: readonly KeyController[];
  private readonly daemons: readonly { readonly informer: Informer; readonly pool: DaemonPool }[];

  constructor(private readonly options: DispatcherOptions) {
    const { specs } = options.registry;
    this.addIndexes(specs.filter(isIndex));
    this.connectEventHandlers(specs.filter(isEvent));
    const byKind = new Map<string, QueuedHandlerSpec[]>();
    for (const spec of specs.filter(isQueued)) byKind.set(spec.kind.id, [...(byKind.get(spec.kind.id) ?? []), spec]);
    this.controllers = [...byKind.values()].map((group) => (group[0]!.kind.virtual ? this.connectVirtual(group) : this.connectKind(group)));
    this.daemons = specs.filter(isDaemon).map((spec) => this.connectDaemon(spec));
  }

  activate(): void {
    for (const controller of this.controllers) controller.activate();
    for (const { informer, pool } of this.daemons) pool.activate(informer.store.list());
  }

  /** Ends all daemons. @returns how many ignored their signal. */
  async stopDaemons(): Promise<number> {
    const abandoned = await Promise.all(this.daemons.map(({ pool }) => pool.deactivate()));
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
    for (const spec of specs) this.connect(spec, controller);
    return controller;
  }

  private connectVirtual(specs: readonly QueuedHandlerSpec[]): VirtualController {
    const controller = this.options.createVirtualController(specs[0]!.kind, specs);
    for (const spec of specs) {
      if (spec.decorator !== 'Reconcile') continue;
      for (const watch of this.watchesOf(spec)) {
        const informer = this.options.cluster.informers.ensure(watch.kind, watch.select);
        informer.subscribe((event) => controller.onMapped(spec, watch, event));
      }
    }
    return controller;
  }

  private connectDaemon(spec: DaemonSpec): { informer: Informer; pool: DaemonPool } {
    const pool = this.options.createDaemonPool(spec);
    const informer = this.options.cluster.informers.ensure(spec.kind, spec.select);
    informer.subscribe(({ type, object }) => {
      if (type === 'DELETED') pool.forget(keyOf(object));
      else pool.observe(object);
    });
    return { informer, pool };
  }

  private watchesOf({ watches }: ReconcileSpec): readonly MappedWatch[] {
    return typeof watches === 'function' ? watches((token) => this.options.instances.container.resolve(token)) : watches;
  }

  private connectEventHandlers(specs: readonly EventSpec[]): void {
    for (const spec of specs) {
      this.options.cluster.informers.ensure(spec.kind, spec.select).subscribe((event) => this.callEventHandler(spec, event));
    }
  }

  private connect(spec: QueuedHandlerSpec, controller: KindController): void {
    const { informers } = this.options.cluster;
    informers.ensure(spec.kind, spec.select).subscribe((event) => controller.onPrimary(spec, event));
    if (spec.decorator !== 'Reconcile') return;
    for (const watch of spec.owns) informers.ensure(watch.kind, watch.select).subscribe((event) => controller.onOwned(spec, watch, event));
    for (const watch of this.watchesOf(spec))
      informers.ensure(watch.kind, watch.select).subscribe((event) => controller.onMapped(spec, watch, event));
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
