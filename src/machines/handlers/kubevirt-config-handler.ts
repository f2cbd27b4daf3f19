/**
 * Engages the cluster of each KubevirtConfig and says in its status how it is.
 *
 * Owns: status, conditions, Events and the finalizer of a KubevirtConfig. Never: writes to a remote cluster; lets one config delay another.
 * Invariant: a config that Machines are placed on does not go before the last of them, unless somebody asked to orphan them.
 */
import {
  CLOCK,
  type Clock,
  Cluster,
  clusterChanges,
  Handler,
  inject,
  isOperatorError,
  LOGGER,
  type Logger,
  MetricsRegistry,
  Namespace,
  OnEvent,
  OnShutdown,
  OnStartup,
  Probe,
  Reconcile,
  type ReconcileContext,
  type ReconcileResult,
  type ResourceEvent,
  Triggers,
  timestampOf,
} from '../../framework';
import { ClusterClients } from '../clusters/cluster-clients';
import { ClusterConnections } from '../clusters/cluster-connections';
import { ClusterFindingsStore } from '../clusters/cluster-findings';
import { clusterNameOf, keyOfCluster, objectKeyOf } from '../clusters/cluster-key';
import { ClusterMetrics } from '../clusters/cluster-metrics';
import { judgeCluster } from '../clusters/cluster-state';
import { ConfigDirectory } from '../clusters/config-directory';
import { conditionsOf, type StatusFacts, statusFields } from '../clusters/config-status';
import { secretPlaceOf } from '../clusters/kubeconfig';
import { KubeconfigSecrets } from '../clusters/kubeconfig-secrets';
import { MachineClusters } from '../clusters/machine-clusters';
import { PlacedMachines } from '../clusters/placed-machines';
import { CONFIG_FINALIZER, DELETION_POLICY_ANNOTATION } from '../keys';
import { KubevirtConfig, Machine } from '../kinds';
import { ClusterLabels } from '../observability/cluster-labels';
import { LostRecords } from '../placement/lost-records';
import { MACHINES_SETTINGS, type MachinesSettings } from '../settings';
import { SupervisorApi } from '../supervisor-api';
import { ClusterCheckQueue } from './cluster-check-handler';
import { exposeClusterFigures } from './cluster-gauges';
import { acceptedIdentity, replaceIdentity } from './cluster-identity';
import { configEvents } from './kubevirt-config-events';

const DAY_MS = 86_400_000;
/** Credentials that end within this time are reported. */
const EXPIRES_SOON_MS = 7 * DAY_MS;
const COUNT_INTERVAL_MS = 250;
/** A config is held for a Machine that has lost its record, and looked at again after this. */
const LOST_LOOK_MS = 15_000;
/** Names shown of the Machines that hold a config. */
const SHOWN_MACHINES = 5;

@Handler({
  rbac: [
    { kind: KubevirtConfig, verbs: ['patch'], why: 'finalizer, and the identity of the cluster' },
    { kind: Namespace, verbs: ['get'], names: ['kube-system'], why: 'identity of this cluster, which marks objects on remote clusters' },
  ],
})
export class KubevirtConfigHandler {
  /** When a warning about expiry was sent last, by cluster key. */
  private readonly warnedAtMs = new Map<string, number>();
  private isWithoutConfigs = false;

  constructor(
    private readonly directory: ConfigDirectory,
    private readonly connections: ClusterConnections,
    private readonly clients: ClusterClients,
    private readonly secrets: KubeconfigSecrets,
    private readonly findings: ClusterFindingsStore,
    private readonly placed: PlacedMachines,
    private readonly clusters: MachineClusters,
    private readonly api: SupervisorApi,
    private readonly checks: ClusterCheckQueue,
    private readonly cluster: Cluster,
    private readonly counters: ClusterMetrics,
    private readonly lost: LostRecords,
    labels: ClusterLabels,
    triggers: Triggers,
    metrics: MetricsRegistry,
    @inject(CLOCK) private readonly clock: Clock,
    @inject(LOGGER) private readonly logger: Logger,
    @inject(MACHINES_SETTINGS) private readonly settings: MachinesSettings,
  ) {
    const touch = (key: string): void => triggers.touch(KubevirtConfig, objectKeyOf(key, api.home));
    const touchAll = (): void => {
      for (const config of directory.all()) touch(directory.keyOf(config));
    };
    secrets.onChange((key) => {
      clients.invalidateClient(key);
      touch(key);
    });
    connections.onJudged(touch);
    checks.onChecked(() => touchAll());
    placed.onChange(touch);
    api.onChange(() => {
      for (const config of directory.all()) this.follow(config);
      touchAll();
    });
    exposeClusterFigures(metrics, labels, () => this.figures());
  }

  @OnEvent(KubevirtConfig)
  see({ type, object }: ResourceEvent<KubevirtConfig>): void {
    if (!this.directory.counts(object.metadata?.namespace ?? '')) return;
    const key = this.directory.keyOf(object);
    this.clients.invalidateClient(key);
    this.tellWithoutConfigs();
    if (type !== 'DELETED') {
      this.counters.declare(key);
      this.follow(object);
      return;
    }
    this.secrets.follow(key, undefined);
    this.warnedAtMs.delete(key);
    this.counters.forget(key);
    this.connections
      .disengage(key)
      .catch((error: unknown) => this.logger.error('a cluster was not disengaged', { kubevirtConfig: key, error }));
  }

  @OnEvent(Machine)
  count({ type, object }: ResourceEvent<Machine>): void {
    this.placed.see(object, type === 'DELETED');
  }

  /** Nobody is told by an event that there is nothing. */
  @OnStartup()
  lookForConfigs(): void {
    this.cluster.onChange(() => this.tellWithoutConfigs());
  }

  /** Informers and writes belong to the leader. */
  @OnShutdown({ phase: 'leader' })
  async retire(): Promise<void> {
    await this.connections.disengageAll();
  }

  /** Says for which clusters another credential is not noticed at once. */
  @Probe('machines-secrets')
  secretsFollowed(): string {
    const keys = this.directory.isKnown ? this.directory.all().map((config) => this.directory.keyOf(config)) : [];
    const atIntervals = keys.filter((key) => this.secrets.watching(key) === 'refused');
    const watched = keys.filter((key) => this.secrets.watching(key) === 'yes').length;
    return atIntervals.length === 0
      ? `${watched} watched`
      : `${watched} watched, read at intervals: ${atIntervals.slice(0, SHOWN_MACHINES).join(', ')}`;
  }

  @OnShutdown()
  async close(): Promise<void> {
    this.clients.invalidateAll();
    await this.secrets.close();
  }

  @Reconcile(KubevirtConfig, {
    // Each is a few calls to our own API server.
    concurrency: 8,
    // Machines that come by the hundred change its count; that is told once.
    minIntervalMs: COUNT_INTERVAL_MS,
    whileDeleting: true,
    // Ready is about the cluster; trouble with our own API server is none of its.
    failure: { condition: false, event: true },
    watches: (get) => [
      clusterChanges(({ name }) => {
        const { home } = get(SupervisorApi);
        return [objectKeyOf(keyOfCluster(name, home), home)];
      }),
    ],
  })
  async reconcile(config: KubevirtConfig, ctx: ReconcileContext<KubevirtConfig>): Promise<ReconcileResult> {
    if (this.api.problem !== undefined || !this.directory.counts(config.metadata?.namespace ?? '')) return;
    const key = this.directory.keyOf(config);
    // That the last Machine without a record is settled is told by nobody.
    const isHeldForLost = this.placed.count(key) === 0 && isHeld(config) && (await this.lost.mayBeOn(key, ctx.client, ctx.signal));
    if (!(await this.hold(config, key, isHeldForLost, ctx))) return;
    await this.engage(config, key, ctx);
    const accepted = acceptedIdentity(config, this.clusters.facts(key, config));
    if (accepted !== undefined) await replaceIdentity(ctx.client, config, accepted, ctx.signal);
    const result = this.report(config, key, ctx);
    if (!isHeldForLost) return result;
    if (config.metadata?.deletionTimestamp !== undefined) this.tellHeld(config, key, ctx);
    return { requeueAfterMs: LOST_LOOK_MS };
  }

  /** @returns false when the config may go, and so is served no more. */
  private async hold(config: KubevirtConfig, key: string, isHeldForLost: boolean, ctx: ReconcileContext<KubevirtConfig>): Promise<boolean> {
    const isDeleting = config.metadata?.deletionTimestamp !== undefined;
    const machines = this.placed.count(key);
    const isOrphaned = isDeleting && config.metadata?.annotations?.[DELETION_POLICY_ANNOTATION] === 'orphan';
    const isUsed = machines > 0 || isHeldForLost;
    if (isHeld(config) && (!isUsed || isOrphaned)) await ctx.client.removeFinalizer(KubevirtConfig, config, CONFIG_FINALIZER);
    if (!isHeld(config) && !isDeleting && machines > 0) await ctx.client.addFinalizer(KubevirtConfig, config, CONFIG_FINALIZER);
    return !(isDeleting && (!isUsed || isOrphaned));
  }

  /** `report` speaks of the Machines that are placed here; there is none. */
  private tellHeld({ status }: KubevirtConfig, key: string, { status: writer, events }: ReconcileContext<KubevirtConfig>): void {
    const message = `Machines that lost the record of their placement may have objects on cluster ${key}; to let the config go all the same set annotation ${DELETION_POLICY_ANNOTATION}: orphan`;
    writer.condition({ type: 'DeletionBlocked', status: 'True', reason: 'InUse', message });
    const told = status?.conditions?.find(({ type }) => type === 'DeletionBlocked');
    if (told?.status !== 'True' || told.message !== message) events.warning('DeletionBlocked', message);
  }

  private tellWithoutConfigs(): void {
    const { profile, home } = this.api;
    const isEmpty = this.api.problem === undefined && this.directory.isKnown && this.directory.all().length === 0;
    if (isEmpty === this.isWithoutConfigs) return;
    this.isWithoutConfigs = isEmpty;
    const where = profile === 'first' ? ` in namespace '${home}'` : '';
    if (isEmpty) this.logger.warn(`⚠️ No KubevirtConfig resources found${where}. Please create at least one KubevirtConfig.`);
  }

  private async engage(config: KubevirtConfig, key: string, ctx: ReconcileContext<KubevirtConfig>): Promise<void> {
    const state = this.connections.clusterOf(key)?.health.state;
    const isWatched = this.secrets.watching(key) === 'yes';
    // The credential was refused, or nobody would tell us of another one.
    const anew = state === 'AuthFailed' || (!isWatched && state === 'Unreachable') || this.findings.get(key)?.forbidden !== undefined;
    const isNews = this.connections.problemOf(key) === undefined;
    const outcome = await this.connections.engage(config, { anew });
    if (outcome === 'rotated') this.counters.rotated(key, 'used');
    if ((outcome === 'problem' && isNews) || outcome === 'failed') this.counters.rotated(key, 'refused');
    if (outcome === 'rotated') {
      ctx.log.info('another kubeconfig is in use', { kubevirtConfig: key });
      ctx.events.normal('CredentialsRotated', 'another kubeconfig is in use');
      this.checks.ask(clusterNameOf(key, this.api.home));
    }
    if (outcome === 'failed') ctx.events.warning('CredentialsNotUsed', this.connections.clusterOf(key)?.health.problem ?? '');
  }

  private report(config: KubevirtConfig, key: string, ctx: ReconcileContext<KubevirtConfig>): ReconcileResult {
    const facts = this.factsOf(config, key);
    const judged = judgeCluster(facts);
    // It is being connected or checked: what is known from before holds until then.
    if (judged === undefined) return;
    ctx.status.set(statusFields(config, facts, judged, timestampOf(this.clock.now())) as Partial<NonNullable<KubevirtConfig['status']>>);
    const conditions = conditionsOf(config, facts, judged);
    for (const condition of conditions) ctx.status.condition(condition);
    for (const { type, reason, note } of configEvents(config, judged, conditions)) ctx.events[type](reason, note);
    return this.warnOfExpiry(key, facts, ctx);
  }

  /** Once a day; and looks again when it begins. */
  private warnOfExpiry(key: string, facts: StatusFacts, ctx: ReconcileContext<KubevirtConfig>): ReconcileResult {
    const expiresAtMs = this.connections.factsOf(key)?.expiresAtMs;
    if (expiresAtMs === undefined) return;
    const nowMs = this.clock.now();
    const untilSoonMs = expiresAtMs - EXPIRES_SOON_MS - nowMs;
    if (untilSoonMs > 0) return { requeueAfterMs: Math.min(untilSoonMs, DAY_MS) };
    const lastMs = this.warnedAtMs.get(key);
    if (lastMs === undefined || nowMs - lastMs >= DAY_MS) {
      this.warnedAtMs.set(key, nowMs);
      ctx.events.warning('CredentialsExpiring', `the credentials expire at ${facts.credentialsExpireAt}`);
    }
    return { requeueAfterMs: DAY_MS };
  }

  private factsOf(config: KubevirtConfig, key: string): StatusFacts {
    const connection = this.connections.factsOf(key);
    const expiresAtMs = connection?.expiresAtMs;
    return {
      ...this.clusters.facts(key, config),
      server: connection?.server,
      kubernetesVersion: this.connections.clusterOf(key)?.version,
      credentialsExpireAt: expiresAtMs === undefined ? undefined : timestampOf(expiresAtMs),
      expiresSoon: expiresAtMs !== undefined && expiresAtMs - this.clock.now() <= EXPIRES_SOON_MS,
      credentialsInUse: this.connections.inUse(key),
      observedCredentials: this.connections.observed(key),
      duplicateOf: this.findings.duplicateOf(key),
      crdFindings: this.findings.crdFindings(key),
      firstMachines: this.placed.machinesOf(key).slice(0, SHOWN_MACHINES),
    };
  }

  private follow(config: KubevirtConfig): void {
    const key = this.directory.keyOf(config);
    try {
      this.secrets.follow(key, secretPlaceOf(config, this.directory.placeOf(key)));
    } catch (error) {
      if (!isOperatorError(error, 'KUBEVIRT_CONFIG')) throw error;
      this.secrets.follow(key, undefined);
    }
  }

  private figures(): Parameters<typeof exposeClusterFigures>[2] extends () => infer R ? R : never {
    const configs = this.cluster.store(KubevirtConfig).synced ? this.directory.all() : [];
    return configs.map((config) => {
      const key = this.directory.keyOf(config);
      const found = this.findings.get(key);
      return {
        key,
        state: this.connections.clusterOf(key)?.health.state,
        expiresAtMs: this.connections.factsOf(key)?.expiresAtMs,
        findings: {
          kubevirt: found?.kubeVirt.length ?? 0,
          permissions: found?.missingRights?.length ?? 0,
          crds: this.findings.crdFindings(key).length,
          cdi: this.settings.expectsImporter && found?.hasImporter === false ? 1 : 0,
        },
      };
    });
  }
}

function isHeld({ metadata }: KubevirtConfig): boolean {
  return metadata?.finalizers?.includes(CONFIG_FINALIZER) === true;
}
