/**
 * How handlers fare: runs, results, durations, what is stuck.
 *
 * Owns: names, labels and buckets. Invariant: the label `controller` is a handler id, so the code sets the number of series, never the cluster.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { HandlerResult, PassHooks } from '../../runtime/pass-ports';

/** 5 ms to 60 s: handlers wait for API calls, of which one may take up to a minute. */
const RECONCILE_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const RESULTS: readonly HandlerResult[] = ['success', 'error', 'requeue', 'requeue_after'];

type Controller = 'controller';

export class HandlerMetrics {
  /** Observes the passes of every cluster. */
  readonly hooks: PassHooks;
  private readonly runs: Counter<Controller | 'result'>;
  private readonly errors: Counter<Controller>;
  private readonly terminalErrors: Counter<Controller>;
  private readonly timeouts: Counter<Controller>;
  private readonly durations: Histogram<Controller>;
  private readonly abandoned: Gauge<Controller>;
  private readonly daemons: Gauge<Controller>;
  private readonly eventErrors: Counter<Controller>;
  private readonly filterErrors: Counter<Controller>;
  private readonly mappingErrors: Counter<Controller>;

  /** @param retryScheduled told of the kind whose queue got a retry. */
  constructor(registry: Registry, retryScheduled: NonNullable<PassHooks['retryScheduled']>) {
    const registers = [registry];
    const labelNames = ['controller'] as const;
    const counter = (name: string, help: string): Counter<Controller> => new Counter({ name, help, labelNames, registers });
    const gauge = (name: string, help: string): Gauge<Controller> => new Gauge({ name, help, labelNames, registers });
    this.runs = new Counter({
      name: 'controller_runtime_reconcile_total',
      help: 'Runs of a handler by result.',
      labelNames: ['controller', 'result'],
      registers,
    });
    this.errors = counter('controller_runtime_reconcile_errors_total', 'Runs of a handler that failed.');
    this.terminalErrors = counter(
      'controller_runtime_terminal_reconcile_errors_total',
      'Failed runs that are not tried again before the object changes.',
    );
    this.timeouts = counter('steward_handler_timeouts_total', 'Runs of a handler that exceeded their time limit.');
    this.durations = new Histogram({
      name: 'controller_runtime_reconcile_time_seconds',
      help: 'Duration of a run of a handler.',
      labelNames,
      buckets: RECONCILE_SECONDS,
      registers,
    });
    this.abandoned = gauge('steward_handler_abandoned', 'Runs that ignore their signal and have not ended yet.');
    this.daemons = gauge('steward_daemons_running', 'Daemon tasks that run.');
    this.eventErrors = counter('steward_event_handler_errors_total', 'Events for which an event handler failed.');
    this.filterErrors = counter('steward_filter_errors_total', 'Objects that a filter threw for; they count as not matching.');
    this.mappingErrors = counter('steward_mapped_watch_errors_total', 'Changes that a mapped watch failed to map; they wake nothing.');
    this.hooks = {
      handlerFinished: ({ id }, result, durationMs) => this.finished(id, result, durationMs),
      handlerGaveUp: ({ id }) => this.terminalErrors.inc({ controller: id }),
      handlerTimedOut: ({ id }) => this.timeouts.inc({ controller: id }),
      handlerAbandoned: ({ id }) => this.addAbandoned(id, 1),
      abandonedHandlerEnded: ({ id }) => this.addAbandoned(id, -1),
      mappingFailed: ({ id }) => this.mappingErrors.inc({ controller: id }),
      retryScheduled,
    };
  }

  /** Shows a handler from the start, so that its first failure is an increase and not a new series. */
  declare(controller: string): void {
    for (const result of RESULTS) this.runs.inc({ controller, result }, 0);
    for (const metric of [this.errors, this.terminalErrors, this.timeouts, this.abandoned]) metric.inc({ controller }, 0);
    this.durations.zero({ controller });
  }

  eventFailed(controller: string): void {
    this.eventErrors.inc({ controller });
  }

  filterFailed(controller: string): void {
    this.filterErrors.inc({ controller });
  }

  /** Tasks of all clusters count together. */
  addDaemons(controller: string, change: number): void {
    this.daemons.inc({ controller }, change);
  }

  addAbandoned(controller: string, change: 1 | -1): void {
    this.abandoned.inc({ controller }, change);
  }

  private finished(controller: string, result: HandlerResult, durationMs: number): void {
    this.runs.inc({ controller, result });
    this.durations.observe({ controller }, durationMs / 1_000);
    if (result === 'error') this.errors.inc({ controller });
  }
}
