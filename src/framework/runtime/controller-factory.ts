/**
 * Makes controllers and daemon pools for the handlers of one cluster.
 *
 * Owns: which port of a pass leads where. Never: starts anything.
 */
import type { EventRecorder, KubeClient } from '../client';
import type { Cluster } from '../cluster/cluster';
import type { ClusterRegistry } from '../cluster/cluster-registry';
import { sourceKindOf } from '../decorators/source';
import type { Kind } from '../kinds/kind';
import { type KubernetesObject, keyOf } from '../kinds/object';
import type { KeySource } from '../kinds/virtual-kind';
import type { Logger } from '../logging/logger';
import type { QueueHooks } from '../queue/keyed-queue';
import type { DaemonSpec, QueuedHandlerSpec } from '../registry/handler-spec';
import type { Registry } from '../registry/registry';
import type { FrameworkMetrics } from '../serving/metrics/framework-metrics';
import type { Informer } from '../watch/informer-contract';
import type { DaemonContext } from './context';
import { DaemonPool } from './daemon-pool';
import { failureMessage, failureReason, unavailableCluster } from './failure';
import type { FilterJudge } from './filter-judge';
import type { Instances } from './instances';
import type { KeyController } from './key-controller';
import { KindController } from './kind-controller';
import type { LeaderScope } from './leadership';
import { objectFields } from './log-fields';
import type { CompiledOperatorOptions } from './operator-options';
import { OwnWrites } from './own-writes';
import type { PassPorts } from './pass-ports';
import { passWriters } from './pass-writers';
import { checkEvent } from './stage-checks';
import type { Triggers } from './triggers';
import { VirtualController } from './virtual-controller';

export interface ControllerFactoryOptions {
  readonly options: CompiledOperatorOptions;
  readonly registry: Registry;
  readonly cluster: Cluster;
  readonly clusters: ClusterRegistry;
  readonly instances: Instances;
  /** Of this cluster. */
  readonly events: EventRecorder;
  /** For Events of virtual kinds, whose keys are objects of no other cluster. */
  readonly localEvents: EventRecorder;
  readonly triggers: Triggers;
  readonly leader: LeaderScope;
  readonly filters: FilterJudge;
  readonly metrics: FrameworkMetrics;
}

type DaemonMethod = (object: KubernetesObject, context: DaemonContext) => unknown;

export class ControllerFactory {
  /** Sources of the virtual kinds for which a controller was made. */
  readonly sources: { readonly source: KeySource<object>; readonly controller: VirtualController }[] = [];
  private readonly ownWrites: OwnWrites;
  /** Lines about remote objects carry the cluster. */
  private readonly log: Logger;
  private readonly disconnects: (() => void)[] = [];

  constructor(private readonly parts: ControllerFactoryOptions) {
    const { cluster, options } = parts;
    this.ownWrites = new OwnWrites(options.clock);
    this.log = cluster.isLocal ? options.logger : options.logger.child({ cluster: cluster.name });
  }

  kindController(kind: Kind, specs: readonly QueuedHandlerSpec[]): KindController {
    const { informers } = this.parts.cluster;
    const informerOf = (spec: QueuedHandlerSpec): Informer => informers.ensure(spec.kind, spec.select);
    const ports = this.passPorts(kind, specs, (spec, key) => informerOf(spec).store.get(key));
    const queueHooks = this.queueHooks(kind);
    const controller = new KindController({ kind, specs, ownWrites: this.ownWrites, informerOf, ports, queueHooks });
    this.observe(controller, specs);
    this.disconnects.push(this.parts.triggers.connect(kind.id, (key) => controller.touch(key), this.parts.cluster.name));
    return controller;
  }

  virtualController(kind: Kind, specs: readonly QueuedHandlerSpec[]): VirtualController {
    const { registry, instances, triggers, metrics, cluster } = this.parts;
    const Class = registry.sources.find((source) => sourceKindOf(source)?.id === kind.id)!;
    const source = instances.of(Class) as KeySource<object>;
    const ports = this.passPorts(kind, specs, (_spec, key) => source.resolve(key, cluster.name));
    const onRejected = (): void => metrics.queues.rejected(kind.id);
    const controller = new VirtualController({ kind, specs, ports, queueHooks: this.queueHooks(kind), onRejected });
    this.observe(controller, specs);
    this.disconnects.push(triggers.connect(kind.id, (key) => controller.touch(key), cluster.name));
    this.sources.push({ source, controller });
    return controller;
  }

  /** Starts the sources of virtual kinds. */
  async startSources(): Promise<void> {
    for (const { source, controller } of this.sources) await source.start(controller, this.parts.cluster.name);
  }

  async stopSources(): Promise<void> {
    for (const disconnect of this.disconnects.splice(0)) disconnect();
    for (const { source } of this.sources) await source.stop?.(this.parts.cluster.name);
  }

  daemonPool(spec: DaemonSpec): DaemonPool {
    const { clock, random } = this.parts.options;
    const { handlers } = this.parts.metrics;
    let running = 0;
    handlers.addDaemons(spec.id, 0);
    return new DaemonPool({
      spec,
      clock,
      log: this.log,
      random,
      filters: this.parts.filters,
      call: (object, context) => (this.parts.instances.of(spec.Class) as Record<string, DaemonMethod>)[spec.method]!(object, context),
      contextFor: (object, signal, attempt) => this.daemonContext(spec, object, signal, attempt),
      onFailed: (object, error) => this.reportDaemon(spec, object, error),
      onRunning: (tasks) => {
        handlers.addDaemons(spec.id, tasks - running);
        running = tasks;
      },
      onAbandoned: () => handlers.addAbandoned(spec.id, 1),
      onAbandonedEnded: () => handlers.addAbandoned(spec.id, -1),
    });
  }

  /** Of the cluster, in metrics. */
  private get label(): string {
    return this.parts.metrics.clusters.of(this.parts.cluster.name);
  }

  private queueHooks(kind: Kind): QueueHooks {
    return this.parts.metrics.queues.hooks(kind.id, this.label);
  }

  private observe({ queue }: KeyController, specs: readonly QueuedHandlerSpec[]): void {
    const { metrics } = this.parts;
    this.disconnects.push(metrics.queues.observe(queue, this.label));
    for (const { id } of specs) metrics.handlers.declare(id);
  }

  /** An Event, and no condition: the status belongs to the passes, beside which the task runs. */
  private reportDaemon(spec: DaemonSpec, about: KubernetesObject, error: unknown): void {
    const { cluster, events, leader } = this.parts;
    // On an object of that cluster nothing can be written now.
    if (unavailableCluster(error) === cluster.name) return;
    events.record({ type: 'Warning', reason: failureReason(error), note: failureMessage(error), about, action: spec.id }, leader.guard);
  }

  private daemonContext(spec: DaemonSpec, object: KubernetesObject, signal: AbortSignal, attempt: number): DaemonContext {
    const { cluster, clusters, events, leader, options } = this.parts;
    const key = keyOf(object);
    const { store } = cluster.informers.ensure(spec.kind, spec.select);
    const record = (type: 'Normal' | 'Warning', reason: string, note: string, about: KubernetesObject): void => {
      checkEvent(spec.id, reason, note);
      events.record({ type, reason, note, about, action: spec.id }, leader.guard);
    };
    const clientOf = (of: Cluster): KubeClient => of.client.derive({ signal, guard: leader.guard });
    return {
      key,
      cluster,
      clusters,
      client: clientOf(cluster),
      clientOf,
      log: this.log.child({ controller: spec.id, ...objectFields(spec.kind, object), attempt }),
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
    const { cluster, clusters, instances, filters, metrics, leader } = this.parts;
    const { clock, random, domain, name, onRun } = this.parts.options;
    const { log } = this;
    const events = kind.virtual ? this.parts.localEvents : this.parts.events;
    return {
      kind,
      cluster,
      clusters,
      clock,
      log,
      random,
      // Of the term that runs now: a controller outlives terms.
      get signal() {
        return leader.signal;
      },
      find,
      filters,
      hooks: metrics.handlers.hooks,
      onRun,
      handledBy: domain === undefined ? undefined : { annotation: `${domain}/handled-by`, value: name },
      instanceOf: (spec) => instances.of(spec.Class),
      ...passWriters({ kind, specs, cluster, ownWrites: this.ownWrites, events, leader }),
    };
  }
}
