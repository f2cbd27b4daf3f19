/**
 * The module at work: what it knows of the cluster, which keys there are, and what wakes them.
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
  type ResourceEvent,
  singleton,
} from '../../framework';
import { Baseline } from '../baseline/baseline';
import { objectApi } from '../baseline/object-api';
import type { NamespaceState, ObjectApi } from '../baseline/ports';
import { IdentityClaims } from '../catalog';
import { anchorMistakesOf } from '../context/anchor-mistakes';
import { ContextKeeper } from '../context/context-keeper';
import type { ContextChange, ContextState } from '../context/context-state';
import { FollowedKind, type FollowedKindOptions } from '../context/followed-kind';
import type { ServedChange } from '../context/served-kinds';
import { EXCLUSIONS_ANNOTATION, ROLLOUT_ANNOTATION } from '../keys';
import { ModuleReporter } from '../observability/module-reporter';
import { PlatformEvents } from '../observability/platform-events';
import { PlatformMetrics } from '../observability/platform-metrics';
import { StatusWriter } from '../observability/status-writer';
import { Exclusions } from '../overrides/exclusions';
import { RolloutGate } from '../rollout/rollout-gate';
import { rolloutModeOf } from '../rollout/rollout-mode';
import { PLATFORM_SETTINGS, type PlatformSettings } from '../settings';
import { Throttle } from '../throttling/throttle';
import { AssetKeys } from './asset-keys';
import { AssetRun } from './asset-run';
import { Barriers } from './barriers';
import { KeyStates } from './key-states';
import { Leftovers } from './leftovers';
import { ManagedKinds } from './managed-kinds';
import { PlatformCatalog } from './platform-catalog';
import { Term } from './term';

const NAMESPACES: FollowedKindOptions = { apiVersions: ['v1'], kind: 'Namespace', select: { metadataOnly: true } };
const POOLS: FollowedKindOptions = { apiVersions: ['machineconfiguration.openshift.io/v1'], kind: 'MachineConfigPool' };
/** Resyncs of keys are spread by this part of the interval, both ways. */
const RESYNC_SPREAD = 0.2;
/** Until a key is looked at again of a process that leads and cannot work yet. */
const TERM_MS = 5_000;

@singleton()
export class PlatformRuntime {
  readonly keys: AssetKeys;
  readonly states = new KeyStates();
  private readonly claims = new IdentityClaims();
  private readonly exclusions = new Exclusions();
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
  /** Monotonic milliseconds of the next run that looks at everything, by key. */
  private readonly resyncs = new Map<string, number>();
  /** Node-level keys that had a run since this process leads. */
  private readonly decided = new Set<string>();
  /** Assets that were in sync when last somebody was told. */
  private readonly metRequirements = new Set<string>();
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
      onLookUpChange: (apiVersion, kind) => this.lookUpChanged(apiVersion, kind),
      onDefinitionChange: (resource) => this.definitionChanged(resource),
    });
    const { served } = this.keeper;
    const onManaged = (event: ResourceEvent): void => this.managedChanged(event);
    this.managed = new ManagedKinds({ served, open, catalog, onEvent: onManaged, onChange: () => this.leftovers.sweepSoon() });
    this.namespaces = new FollowedKind(NAMESPACES, {
      served,
      open,
      onChange: () => undefined,
      onEvent: ({ object }) => this.namespaceChanged(object),
    });
    this.pools = new FollowedKind(POOLS, {
      served,
      open,
      onChange: () => this.poolsChanged(),
      onEvent: ({ object }) => this.gate.observe(object),
    });
    this.barriers = new Barriers(this.keys, states, clock);
    this.gate = new RolloutGate({
      clock,
      pools: () => (this.pools.isComplete ? this.pools.objects() : undefined),
      mode: () => rolloutModeOf(this.anchorAnnotation(ROLLOUT_ANNOTATION)).mode,
      isDecidedBefore: (position) => this.isDecidedBefore(position),
    });
    this.events = new PlatformEvents({
      recorder: { record: (event) => recorder.record(event, () => this.refuseUnlessLeading()) },
      ...{ clock, log, anchor: () => this.anchor, dropped: (count) => metrics.eventsDropped(count) },
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
      mistakes: () => this.mistakes(),
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
  }

  /** On every replica. */
  start(sink: KeySink): void {
    this.keys.start(sink);
    this.keeper.onChange((change, state) => this.contextChanged(change, state));
    this.keeper.served.onChange((change) => this.servedChanged(change));
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
    this.metRequirements.clear();
    this.decided.clear();
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
    const nowMs = this.clock.monotonicMs();
    const isFull = (this.resyncs.get(key) ?? 0) <= nowMs;
    if (isFull) this.resyncs.set(key, nowMs + this.settings.resyncMs * (1 + RESYNC_SPREAD * (2 * Math.random() - 1)));
    const retryAfterMs = await this.run.run(key, asset, this.api(client), isFull);
    this.ended(key);
    const resyncMs = this.resyncs.get(key);
    // Gone while it ran.
    if (resyncMs === undefined) return undefined;
    const resyncInMs = resyncMs - this.clock.monotonicMs();
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

  /** After each run: whoever waited for this key goes on. */
  private ended(key: string): void {
    const asset = this.keys.assetOf(key);
    if (asset === undefined) return;
    this.keys.touch(this.barriers.ended(key, asset));
    const state = this.states.get(key);
    if (asset.isNodeLevel && state?.reason !== 'ContextUnknown' && !this.decided.has(key)) {
      this.decided.add(key);
      this.poolsChanged();
    }
    if (asset.isNodeLevel && state?.outcome?.status !== 'RolloutPending') this.letOthersGo(key);
    if (state?.outcome !== undefined) this.wakeDependents(asset.name);
  }

  /** Those that require the asset to be in sync, or have a part that does, if that is another answer now. */
  private wakeDependents(name: string): void {
    const isMet = this.states.isInSync(name);
    if (this.metRequirements.has(name) === isMet) return;
    if (isMet) this.metRequirements.add(name);
    else this.metRequirements.delete(name);
    this.keys.touchWhere(({ requires }) => requires.some((one) => one.type === 'asset' && one.asset === name));
  }

  /** The key neither waits for a pool nor writes. */
  private letOthersGo(key: string): void {
    const target = this.states.get(key)?.target;
    if (target !== undefined && this.gate.ended({ kind: target.kind, metadata: { name: target.name } })) this.poolsChanged();
  }

  private gone(key: string): void {
    this.letOthersGo(key);
    this.run.forget(key);
    this.resyncs.delete(key);
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

  private contextChanged(change: ContextChange, state: ContextState): void {
    const text = this.anchorAnnotation(EXCLUSIONS_ANNOTATION);
    const isAnchored = this.anchor !== undefined;
    if (isAnchored && this.exclusions.update(text)) this.keys.touchAll();
    if (change.everything) this.baseline.expireAll();
    const concerned = this.keys.touchFor(change);
    this.states.outdate(concerned);
    this.barriers.owe(concerned);
    void this.expand(state);
    this.reporter.contextChanged();
    this.leftovers.contextChanged();
  }

  private async expand({ context }: ContextState): Promise<void> {
    try {
      await this.keys.expand(context);
    } catch (error) {
      this.log.error('the keys of the catalog could not be told', { error });
    } finally {
      this.leftovers.sweepSoon();
    }
  }

  private lookUpChanged(apiVersion: string, kind: string): void {
    const keys = this.keys.touchWhere(({ lookUps }) => lookUps.some((one) => one.apiVersion === apiVersion && one.kind === kind));
    if (keys.length > 0 && this.keeper.state !== undefined) void this.expand(this.keeper.state);
  }

  /** Other fields may be known now. */
  private definitionChanged(resource: string): void {
    const [plural = '', group = ''] = [resource.slice(0, resource.indexOf('.')), resource.slice(resource.indexOf('.') + 1)];
    const kinds = new Set(this.keeper.served.ofResource(group, plural).map(({ kind }) => kind));
    for (const key of this.keys.touchWhere(({ identity }) => kinds.has(identity.kind))) this.baseline.expire(key);
  }

  private servedChanged({ appeared, gone }: ServedChange): void {
    for (const { apiVersion, kind } of [...appeared, ...gone]) {
      for (const key of this.keys.all()) {
        const { identity } = this.keys.assetOf(key)!;
        if (identity.kind === kind && identity.apiVersions.includes(apiVersion)) this.baseline.expire(key);
      }
    }
    this.reporter.appeared(appeared);
    this.leftovers.appeared(appeared);
    this.keys.touchAll();
  }

  private managedChanged({ object }: ResourceEvent): void {
    this.keys.touchObject(object);
    this.leftovers.objectChanged(object);
  }

  private namespaceChanged({ metadata }: KubernetesObject): void {
    const name = metadata?.name;
    const waiting = this.states
      .list()
      .filter(({ outcome, target }) => outcome?.status === 'NamespaceMissing' && target?.namespace === name);
    this.keys.touch(waiting.map(({ key }) => key));
  }

  private poolsChanged(): void {
    this.keys.touch(
      this.states
        .list()
        .filter(({ outcome }) => outcome?.status === 'RolloutPending')
        .map(({ key }) => key),
    );
  }

  private isDecidedBefore(position: number): boolean {
    return this.keys.all().every((key) => {
      const asset = this.keys.assetOf(key)!;
      return !asset.isNodeLevel || asset.position >= position || this.decided.has(key);
    });
  }

  private namespaceState(name: string): NamespaceState {
    if (!this.namespaces.synced) return 'unknown';
    const found = this.namespaces.get(name);
    if (found === undefined) return 'absent';
    return found.metadata?.deletionTimestamp === undefined ? 'active' : 'terminating';
  }

  /** What the user has to correct on the anchor. */
  private mistakes(): ReturnType<ConstructorParameters<typeof ModuleReporter>[0]['mistakes']> {
    const { problem } = rolloutModeOf(this.anchorAnnotation(ROLLOUT_ANNOTATION));
    const options = [...(problem === undefined ? [] : [problem]), ...(this.anchor === undefined ? [] : anchorMistakesOf(this.anchor))];
    return [
      ...this.exclusions.problems.map((message) => ({ reason: 'InvalidExclusions', message }) as const),
      ...options.map((message) => ({ reason: 'InvalidOption', message }) as const),
    ];
  }

  private get anchor(): KubernetesObject | undefined {
    const choice = this.keeper.state?.anchor;
    return choice !== undefined && 'object' in choice ? choice.object : undefined;
  }

  private anchorAnnotation(name: string): string | undefined {
    return this.anchor?.metadata?.annotations?.[name];
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
