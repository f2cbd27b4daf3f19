/**
 * Connects informers with handlers: who hears of which store change, and in which order.
 *
 * Owns: the subscriptions. Guarantee: `@OnEvent` methods have seen a change before any queue does, so that an index in memory is up to
 * date when a pass that depends on it starts.
 */
import type { Cluster } from '../cluster/cluster';
import type { Kind } from '../kinds/kind';
import type { Logger } from '../logging/logger';
import type { EventSpec, QueuedHandlerSpec } from '../registry/handler-spec';
import type { Registry } from '../registry/registry';
import { isEvent, isQueued } from '../registry/registry';
import type { ResourceEvent } from '../watch/resource-event';
import { matches } from './filters';
import type { Instances } from './instances';
import type { KindController } from './kind-controller';

export interface DispatcherOptions {
  readonly registry: Registry;
  readonly cluster: Cluster;
  readonly instances: Instances;
  readonly log: Logger;
  /** Makes the controller of a kind from all its queued handlers. */
  readonly createController: (kind: Kind, specs: readonly QueuedHandlerSpec[]) => KindController;
  readonly onEventError?: (spec: EventSpec) => void;
}

export class Dispatcher {
  readonly controllers: readonly KindController[];

  constructor(private readonly options: DispatcherOptions) {
    const { registry, createController } = options;
    this.connectEventHandlers(registry.specs.filter(isEvent));
    const byKind = new Map<string, QueuedHandlerSpec[]>();
    for (const spec of registry.specs.filter(isQueued)) byKind.set(spec.kind.id, [...(byKind.get(spec.kind.id) ?? []), spec]);
    this.controllers = [...byKind.values()].map((specs) => {
      const controller = createController(specs[0]!.kind, specs);
      for (const spec of specs) this.connect(spec, controller);
      return controller;
    });
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
    for (const watch of spec.watches)
      informers.ensure(watch.kind, watch.select).subscribe((event) => controller.onMapped(spec, watch, event));
  }

  private callEventHandler(spec: EventSpec, event: ResourceEvent): void {
    const fail = (error: unknown): void => {
      this.options.onEventError?.(spec);
      const { namespace, name } = event.object.metadata ?? {};
      this.options.log.error('event handler failed', { controller: spec.id, kind: spec.kind.kind, namespace, name, error });
    };
    const seen = eventFor(spec, event);
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

/** The change as a filtered handler sees it: an object that stops matching is gone for it, one that begins to match is new. */
function eventFor(spec: EventSpec, event: ResourceEvent): ResourceEvent | undefined {
  const before = event.old !== undefined && matches(spec.filters, event.old);
  const now = matches(spec.filters, event.object);
  if (event.type !== 'MODIFIED') return now ? event : undefined;
  if (now) return before ? event : { ...event, type: 'ADDED', old: undefined };
  return before ? { ...event, type: 'DELETED', object: event.old! } : undefined;
}
