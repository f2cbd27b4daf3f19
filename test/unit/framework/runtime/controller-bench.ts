/**
 * A kind controller on a bench: objects come from the test's hand, writes are recorded, time stands still.
 *
 * Only what lies outside the runtime (informers, API writes) is replaced; queue, records and passes are the real ones.
 */
import type { KubeClient } from '../../../../src/framework/client';
import type { Cluster } from '../../../../src/framework/cluster/cluster';
import type { ClusterRegistry } from '../../../../src/framework/cluster/cluster-registry';
import type { HandlerClass } from '../../../../src/framework/decorators/handler';
import type { MappedWatch } from '../../../../src/framework/decorators/watches';
import { defineKind } from '../../../../src/framework/kinds/kind';
import { type KubernetesObject, keyOf, type ObjectMeta } from '../../../../src/framework/kinds/object';
import { type Logger, nullLogger } from '../../../../src/framework/logging/logger';
import type { QueuedHandlerSpec, ReconcileSpec } from '../../../../src/framework/registry/handler-spec';
import { buildRegistry, isQueued } from '../../../../src/framework/registry/registry';
import { FilterJudge } from '../../../../src/framework/runtime/filter-judge';
import { KindController } from '../../../../src/framework/runtime/kind-controller';
import { OwnWrites } from '../../../../src/framework/runtime/own-writes';
import type { PassHooks, StatusUpdate } from '../../../../src/framework/runtime/pass-ports';
import type { StagedEvent } from '../../../../src/framework/runtime/stage';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import type { Informer } from '../../../../src/framework/watch/informer-contract';
import type { ResourceEvent } from '../../../../src/framework/watch/resource-event';
import { matchesSelection } from '../../../../src/framework/watch/selection';

export interface Widget extends KubernetesObject {
  spec?: { size?: number; color?: string };
  status?: { observedGeneration?: number; size?: number };
}
export const Widget = defineKind<Widget>('example.org/v1', 'Widget', 'widgets', {
  scope: 'Namespaced',
  observedGeneration: true,
  conditions: true,
});

export function aWidget({ spec, status, ...metadata }: ObjectMeta & Pick<Widget, 'spec' | 'status'> = {}): Widget {
  return {
    apiVersion: 'example.org/v1',
    kind: 'Widget',
    metadata: { name: 'w', namespace: 'n', uid: 'uid-1', generation: 1, resourceVersion: '1', ...metadata },
    ...(spec === undefined ? {} : { spec }),
    ...(status === undefined ? {} : { status }),
  };
}

export class Bench {
  readonly clock = new FakeClock();
  readonly ownWrites = new OwnWrites(this.clock);
  readonly statuses: StatusUpdate[] = [];
  readonly events: StagedEvent[] = [];
  readonly finalizerWrites: string[] = [];
  readonly annotations: string[] = [];
  readonly filterErrors: string[] = [];
  /** Ends the running term; another one takes its place for the next. */
  stop = new AbortController();
  readonly controller: KindController;
  /** What the next writes throw, first come first served. */
  readonly writeErrors: unknown[] = [];
  /** The same of the next Events. */
  readonly eventErrors: unknown[] = [];
  private readonly objects = new Map<string, KubernetesObject>();
  /** Label selectors of handlers to what the informer with that selector has. */
  private readonly views = new Map<string, Map<string, KubernetesObject>>();
  private readonly seen = new Map<QueuedHandlerSpec, Map<string, KubernetesObject>>();
  private version = 1;
  readonly specs;

  constructor(
    handler: object,
    { random = () => 0.5, hooks = {}, log = nullLogger }: { random?: () => number; hooks?: PassHooks; log?: Logger } = {},
  ) {
    const Class = handler.constructor as HandlerClass;
    this.specs = buildRegistry({ handlers: [Class], domain: 'example.org' }).specs.filter(isQueued);
    const informerOf = (spec: QueuedHandlerSpec): Informer => {
      const view = this.viewOf(spec);
      return { store: { get: (key: string) => view.get(key), list: () => view.values() } } as unknown as Informer;
    };
    const signal = (): AbortSignal => this.stop.signal;
    this.controller = new KindController({
      kind: Widget,
      specs: this.specs,
      informerOf,
      ownWrites: this.ownWrites,
      ports: {
        kind: Widget,
        cluster: { name: 'local' } as Cluster,
        clusters: {} as ClusterRegistry,
        clock: this.clock,
        log,
        random,
        get signal() {
          return signal();
        },
        handledBy: { annotation: 'example.org/handled-by', value: 'test' },
        filters: new FilterJudge(nullLogger, (spec) => void this.filterErrors.push(spec.id)),
        find: (spec, key) => this.viewOf(spec).get(key),
        instanceOf: () => handler,
        clientFor: () => ({}) as KubeClient,
        addFinalizer: async (object, finalizer) => this.writeFinalizer(object, finalizer, true),
        removeFinalizer: async (object, finalizer) => this.writeFinalizer(object, finalizer, false),
        annotate: async (object, name, value) => {
          this.annotations.push(`${name}=${value}`);
          return object;
        },
        writeStatus: async (_object, update) => {
          this.throwIfAsked();
          this.statuses.push(update);
        },
        sendEvent: (event) => {
          const error = this.eventErrors.shift();
          if (error !== undefined) throw error;
          this.events.push(event);
        },
        hooks,
      },
    });
  }

  /** Puts an object into the cache as the informer would, and lets everything that is due run. */
  async put(object: Widget, { initial = false }: { initial?: boolean } = {}): Promise<void> {
    this.deliver(object, initial);
    await this.clock.advance(0);
  }

  async remove(key = 'n/w'): Promise<void> {
    this.objects.delete(key);
    for (const spec of this.specs) this.file(spec, key, undefined, false);
    await this.clock.advance(0);
  }

  /** Puts objects into the cache in one turn, so that what they lead to is queued together. */
  async putTogether(...objects: readonly Widget[]): Promise<void> {
    for (const object of objects) this.deliver(object, false);
    await this.clock.advance(0);
  }

  async child(event: ResourceEvent): Promise<void> {
    const spec = this.reconcileSpec;
    this.controller.onOwned(spec, spec.owns[0]!, event);
    await this.clock.advance(0);
  }

  /** A change of an object that the first mapped watch follows. */
  async mapped(event: Partial<ResourceEvent> & Pick<ResourceEvent, 'object'>): Promise<void> {
    const spec = this.reconcileSpec;
    const watch = (spec.watches as readonly MappedWatch[])[0]!;
    this.controller.onMapped(spec, watch, { type: 'MODIFIED', old: undefined, initial: false, lost: false, cluster: 'local', ...event });
    await this.clock.advance(0);
  }

  private get reconcileSpec(): ReconcileSpec {
    return this.specs.find((candidate): candidate is ReconcileSpec => candidate.decorator === 'Reconcile')!;
  }

  /** Becomes leader. */
  async activate(): Promise<this> {
    this.controller.activate();
    await this.clock.advance(0);
    return this;
  }

  /** Loses leadership. */
  async deactivate(): Promise<void> {
    this.controller.deactivate();
    await this.clock.advance(0);
  }

  private deliver(object: Widget, initial: boolean): void {
    const key = keyOf(object);
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.version) } };
    this.objects.set(key, stored);
    for (const spec of this.specs) this.file(spec, key, stored, initial);
  }

  private viewOf({ select }: QueuedHandlerSpec): Map<string, KubernetesObject> {
    const selector = select?.labels ?? '';
    const view = this.views.get(selector) ?? new Map<string, KubernetesObject>();
    this.views.set(selector, view);
    return view;
  }

  /** What the informer of a handler makes of an object's new state. Handlers with the same selection each get their own news. */
  private file(spec: QueuedHandlerSpec, key: string, object: KubernetesObject | undefined, initial: boolean): void {
    const view = this.viewOf(spec);
    const seen = this.seen.get(spec) ?? new Map<string, KubernetesObject>();
    this.seen.set(spec, seen);
    const old = seen.get(key);
    const emit = (event: Pick<ResourceEvent, 'type' | 'object' | 'old'>): void =>
      this.controller.onPrimary(spec, { ...event, initial, lost: false, cluster: 'local' });
    const isSelected = object !== undefined && matchesSelection(object, spec.select ?? {}) === true;
    if (isSelected) view.set(key, object);
    else view.delete(key);
    if (isSelected) seen.set(key, object);
    else seen.delete(key);
    const isSame = isSelected && old?.metadata?.uid === object.metadata?.uid;
    if (old !== undefined && !isSame) emit({ type: 'DELETED', object: old, old });
    if (isSelected) emit({ type: isSame ? 'MODIFIED' : 'ADDED', object, old: isSame ? old : undefined });
  }

  private writeFinalizer(object: KubernetesObject, finalizer: string, on: boolean): KubernetesObject | undefined {
    this.throwIfAsked();
    this.finalizerWrites.push(`${on ? '+' : '-'}${finalizer}`);
    const others = (object.metadata?.finalizers ?? []).filter((name) => name !== finalizer);
    const written = { ...object, metadata: { ...object.metadata, finalizers: on ? [...others, finalizer] : others } };
    if (this.objects.has(keyOf(object))) this.objects.set(keyOf(object), written);
    for (const view of this.views.values()) if (view.has(keyOf(object))) view.set(keyOf(object), written);
    return written;
  }

  private throwIfAsked(): void {
    const error = this.writeErrors.shift();
    if (error !== undefined) throw error;
  }
}
