/**
 * The module at work: puts its parts together, leads or follows with the process, and runs one key at a time.
 *
 * Expected flow: `start` on every replica, which keeps caches warm -> `begin` when it leads -> runs -> `end` -> `stop`.
 * Guarantees: every change that a run depends on wakes the keys concerned, and no others; a process that does not lead renders and writes
 * nothing; nor does one that cannot read the status of an earlier life, since it holds what the user wants on removal.
 */
import {
  CLOCK,
  type Clock,
  Cluster,
  EventRecorder,
  inject,
  type KeySink,
  type KubeClient,
  type KubernetesObject,
  LOGGER,
  type Logger,
  singleton,
} from '../../framework';
import { Baseline } from '../baseline/baseline';
import { objectApi } from '../baseline/object-api';
import type { NamespaceState, ObjectApi } from '../baseline/ports';
import { IdentityClaims } from '../catalog';
import { ContextKeeper } from '../context/context-keeper';
import { FollowedKind, type FollowedKindOptions } from '../context/followed-kind';
import { ModuleReporter } from '../observability/module-reporter';
import { PlatformEvents } from '../observability/platform-events';
import { PlatformMetrics } from '../observability/platform-metrics';
import { StatusWriter } from '../observability/status-writer';
import { Exclusions } from '../overrides/exclusions';
import { RolloutGate } from '../rollout/rollout-gate';
import { PLATFORM_SETTINGS, type PlatformSettings } from '../settings';
import { Throttle } from '../throttling/throttle';
import { AnchorView } from './anchor-view';
import { AssetKeys } from './asset-keys';
import { AssetRun } from './asset-run';
import { Barriers } from './barriers';
import { KeyStates } from './key-states';
import { KeyWakes } from './key-wakes';
import { Leftovers } from './leftovers';
import { ManagedKinds } from './managed-kinds';
import { PlatformCatalog } from './platform-catalog';
import { Resyncs } from './resyncs';
import { RunEffects } from './run-effects';
import { Term } from './term';

const NAMESPACES: FollowedKindOptions = { apiVersions: ['v1'], kind: 'Namespace', select: { metadataOnly: true } };
const POOLS: FollowedKindOptions = { apiVersions: ['machineconfiguration.openshift.io/v1'], kind: 'MachineConfigPool' };
/** Until a key is looked at again of a process that leads and cannot work yet. */
const TERM_MS = 5_000;

@singleton()
export class PlatformRuntime {
  readonly keys: AssetKeys;
  readonly states = new KeyStates();
  private readonly claims = new IdentityClaims();
  private readonly exclusions = new Exclusions();
  private readonly anchor = new AnchorView(() => this.keeper.state, this.exclusions);
  private readonly keeper: ContextKeeper;
  private readonly managed: ManagedKinds;
  private readonly namespaces: FollowedKind;
  private readonly pools: FollowedKind;
  private readonly barriers: Barriers;
  private readonly baseline: Baseline;
  private readonly gate: RolloutGate;
  private readonly events: PlatformEvents;
  private readonly status: StatusWriter;
  private readonly reporter: ModuleReporter;
  /** Orphans and tombstones. */
  readonly leftovers: Leftovers;
  private readonly run: AssetRun;
  private readonly resyncs: Resyncs;
  private readonly effects: RunEffects;
  private readonly wakes: KeyWakes;
  private readonly term: Term;
  /** Refuses writes when this process does not lead; before it ever led there is nothing to write. */
  private leaderClient: KubeClient;

  constructor(
    cluster: Cluster,
    { catalog, renderer }: PlatformCatalog,
    recorder: EventRecorder,
    metrics: PlatformMetrics,
    @inject(PLATFORM_SETTINGS) private readonly settings: PlatformSettings,
    @inject(CLOCK) private readonly clock: Clock,
    @inject(LOGGER) private readonly log: Logger,
  ) {
    const { states, claims, exclusions } = this;
    const open: ConstructorParameters<typeof FollowedKind>[1]['open'] = (kind, select) => cluster.openInformer(kind, select);
    this.leaderClient = cluster.client;
    this.keys = new AssetKeys({ catalog, renderer, claims, log, onGone: (key) => this.gone(key) });
    this.keeper = new ContextKeeper({
      ...{ cluster, clock, log, catalog, activation: settings.activation, environment: process.env, resyncMs: settings.resyncMs },
      operator: operatorFacts(settings, catalog.version),
      onLookUpChange: (apiVersion, kind) => this.wakes.lookUpChanged(apiVersion, kind),
      onDefinitionChange: (resource) => this.wakes.definitionChanged(resource),
    });
    const { served } = this.keeper;
    this.resyncs = new Resyncs(settings.resyncMs, clock);
    this.managed = new ManagedKinds({
      ...{ served, open, catalog },
      onEvent: (event) => this.wakes.managedChanged(event),
      onChange: () => this.leftovers.sweepSoon(),
    });
    this.namespaces = new FollowedKind(NAMESPACES, {
      served,
      open,
      onChange: () => undefined,
      onEvent: ({ object }) => this.wakes.namespaceChanged(object),
    });
    this.pools = new FollowedKind(POOLS, {
      served,
      open,
      onChange: () => this.effects.poolsChanged(),
      onEvent: ({ object }) => this.gate.observe(object),
    });
    this.barriers = new Barriers(this.keys, states, clock);
    this.gate = new RolloutGate({
      clock,
      pools: () => (this.pools.isComplete ? this.pools.objects() : undefined),
      mode: () => this.anchor.rolloutMode,
      isDecidedBefore: (position) => this.effects.isDecidedBefore(position),
    });
    this.effects = new RunEffects({ keys: this.keys, states, barriers: this.barriers, gate: this.gate });
    this.events = new PlatformEvents({
      recorder: { record: (event) => recorder.record(event, () => this.refuseUnlessLeading()) },
      ...{ clock, log, anchor: () => this.anchor.object, dropped: (count) => metrics.eventsDropped(count) },
    });
    const throttle = new Throttle({ capacity: settings.throttleCapacity, windowMs: settings.throttleWindowMs, clock });
    const counters = {
      dryRun: () => metrics.dryRun(),
      applied: (result: 'created' | 'changed' | 'failed') => metrics.applied(result),
      thrashing: metrics.thrashing.bind(metrics),
    };
    this.baseline = new Baseline({ throttle, rollout: this.gate, events: this.events, counters, clock, log });
    this.status = this.statusWriter();
    this.term = new Term({ clock, log, read: () => this.status.begin(), lead: () => this.lead() });
    this.reporter = new ModuleReporter({
      ...{ metrics, events: this.events, states: () => states.list(), keys: () => this.keys.all(), context: () => this.keeper.state },
      isOutdated: (key) => states.isOutdated(key),
      serves: (apiVersion, kind) => served.find(apiVersion, kind) !== undefined,
      invalidExclusions: () => (exclusions.isReadable ? '' : (exclusions.problems[0] ?? '')),
      mistakes: () => this.anchor.mistakes(),
      orphans: () => this.leftovers.orphans,
      rememberedPolicy: () => this.status.rememberedPolicy,
      edited: () => this.leftovers.edited,
      changed: () => this.status.changed(),
    });
    states.onState((state, before) => this.reporter.report(state, before));
    this.leftovers = new Leftovers({
      ...{ catalog, renderer, keys: this.keys, states, managed: this.managed, served, exclusions, gate: this.gate },
      ...{ events: this.events, metrics, clock, log, resyncMs: settings.resyncMs, state: () => this.keeper.state },
      policy: () => this.reporter.policy(),
      swept: () => this.reporter.look(),
      remembers: () => this.status.changed(),
    });
    this.run = new AssetRun({
      ...{
        catalog,
        renderer,
        claims,
        keys: this.keys,
        states,
        barriers: this.barriers,
        baseline: this.baseline,
        exclusions,
        managed: this.managed,
      },
      ...{ served, events: this.events, clock, log, state: () => this.keeper.state },
      namespaceState: (name) => this.namespaceState(name),
      renderFailed: (asset) => metrics.renderFailed(asset),
    });
    this.wakes = new KeyWakes({
      ...{ keys: this.keys, states, barriers: this.barriers, baseline: this.baseline, anchor: this.anchor, served },
      ...{ reporter: this.reporter, leftovers: this.leftovers, log, state: () => this.keeper.state },
    });
  }

  /** On every replica. */
  start(sink: KeySink): void {
    this.keys.start(sink);
    this.keeper.onChange((change, state) => this.wakes.contextChanged(change, state));
    this.keeper.served.onChange((change) => this.wakes.servedChanged(change));
    this.keeper.start();
  }

  async stop(): Promise<void> {
    this.keys.stop();
    this.events.stop();
    await Promise.all([this.keeper.stop(), this.managed.stop(), this.namespaces.stop(), this.pools.stop()]);
  }

  /** This process leads from now on: nothing of an earlier term counts. */
  async begin(client: KubeClient): Promise<void> {
    this.leaderClient = client;
    this.states.clear();
    this.barriers.clear();
    this.effects.clear();
    this.baseline.expireAll();
    await this.term.begin();
  }

  private lead(): void {
    this.barriers.owe(this.keys.all());
    this.leftovers.begin(this.status.rememberedEdits);
    this.reporter.lead();
  }

  async end(): Promise<void> {
    await this.term.end();
    await this.status.end();
    this.reporter.follow();
  }

  /** One run. @returns milliseconds until the next one that needs no cause. */
  async reconcile(key: string, client: KubeClient): Promise<number | undefined> {
    const asset = this.keys.assetOf(key);
    if (asset === undefined) return undefined;
    if (!this.term.isLeading) return TERM_MS;
    const isFull = this.resyncs.begin(key);
    const retryAfterMs = await this.run.run(key, asset, this.api(client), isFull);
    this.effects.ended(key);
    const resyncInMs = this.resyncs.inMs(key);
    // Gone while it ran.
    if (resyncInMs === undefined) return undefined;
    return Math.max(0, Math.min(resyncInMs, retryAfterMs ?? Number.POSITIVE_INFINITY));
  }

  /** One run over what is left behind. @returns milliseconds until the next one that needs no cause. */
  async reconcileLeftover(key: string, client: KubeClient): Promise<number> {
    return this.term.isLeading ? this.leftovers.reconcile(key, client) : TERM_MS;
  }

  /** One line about the module, for people who ask whether it is ready. */
  get summary(): string {
    const { state, served } = this.keeper;
    if (this.term.obstacle !== undefined) return `waits for what was written last: ${this.term.obstacle}`;
    if (!served.isKnown) return 'waits for discovery';
    if (state === undefined || state.anchor.kind === 'unknown') return 'waits for the anchor';
    if (state.anchor.kind === 'none') return `nothing is applied: ${state.anchor.why}`;
    const missing = this.states.list().filter(({ status }) => status === 'MISSING');
    const kinds = new Set(missing.map(({ asset }) => `${asset.identity.kind}.${asset.identity.apiVersions[0]}`));
    const unreadable = this.managed.failures;
    return [
      `${state.activation.reason}, ${this.keys.all().length} keys`,
      ...(kinds.size === 0 ? [] : [`missing: ${[...kinds].sort().join(', ')}`]),
      ...(unreadable.length === 0 ? [] : [`unreadable: ${unreadable.join('; ')}`]),
    ].join('; ');
  }

  private gone(key: string): void {
    this.effects.gone(key);
    this.run.forget(key);
    this.resyncs.forget(key);
    this.states.remove(key);
    this.reporter.forget(key);
    this.leftovers.sweepSoon();
  }

  private api(client: KubeClient): ObjectApi {
    const api = objectApi(client, (_kind, object) => this.managed.putOwnWrite(object));
    const kept = (object: KubernetesObject): KubernetesObject => {
      this.managed.putOwnWrite(object);
      return object;
    };
    return {
      ...api,
      apply: async (kind, object, dryRun) => {
        const answer = await api.apply(kind, object, dryRun);
        return dryRun ? answer : kept(answer);
      },
      patch: async (kind, key, operations) => kept(await api.patch(kind, key, operations)),
    };
  }

  private namespaceState(name: string): NamespaceState {
    if (!this.namespaces.synced) return 'unknown';
    const found = this.namespaces.get(name);
    if (found === undefined) return 'absent';
    return found.metadata?.deletionTimestamp === undefined ? 'active' : 'terminating';
  }

  private refuseUnlessLeading(): void {
    if (!this.term.isLeading) throw new Error('this process does not lead');
  }

  private statusWriter(): StatusWriter {
    const client: Pick<KubeClient, 'find' | 'apply'> = {
      find: (...call) => this.leaderClient.find(...call),
      apply: (...call) => this.leaderClient.apply(...call),
    };
    const { clock, log, settings } = this;
    return new StatusWriter({ client, clock, log, namespace: settings.namespace, status: () => this.reporter.status() });
  }
}

function operatorFacts(
  { namespace, version, metricsPort, metricsSecure, inCluster, runbookUrl }: PlatformSettings,
  catalogVersion: string,
) {
  return { namespace, version, catalogVersion, metricsPort, metricsSecure, inCluster, runbookUrl };
}
