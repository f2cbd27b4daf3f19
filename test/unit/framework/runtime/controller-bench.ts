/**
 * A kind controller on a bench: objects come from the test's hand, writes are recorded, time stands still.
 *
 * Only what lies outside the runtime (informers, API writes) is replaced; queue, records and passes are the real ones.
 */
import type { KubeClient } from '../../../../src/framework/client';
import type { Cluster } from '../../../../src/framework/cluster/cluster';
import type { HandlerClass } from '../../../../src/framework/decorators/handler';
import type { MappedWatch } from '../../../../src/framework/decorators/watches';
import { defineKind } from '../../../../src/framework/kinds/kind';
import { type KubernetesObject, keyOf, type ObjectMeta } from '../../../../src/framework/kinds/object';
import { nullLogger } from '../../../../src/framework/logging/logger';
import type { ReconcileSpec } from '../../../../src/framework/registry/handler-spec';
import { buildRegistry, isQueued } from '../../../../src/framework/registry/registry';
import { KindController } from '../../../../src/framework/runtime/kind-controller';
import { OwnWrites } from '../../../../src/framework/runtime/own-writes';
import type { PassHooks, StatusUpdate } from '../../../../src/framework/runtime/pass-ports';
import type { StagedEvent } from '../../../../src/framework/runtime/stage';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import type { Informer } from '../../../../src/framework/watch/informer-contract';
import type { ResourceEvent } from '../../../../src/framework/watch/resource-event';

export interface Widget extends KubernetesObject {
  spec?: { size?: number; color?: string };
  status?: { observedGeneration?: number };
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
  readonly filterFailures: string[] = [];
  readonly stop = new AbortController();
  readonly controller: KindController;
  /** What the next writes throw, first come first served. */
  readonly writeErrors: unknown[] = [];
  private readonly objects = new Map<string, KubernetesObject>();
  private version = 1;
  private readonly specs;

  constructor(handler: object, { random = () => 0.5, hooks = {} }: { random?: () => number; hooks?: PassHooks } = {}) {
    const Class = handler.constructor as HandlerClass;
    this.specs = buildRegistry({ handlers: [Class], domain: 'example.org' }).specs.filter(isQueued);
    const store = { get: (key: string) => this.objects.get(key), list: () => this.objects.values() };
    const informer = { store } as unknown as Informer;
    this.controller = new KindController({
      kind: Widget,
      specs: this.specs,
      informerOf: () => informer,
      ownWrites: this.ownWrites,
      ports: {
        kind: Widget,
        cluster: {} as Cluster,
        clock: this.clock,
        log: nullLogger,
        random,
        signal: this.stop.signal,
        handledBy: { annotation: 'example.org/handled-by', value: 'test' },
        find: (_spec, key) => this.objects.get(key),
        instanceOf: () => handler,
        clientFor: () => ({}) as KubeClient,
        addFinalizer: async (object, finalizer) => this.writeFinalizer(object, finalizer, true),
        removeFinalizer: async (object, finalizer) => this.writeFinalizer(object, finalizer, false),
        annotate: async (_object, name, value) => void this.annotations.push(`${name}=${value}`),
        writeStatus: async (_object, update) => {
          this.throwIfAsked();
          this.statuses.push(update);
        },
        sendEvent: (event) => void this.events.push(event),
        hooks: { ...hooks, filterFailed: (spec) => void this.filterFailures.push(spec.id) },
      },
    });
  }

  /** Puts an object into the cache as the informer would, and lets everything that is due run. */
  async put(object: Widget, { initial = false }: { initial?: boolean } = {}): Promise<void> {
    this.deliver(object, initial);
    await this.clock.advance(0);
  }

  async remove(key = 'n/w'): Promise<void> {
    const object = this.objects.get(key)!;
    this.objects.delete(key);
    this.emit({ type: 'DELETED', object, old: object, initial: false, lost: false, cluster: 'local' });
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
  async mapped(event: ResourceEvent): Promise<void> {
    const spec = this.reconcileSpec;
    this.controller.onMapped(spec, (spec.watches as readonly MappedWatch[])[0]!, event);
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

  private deliver(object: Widget, initial: boolean): void {
    const key = keyOf(object);
    const old = this.objects.get(key);
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.version) } };
    this.objects.set(key, stored);
    const same = old?.metadata?.uid === object.metadata?.uid;
    if (old !== undefined && !same) this.emit({ type: 'DELETED', object: old, old, initial, lost: false, cluster: 'local' });
    this.emit({ type: same ? 'MODIFIED' : 'ADDED', object: stored, old: same ? old : undefined, initial, lost: false, cluster: 'local' });
  }

  private emit(event: ResourceEvent): void {
    for (const spec of this.specs) this.controller.onPrimary(spec, event);
  }

  private writeFinalizer(object: KubernetesObject, finalizer: string, on: boolean): KubernetesObject | undefined {
    this.throwIfAsked();
    this.finalizerWrites.push(`${on ? '+' : '-'}${finalizer}`);
    const others = (object.metadata?.finalizers ?? []).filter((name) => name !== finalizer);
    const written = { ...object, metadata: { ...object.metadata, finalizers: on ? [...others, finalizer] : others } };
    if (this.objects.has(keyOf(object))) this.objects.set(keyOf(object), written);
    return written;
  }

  private throwIfAsked(): void {
    const error = this.writeErrors.shift();
    if (error !== undefined) throw error;
  }
}
