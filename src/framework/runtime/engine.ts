/**
 * Start and shutdown of everything an operator consists of.
 *
 * Expected flow: build handlers -> health server -> start-up hooks -> informers -> leadership -> (work) -> stop in reverse.
 * Guarantees: handlers run only after the first complete list of every kind they read, if it is served; `stop` leaves no timer, socket or
 * listener behind; the process is never ended from here.
 * Assumptions: one start a life; a stopped engine is not started again.
 * Caveats: an API server that is away at start delays readiness and the first run of handlers, not the start.
 * Errors: `start` rejects with ConfigError, with the error of a start-up hook, or with one that names the address it could not bind.
 */
import { randomUUID } from 'node:crypto';
import { Registry as MetricsRegistry } from 'prom-client';
import { EventRecorder, KubeClient } from '../client';
import { Cluster } from '../cluster/cluster';
import { ClusterRegistry } from '../cluster/cluster-registry';
import { clustersCheck } from '../cluster/clusters-check';
import { ListenError } from '../errors/listen-error';
import { OperatorError } from '../errors/operator-error';
import {
  ApiLeaseStore,
  type CompiledLeaderElectionOptions,
  LeaseElector,
  type LeaseElectorOptions,
  leaseCheck,
  renewalCheck,
} from '../leader';
import { buildRegistry, isHook, isIndex, isProbe, type Registry } from '../registry/registry';
import type { ListenAddress } from '../serving/address';
import type { HealthReport } from '../serving/checks';
import { type Endpoint, HealthServer } from '../serving/health-server';
import { CertificateMetrics } from '../serving/metrics/certificate-metrics';
import type { FrameworkMetrics } from '../serving/metrics/framework-metrics';
import { MetricsEndpoint } from '../serving/metrics-endpoint';
import { sleep } from '../time/sleep';
import type { Informer, InformerState } from '../watch/informer-contract';
import type { ProcessContext } from './context';
import { Fleet } from './fleet';
import { handlersCheck } from './handler-health';
import { informersCheck, OutageLog } from './informer-health';
import { CLOCK, Instances, LOGGER } from './instances';
import { KindHealth } from './kind-health';
import { Leadership } from './leadership';
import type { LocalCluster } from './local-cluster';
import type { CompiledOperatorOptions } from './operator-options';
import { ProcessHooks, probeCheck } from './process-hooks';
import { ShutdownBudget } from './shutdown-budget';
import { Steps } from './steps';
import { isFilled } from './sync-gate';
import { Triggers } from './triggers';
import { type LeaderOnly, Workload } from './workload';

const EVENT_FLUSH_MS = 2_000;
/** States in which the end of a first list may be far. */
const TROUBLED: readonly InformerState[] = ['Waiting', 'Backoff', 'Denied'];

type LeaderEvents = Pick<LeaseElectorOptions, 'gained' | 'lost'>;
type Phase = 'starting' | 'working' | 'stopping';

export class Engine {
  readonly registry: Registry;
  readonly instances: Instances;
  readonly events: EventRecorder;
  /** Refuses writes when this process does not lead. */
  readonly leaderClient: KubeClient;
  private phase: Phase = 'starting';
  /** Work of the leader asks it, whether or not there is an election. */
  private readonly leadership: Leadership;
  private readonly workload: Workload;
  private readonly health: HealthServer;
  private readonly metricsEndpoint: MetricsEndpoint;
  private readonly triggers = new Triggers();
  private readonly hooks: ProcessHooks;
  private readonly outages: OutageLog;
  private readonly clusters: ClusterRegistry;
  private readonly fleet: Fleet;
  private readonly kinds: KindHealth;
  private active = false;
  private readonly startSteps: Steps;
  /** Settles, never rejects, when the start has ended one way or the other. */
  private starting: Promise<void> = Promise.resolve();
  private readonly stopping = new AbortController();

  /** @throws {ConfigError} with everything that is wrong with the handlers; nothing has been contacted then. */
  constructor(
    private readonly options: CompiledOperatorOptions,
    private readonly local: LocalCluster,
    private readonly metrics: FrameworkMetrics,
    /** Told when only a fresh process can go on. */
    private readonly fatal: (error: unknown) => void,
  ) {
    this.startSteps = new Steps('start-up step done', options.logger, options.clock);
    this.health = new HealthServer(options.clock);
    this.metricsEndpoint = this.createMetricsEndpoint();
    this.events = new EventRecorder({
      client: local.cluster.client,
      clock: options.clock,
      log: options.logger,
      instance: options.instance,
      reportingController: options.name,
      metrics: metrics.api.hooks,
    });
    this.clusters = new ClusterRegistry({
      local: local.cluster,
      settings: local.settings,
      hooks: metrics.clusters.health(metrics.api),
    });
    this.instances = new Instances(options.container);
    this.provide();
    const { handlers, domain, exceptionalRights } = options;
    this.registry = buildRegistry({ handlers, domain, exceptionalRights, container: this.instances.container });
    this.startSteps.done('validation', { handlers: this.registry.specs.length });
    this.hooks = new ProcessHooks(this.registry.specs.filter(isHook), this.instances, options.clock);
    this.workload = new Workload({
      dispatcher: () => this.fleet,
      hooks: this.hooks,
      context: (signal) => ({ ...this.processContext(signal), client: this.leaderClient }),
      clock: options.clock,
      steps: () => new Steps('leading step done', options.logger, options.clock),
    });
    this.leadership = this.createLeadership();
    this.leaderClient = local.cluster.client.derive({ guard: this.leadership.guard });
    for (const { kind, name, id } of this.registry.specs.filter(isIndex)) metrics.informers.nameIndex(kind.id, name, id);
    this.fleet = new Fleet({
      options,
      registry: this.registry,
      clusters: this.clusters,
      instances: this.instances,
      events: this.events,
      triggers: this.triggers,
      leader: this.leadership,
      metrics,
    });
    this.kinds = new KindHealth({
      informers: local.cluster.informers,
      scopeProblem: (kind) => local.scopeProblem(kind),
      clock: options.clock,
      log: options.logger,
    });
    this.outages = new OutageLog(local.cluster.informers, options.clock, options.logger);
  }

  /** @param init the user's own set-up, run before informers start. @throws {OperatorError} `STOPPING` when `stop` was called meanwhile. */
  start(init: () => Promise<void>): Promise<void> {
    const started = this.setUp(init);
    this.starting = started.catch(() => undefined);
    return started;
  }

  private async setUp(init: () => Promise<void>): Promise<void> {
    this.instances.build([...this.registry.sources, ...this.registry.classes]);
    this.addChecks();
    await this.listen('healthAddress', this.options.healthAddress, (address) => this.health.listen(address));
    this.startSteps.done('health server');
    await this.listen('metrics.address', this.options.metricsAddress, (address) => this.metricsEndpoint.listen(address));
    this.startSteps.done('metrics server');
    // Declares every informer, so that hooks can already ask for stores; nothing is contacted before `start`.
    this.fleet.connect();
    await init();
    this.refuseWhenStopping();
    this.startSteps.done('init');
    await this.hooks.startUp('process', this.processContext(this.stopping.signal));
    this.refuseWhenStopping();
    this.startSteps.done('process hooks');
    this.local.start();
    await this.fleet.startSources();
    this.refuseWhenStopping();
    this.startSteps.done('informers');
    this.local.cluster.onChange(() => this.look());
    this.look();
    this.options.logger.info('operator started', { handlers: this.registry.specs.length });
  }

  /** Adds a queue of leader-only work that no decorator declares. */
  join(work: LeaderOnly): void {
    this.workload.join(work);
  }

  /** Ends everything within 25 s, more or less by what `shutdownTimeoutMs` differs from 15 s. @returns whether nothing was abandoned. */
  async stop(): Promise<boolean> {
    const hasWorked = this.phase === 'working';
    this.phase = 'stopping';
    this.options.logger.info('operator is stopping');
    const { clock, logger, shutdownDelayMs, shutdownTimeoutMs } = this.options;
    if (hasWorked && shutdownDelayMs > 0) await sleep(clock, shutdownDelayMs);
    const budget = new ShutdownBudget(clock, logger, shutdownTimeoutMs);
    const stopping = stoppingError();
    this.leadership.retire();
    // Before that there is no work to wait for, and hooks that still start up need to know.
    if (!hasWorked) this.stopping.abort(stopping);
    const handlersEnded = await budget.step('work', async () => {
      await this.starting;
      const ended = await this.workload.drain(shutdownTimeoutMs, () => this.leadership.abort(stopping));
      await this.leadership.begun;
      return ended;
    });
    this.stopping.abort(stopping);
    if (handlersEnded !== true) logger.error('handlers did not end in time and were abandoned');
    const leaderHooksEnded = await budget.step('leader hooks', (signal) => this.workload.endHooks(signal));
    await budget.step('event flush', () => this.fleet.flushEvents(EVENT_FLUSH_MS));
    await budget.step('lease release', () => this.leadership.release(handlersEnded === true));
    const sourcesEnded = await budget.step('sources', () => this.fleet.stopSources().then(() => true));
    await budget.step('informers', () => Promise.all([this.clusters.close(), this.local.stop()]));
    this.kinds.stop();
    const hooksEnded = await budget.step('process hooks', (signal) => this.hooks.shutDown('process', this.processContext(signal)));
    await budget.step('servers', () => Promise.all([this.health.close(), this.metricsEndpoint.close()]));
    this.events.stop();
    this.instances.dispose();
    logger.info('operator stopped');
    return [handlersEnded, leaderHooksEnded, sourcesEnded, hooksEnded].every((ended) => ended === true);
  }

  private refuseWhenStopping(): void {
    if (this.phase === 'stopping') throw stoppingError();
  }

  private provide(): void {
    const { cluster } = this.local;
    this.instances.provide(Cluster, cluster);
    this.instances.provide(ClusterRegistry, this.clusters);
    this.instances.provide(KubeClient, cluster.client);
    this.instances.provide(Triggers, this.triggers);
    this.instances.provide(EventRecorder, this.events);
    this.instances.provide(MetricsRegistry, this.metrics.registry);
    this.instances.provide(CertificateMetrics, this.metrics.certificates);
    this.instances.provide(CLOCK, this.options.clock);
    this.instances.provide(LOGGER, this.options.logger);
  }

  report(endpoint: Endpoint): Promise<HealthReport> {
    return this.health.report(endpoint);
  }

  private createMetricsEndpoint(): MetricsEndpoint {
    const {
      clock,
      logger: log,
      metricsSecure: secure,
      metricsFiles: files,
      metricsCertificateOf: token,
      instance: hostName,
    } = this.options;
    const shared = () => (token === undefined ? undefined : this.instances.container.resolve(token));
    return new MetricsEndpoint({ metrics: this.metrics, secure, files, shared, client: this.local.cluster.client, clock, log, hostName });
  }

  private addChecks(): void {
    const { clock } = this.options;
    const queues = () => this.fleet.controllers.map(({ queue }) => queue);
    this.health.addCheck('healthz', handlersCheck(queues));
    this.health.addCheck('readyz', informersCheck(this.local.cluster.informers, clock));
    this.health.addCheck('readyz', clustersCheck(this.clusters));
    this.health.addCheck('readyz', this.kinds.check());
    if (this.options.metricsAddress !== undefined) for (const check of this.metricsEndpoint.checks) this.health.addCheck('readyz', check);
    this.health.addCheck('readyz', {
      name: 'startup',
      run: () => (this.phase === 'starting' ? { state: 'failed', detail: 'not finished' } : { state: 'ok', detail: 'finished' }),
    });
    this.health.addCheck('readyz', {
      name: 'shutdown',
      run: () => (this.phase === 'stopping' ? { state: 'failed', detail: 'stopping' } : { state: 'ok', detail: '' }),
    });
    const { elector } = this.leadership;
    if (elector !== undefined) {
      this.health.addCheck(
        'readyz',
        leaseCheck(() => elector.status),
      );
      this.health.addCheck(
        'healthz',
        renewalCheck(() => elector.status, this.options.leaderElection!),
      );
    }
    for (const spec of this.registry.specs.filter(isProbe)) {
      const check = probeCheck(spec, this.instances, clock);
      if (spec.of !== 'liveness') this.health.addCheck('readyz', check);
      if (spec.of !== 'readiness') this.health.addCheck('healthz', check);
    }
  }

  private async listen(
    option: string,
    address: ListenAddress | undefined,
    bind: (address: ListenAddress) => Promise<number>,
  ): Promise<void> {
    if (address === undefined) return;
    try {
      const port = await bind(address);
      this.options.logger.debug('listening', { option, port });
    } catch (cause) {
      throw new ListenError(option, `${address.host ?? ''}:${address.port}`, cause);
    }
  }

  /** Told of every change of an informer: campaigns as soon as there is something to work on, and notices outages. */
  private look(): void {
    if (this.phase === 'stopping') return;
    if (!this.active && this.canWork()) this.activate();
    this.outages.look();
    this.kinds.look();
  }

  /** One that cannot be listed, for want of rights, say, holds up only the handlers that read it. */
  private canWork(): boolean {
    const { cluster } = this.local;
    const informers = cluster.informers.list();
    const filled = informers.filter((informer) => isFilled(informer, cluster));
    const isTried = (informer: Informer): boolean => filled.includes(informer) || TROUBLED.includes(informer.status().state);
    return informers.every(isTried) && (filled.length > 0 || informers.length === 0);
  }

  private activate(): void {
    this.active = true;
    this.phase = 'working';
    this.startSteps.done('synced');
    this.options.onListed?.();
    this.leadership.campaign();
    this.startSteps.done('leader election');
    this.options.logger.info('operator is working', { informers: this.local.cluster.informers.list().length });
  }

  private createLeadership(): Leadership {
    const { clock, logger: log, leaderElection } = this.options;
    const election = leaderElection && {
      options: leaderElection,
      elector: (events: LeaderEvents) => this.createElector(leaderElection, events),
    };
    return new Leadership({ work: this.workload, election, clock, log, fatal: this.fatal });
  }

  private createElector(options: CompiledLeaderElectionOptions, events: LeaderEvents): LeaseElector {
    const { clock, logger: log, random, namespace, instance } = this.options;
    const store = new ApiLeaseStore(this.local.leaseClient(options.requestTimeoutMs), namespace, options.lease);
    const metrics = { leading: (lease: string, isLeading: boolean) => this.metrics.process.setLeading(lease, isLeading) };
    const identity = `${instance}_${randomUUID()}`;
    return new LeaseElector({ options, namespace, identity, store, clock, random, log, metrics, ...events });
  }

  private processContext(signal: AbortSignal): ProcessContext {
    const { logger: log, clock } = this.options;
    const { cluster } = this.local;
    return { cluster, client: cluster.client, log, clock, signal };
  }
}

function stoppingError(): OperatorError {
  return new OperatorError('STOPPING', 'the operator is stopping');
}
