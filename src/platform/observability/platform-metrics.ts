/**
 * Metrics of the module, under the names that dashboards of the older operator know.
 *
 * Owns: names, labels, and which series exist. Invariant: at most 2,000 identities; all series of an identity go when it is forgotten, and
 * all of them when this process stops leading.
 */
import { Counter, Gauge, Histogram } from 'prom-client';
import { MetricsRegistry, singleton } from '../../framework';

export const PREFIX = 'kubevirt_autopilot_';
const MAX_IDENTITIES = 2_000;
const IDENTITY = ['kind', 'name', 'namespace'] as const;
const SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export interface MetricIdentity {
  readonly kind: string;
  readonly name: string;
  /** Empty for objects of the cluster. */
  readonly namespace: string;
}

export interface ObjectFigures {
  /** `undefined` = there is nothing to say. */
  readonly compliance: 0 | 1 | undefined;
  readonly isPaused: boolean;
  readonly isContested: boolean;
  readonly customizations: { readonly patch: boolean; readonly ignore: boolean; readonly unmanaged: boolean };
  /** Why the object waits for a rollout. */
  readonly rolloutReason?: string | undefined;
}

export interface DependencyFigure {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly isMissing: boolean;
}

/** Exists; gone; could not be deleted; is not ours. */
export type TombstoneFigure = 1 | 0 | -1 | -2;

interface KnownObject {
  readonly labels: MetricIdentity;
  rolloutReason: string | undefined;
}

@singleton()
export class PlatformMetrics {
  private readonly compliance: Gauge;
  private readonly thrashingTotal: Counter;
  private readonly paused: Gauge;
  private readonly contested: Gauge;
  private readonly customization: Gauge;
  private readonly missing: Gauge;
  private readonly rollout: Gauge;
  private readonly orphaned: Gauge;
  private readonly duration: Histogram;
  private readonly tombstone: Gauge;
  private readonly renderErrors: Counter;
  private readonly droppedEvents: Counter;
  private readonly dryRuns: Counter;
  private readonly applies: Counter;
  private readonly activeGauge: Gauge;
  /** By identity, with the reason its rollout waits for. */
  private readonly known = new Map<string, KnownObject>();

  constructor(registry: MetricsRegistry) {
    const named = (name: string, help: string, labelNames: readonly string[]) => ({
      name: `${PREFIX}${name}`,
      help,
      labelNames: [...labelNames],
      registers: [registry],
    });
    const gauge = (name: string, help: string, labels: readonly string[] = IDENTITY): Gauge => new Gauge(named(name, help, labels));
    const counter = (name: string, help: string, labels: readonly string[] = []): Counter => new Counter(named(name, help, labels));
    this.compliance = gauge('compliance_status', '1 = the object is as wanted, 0 = it is not, and cannot be made so now.');
    this.thrashingTotal = counter('thrashing_total', 'Times that an object was paused because somebody else kept changing it.', IDENTITY);
    this.paused = gauge('paused_resources', '1 = the object is paused.');
    this.contested = gauge('contested_resources', '1 = somebody else keeps changing the object, slowly.');
    this.customization = gauge('customization_info', '1 = a user customized the object in this way.', [...IDENTITY, 'type']);
    this.missing = gauge('missing_dependency', '1 = a wanted asset needs this kind, and it is not served.', ['group', 'version', 'kind']);
    this.rollout = gauge('rollout_pending', '1 = the object may reboot nodes and waits.', [...IDENTITY, 'reason']);
    this.orphaned = gauge('orphaned_resources', '1 = no asset renders the object any more.');
    this.duration = new Histogram({
      ...named('reconcile_duration_seconds', 'Duration of a whole run for one object, rendering included.', IDENTITY),
      buckets: SECONDS,
    });
    this.tombstone = gauge('tombstone_status', 'Object of an earlier version: 1 exists, 0 gone, -1 cannot be deleted, -2 is not ours.');
    this.renderErrors = counter('render_errors_total', 'Renderings that failed.', ['asset']);
    this.droppedEvents = counter('events_dropped_total', 'Events that were left out because there were too many.');
    this.dryRuns = counter('dry_runs_total', 'Applies that only asked what would change.');
    this.applies = counter('applies_total', 'Applies by how they ended.', ['result']);
    this.activeGauge = gauge('active', '1 = the module applies its catalog in this process.', []);
  }

  /** After a run. */
  report(identity: MetricIdentity, figures: ObjectFigures, seconds: number): void {
    const known = this.remember(identity);
    if (known === undefined) return;
    const labels = labelsOf(identity);
    setOrRemove(this.compliance, labels, figures.compliance);
    this.paused.set(labels, Number(figures.isPaused));
    setOrRemove(this.contested, labels, figures.isContested ? 1 : undefined);
    for (const [type, isSet] of Object.entries(figures.customizations)) {
      setOrRemove(this.customization, { ...labels, type }, isSet ? 1 : undefined);
    }
    if (known.rolloutReason !== undefined && known.rolloutReason !== figures.rolloutReason) {
      this.rollout.remove({ ...labels, reason: known.rolloutReason });
    }
    known.rolloutReason = figures.rolloutReason;
    if (figures.rolloutReason !== undefined) this.rollout.set({ ...labels, reason: figures.rolloutReason }, 1);
    this.duration.observe(labels, seconds);
  }

  thrashing(identity: MetricIdentity): void {
    if (this.remember(identity) !== undefined) this.thrashingTotal.inc(labelsOf(identity));
  }

  tombstoned(identity: MetricIdentity, figure: TombstoneFigure): void {
    if (this.remember(identity) !== undefined) this.tombstone.set(labelsOf(identity), figure);
  }

  /** The whole set at once. */
  orphans(identities: readonly MetricIdentity[]): void {
    this.orphaned.reset();
    for (const identity of identities.slice(0, MAX_IDENTITIES)) this.orphaned.set(labelsOf(identity), 1);
  }

  /** The whole set at once: kinds that wanted assets need, whether they are served or not. */
  dependencies(kinds: readonly DependencyFigure[]): void {
    this.missing.reset();
    for (const { group, version, kind, isMissing } of kinds) this.missing.set({ group, version, kind }, Number(isMissing));
  }

  renderFailed(asset: string): void {
    this.renderErrors.inc({ asset });
  }

  eventsDropped(events: number): void {
    if (events > 0) this.droppedEvents.inc(events);
  }

  dryRun(): void {
    this.dryRuns.inc();
  }

  applied(result: 'created' | 'changed' | 'failed'): void {
    this.applies.inc({ result });
  }

  active(isActive: boolean): void {
    this.activeGauge.set(Number(isActive));
  }

  /** The object is gone from the catalog, or nothing of it may be said. */
  forget(identity: MetricIdentity): void {
    const id = idOf(identity);
    const known = this.known.get(id);
    if (known === undefined) return;
    this.known.delete(id);
    const labels = labelsOf(identity);
    for (const metric of [this.compliance, this.thrashingTotal, this.paused, this.contested, this.duration, this.tombstone]) {
      metric.remove(labels);
    }
    for (const type of ['patch', 'ignore', 'unmanaged']) this.customization.remove({ ...labels, type });
    if (known.rolloutReason !== undefined) this.rollout.remove({ ...labels, reason: known.rolloutReason });
  }

  /** Another process leads: its series are the true ones. */
  forgetAll(): void {
    for (const { labels } of [...this.known.values()]) this.forget(labels);
    this.orphaned.reset();
    this.missing.reset();
    this.active(false);
  }

  private remember(identity: MetricIdentity): KnownObject | undefined {
    const id = idOf(identity);
    const known = this.known.get(id);
    if (known !== undefined) return known;
    if (this.known.size >= MAX_IDENTITIES) return undefined;
    const made: KnownObject = { labels: labelsOf(identity), rolloutReason: undefined };
    this.known.set(id, made);
    return made;
  }
}

function labelsOf({ kind, name, namespace }: MetricIdentity): { kind: string; name: string; namespace: string } {
  return { kind, name, namespace };
}

function idOf({ kind, name, namespace }: MetricIdentity): string {
  return `${kind} ${namespace}/${name}`;
}

function setOrRemove(gauge: Gauge, labels: Record<string, string>, value: number | undefined): void {
  if (value === undefined) gauge.remove(labels);
  else gauge.set(labels, value);
}
