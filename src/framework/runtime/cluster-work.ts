/**
 * The work of one cluster: its controllers, daemons and sources of virtual kinds, and whatever they share.
 *
 * Expected flow: made -> informers of the cluster start -> the dispatcher is activated and stopped, any number of times -> `end`.
 * Guarantees: after `end` no handler of the cluster starts, and those that run have been told to abort.
 */
import type { EventRecorder } from '../client';
import type { Cluster } from '../cluster/cluster';
import type { Watch } from '../decorators/watches';
import { OperatorError } from '../errors/operator-error';
import type { ReconcileSpec } from '../registry/handler-spec';
import type { ObservedInformer } from '../serving/metrics/informer-metrics';
import { ControllerFactory, type ControllerFactoryOptions } from './controller-factory';
import { Dispatcher } from './dispatcher';
import { FilterJudge } from './filter-judge';
import type { LeaderScope } from './leadership';

export interface ClusterWorkOptions extends Omit<ControllerFactoryOptions, 'filters'> {
  readonly watchesOf: (spec: ReconcileSpec) => readonly Watch[];
}

export class ClusterWork {
  readonly dispatcher: Dispatcher;
  readonly cluster: Cluster;
  readonly events: EventRecorder;
  private readonly factory: ControllerFactory;
  private readonly leaving = new AbortController();
  /** Takes the informers out of the metrics. */
  private readonly hide: (() => void) | undefined;

  constructor({ watchesOf, ...parts }: ClusterWorkOptions) {
    const { cluster, instances, registry, options, events, leader, metrics } = parts;
    const { handlers } = metrics;
    this.cluster = cluster;
    const observed = (): ObservedInformer[] => cluster.informers.list().map((informer) => metrics.clusters.informer(informer));
    this.hide = cluster.isLocal ? undefined : metrics.informers.observe(observed);
    this.events = events;
    const log = cluster.isLocal ? options.logger : options.logger.child({ cluster: cluster.name });
    // Of one cluster each: what it remembers is told apart by the key of the object.
    const filters = new FilterJudge(log, ({ id }) => handlers.filterFailed(id));
    const factory = new ControllerFactory({
      ...parts,
      filters,
      leader: cluster.isLocal ? leader : whileEngaged(leader, this.leaving.signal),
    });
    this.factory = factory;
    this.dispatcher = new Dispatcher({
      ...{ registry, cluster, instances, watchesOf, log, filters },
      createController: (kind, specs) => factory.kindController(kind, specs),
      createVirtualController: (kind, specs) => factory.virtualController(kind, specs),
      createDaemonPool: (spec) => factory.daemonPool(spec),
      onEventError: ({ id }) => handlers.eventFailed(id),
    });
  }

  startSources(): Promise<void> {
    return this.factory.startSources();
  }

  stopSources(): Promise<void> {
    return this.factory.stopSources();
  }

  /** The cluster is gone: what runs is aborted, what waits is forgotten. */
  async end(): Promise<void> {
    this.leaving.abort(new OperatorError('DISENGAGED', `cluster ${this.cluster.name} was disengaged`));
    for (const controller of this.dispatcher.controllers) controller.deactivate();
    this.hide?.();
    this.events.stop();
    await Promise.all([
      this.dispatcher.stopDaemons(),
      this.stopSources(),
      ...this.dispatcher.controllers.map(({ queue }) => queue.whenIdle()),
    ]);
  }
}

/** Leadership, as far as work of a remote cluster is concerned: it is over when the cluster is gone. */
function whileEngaged(leader: LeaderScope, leaving: AbortSignal): LeaderScope {
  let term: AbortSignal | undefined;
  let both = leaving;
  return {
    get signal() {
      if (leader.signal !== term) {
        term = leader.signal;
        both = AbortSignal.any([term, leaving]);
      }
      return both;
    },
    guard: () => {
      leaving.throwIfAborted();
      leader.guard();
    },
  };
}
