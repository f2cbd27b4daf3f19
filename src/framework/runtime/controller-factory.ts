/**
 * Makes controllers and daemon pools for the handlers of one cluster.
 *
 * Owns: which port of a pass leads where. Never: starts anything.
 */
import type { EventRecorder } from '../client';
import type { Cluster } from '../cluster/cluster';
import { sourceKindOf } from '../decorators/source';
import type { Kind } from '../kinds/kind';
import { type KubernetesObject, keyOf } from '../kinds/object';
import type { KeySource } from '../kinds/virtual-kind';
import type { QueueHooks } from '../queue/keyed-queue';
import type { DaemonSpec, QueuedHandlerSpec } from '../registry/handler-spec';
import type { Registry } from '../registry/registry';
import type { FrameworkMetrics } from '../serving/metrics/framework-metrics';
import type { Informer } from '../watch/informer-contract';
import type { DaemonContext } from './context';
import { DaemonPool } from './daemon-pool';
import type { Instances } from './instances';
import type { KeyController } from './key-controller';
import { KindController } from './kind-controller';
import type { LeaderScope } from './leadership';
import type { CompiledOperatorOptions } from './operator-options';
import { OwnWrites } from './own-writes';
import type { PassPorts } from './pass-ports';
import { passWriters } from './pass-writers';
import type { Triggers } from './triggers';
import { VirtualController } from './virtual-controller';

export interface ControllerFactoryOptions {
  readonly options: CompiledOperatorOptions;
  readonly registry: Registry;
  readonly cluster: Cluster;
  readonly instances: Instances;
  readonly events: EventRecorder;
  readonly triggers: Triggers;
  readonly leader: LeaderScope;
  readonly metrics: FrameworkMetrics;
}

type DaemonMethod = (object: KubernetesObject, context: DaemonContext) => unknown;

export class ControllerFactory {
  /** Sources of the virtual kinds for which a controller was made. */
  readonly sources: { readonly source: KeySource<object>; readonly controller: VirtualController }[] = [];
  private readonly ownWrites: OwnWrites;

  constructor(private readonly parts: ControllerFactoryOptions) {
    this.ownWrites = new OwnWrites(parts.options.clock);
  }

  kindController(kind: Kind, specs: readonly QueuedHandlerSpec[]): KindController {
    const { informers } = this.parts.cluster;
    const informerOf = (spec: QueuedHandlerSpec): Informer => informers.ensure(spec.kind, spec.select);
    const ports = this.passPorts(kind, specs, (spec, key) => informerOf(spec).store.get(key));
    const queueHooks = this.queueHooks(kind);
    const controller = new KindController({ kind, specs, ownWrites: this.ownWrites, informerOf, ports, queueHooks });
    this.observe(controller, specs);
    this.parts.triggers.connect(kind.id, (key) => controller.touch(key));
    return controller;
  }

  virtualController(kind: Kind, specs: readonly QueuedHandlerSpec[]): VirtualController {
    const { registry, instances, triggers, metrics } = this.parts;
    const Class = registry.sources.find((source) => sourceKindOf(source)?.id === kind.id)!;
    const source = instances.of(Class) as KeySource<object>;
    const ports = this.passPorts(kind, specs, (_spec, key) => source.resolve(key));
    const onRejected = (): void => metrics.queues.rejected(kind.id);
    const controller = new VirtualController({ kind, specs, ports, queueHooks: this.queueHooks(kind), onRejected });
    this.observe(controller, specs);
    triggers.connect(kind.id, (key) => controller.touch(key));
    this.sources.push({ source, controller });
    return controller;
  }

  daemonPool(spec: DaemonSpec): DaemonPool {
    const { clock, logger: log, random } = this.parts.options;
    const { handlers } = this.parts.metrics;
    handlers.setDaemons(spec.id, 0);
    return new DaemonPool({
      spec,
      clock,
      log,
      random,
      call: (object, context) => (this.parts.instances.of(spec.Class) as Record<string, DaemonMethod>)[spec.method]!(object, context),
      contextFor: (object, signal, attempt) => this.daemonContext(spec, object, signal, attempt),
      onFilterError: () => handlers.filterFailed(spec.id),
      onRunning: (tasks) => handlers.setDaemons(spec.id, tasks),
      onAbandoned: () => handlers.addAbandoned(spec.id, 1),
      onAbandonedEnded: () => handlers.addAbandoned(spec.id, -1),
    });
  }

  private queueHooks(kind: Kind): QueueHooks {
    return this.parts.metrics.queues.hooks(kind.id, this.parts.cluster.name);
  }

  private observe({ queue }: KeyController, specs: readonly QueuedHandlerSpec[]): void {
    const { metrics, cluster } = this.parts;
    metrics.queues.observe(queue, cluster.name);
    for (const { id } of specs) metrics.handlers.declare(id);
  }

  private daemonContext(spec: DaemonSpec, object: KubernetesObject, signal: AbortSignal, attempt: number): DaemonContext {
    const { cluster, events, leader, options } = this.parts;
    const key = keyOf(object);
    const { store } = cluster.informers.ensure(spec.kind, spec.select);
    const record = (type: 'Normal' | 'Warning', reason: string, note: string, about: KubernetesObject): void =>
      events.record({ type, reason, note, about, action: spec.id }, leader.guard);
    return {
      key,
      cluster,
      client: cluster.client.derive({ signal, guard: leader.guard }),
      log: options.logger.child({ controller: spec.id, kind: spec.kind.kind, key }),
      signal,
      attempt,
      clock: options.clock,
      events: {
        normal: (reason, note, about = object) => record('Normal', reason, note, about),
        warning: (reason, note, about = object) => record('Warning', reason, note, about),
      },
      latest: () => store.get(key),
    };
  }

  private passPorts(kind: Kind, specs: readonly QueuedHandlerSpec[], find: PassPorts['find']): PassPorts {
    const { cluster, events, instances, metrics, leader } = this.parts;
    const { clock, logger: log, random, domain, name, onRun } = this.parts.options;
    return {
      kind,
      cluster,
      clock,
      log,
      random,
      // Of the term that runs now: a controller outlives terms.
      get signal() {
        return leader.signal;
      },
      find,
      hooks: metrics.handlers.hooks,
      onRun,
      handledBy: domain === undefined ? undefined : { annotation: `${domain}/handled-by`, value: name },
      instanceOf: (spec) => instances.of(spec.Class),
      ...passWriters({ kind, specs, cluster, ownWrites: this.ownWrites, events, leader }),
    };
  }
}
