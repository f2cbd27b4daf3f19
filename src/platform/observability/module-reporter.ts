/**
 * Turns how keys stand into what people and dashboards are shown.
 *
 * Expected flow: a key's run ends -> metrics, Events of transitions, status of the module.
 * Guarantees: nothing is told twice; what is no more is not shown; a kind is named as missing only while a wanted asset needs it.
 * Assumptions: only the leader reports; `lead` and `follow` are told when that changes.
 * Caveats: whether everything is in sync is said after the first run of every key.
 * Errors: none.
 */
import type { KubernetesObject } from '../../framework';
import { type BaselineOutcome, NO_CUSTOMIZATIONS } from '../baseline/outcome';
import type { ContextProblem, ContextState } from '../context/context-state';
import { ON_REMOVAL_ANNOTATION } from '../keys';
import { groupOf } from '../overrides/sensitive-kinds';
import type { AssetRow } from './asset-rows';
import type { PlatformEventReason } from './event-reasons';
import { moduleConditions } from './module-conditions';
import type { PlatformEvents } from './platform-events';
import type { DependencyFigure, MetricIdentity, PlatformMetrics } from './platform-metrics';
import type { ModuleStatus, RemovalPolicy } from './status-writer';

/** What is known of one key after a run. */
export interface ReportedState extends AssetRow {
  readonly asset: {
    readonly name: string;
    readonly identity: { readonly apiVersions: readonly string[]; readonly kind: string };
    readonly requires: readonly { readonly type: string; readonly apiVersion?: string; readonly kind?: string }[];
  };
  readonly target: { readonly kind: string; readonly name: string; readonly namespace: string } | undefined;
  readonly outcome: BaselineOutcome | undefined;
  readonly seconds: number;
}

export interface ModuleReporterParts {
  readonly states: () => readonly ReportedState[];
  /** Something changed since that decides on the key. */
  readonly isOutdated: (key: string) => boolean;
  /** Keys that the catalog has now, run or not. */
  readonly keys: () => readonly string[];
  readonly context: () => ContextState | undefined;
  readonly serves: (apiVersion: string, kind: string) => boolean;
  /** Why the exclusions as a whole cannot be read; empty = they can. */
  readonly invalidExclusions: () => string;
  /** What users have to correct, beside what the context says. */
  readonly mistakes: () => readonly { readonly reason: 'InvalidExclusions' | 'InvalidOption'; readonly message: string }[];
  readonly orphans: () => readonly string[];
  readonly rememberedPolicy: () => RemovalPolicy;
  /** Keys that wrote to objects of others. */
  readonly edited: () => readonly string[];
  readonly events: PlatformEvents;
  readonly metrics: PlatformMetrics;
  /** The status of the module may be another. */
  readonly changed: () => void;
}

type Problem = Pick<ContextProblem, 'message' | 'about'> & { readonly reason: PlatformEventReason };

const MODULE = 'module';

export class ModuleReporter {
  /** Series of each key, so that they go with it. */
  private readonly shown = new Map<string, MetricIdentity>();
  private readonly problems = new Map<string, Problem>();
  /** Something was not in sync since it was last told that everything is. */
  private wasDisturbed = true;
  private isLeading = false;

  constructor(private readonly parts: ModuleReporterParts) {}

  lead(): void {
    this.isLeading = true;
    this.wasDisturbed = true;
    this.contextChanged();
  }

  follow(): void {
    this.isLeading = false;
    this.shown.clear();
    this.problems.clear();
    this.parts.metrics.forgetAll();
  }

  /** A run of the key has ended. */
  report(state: ReportedState, before: ReportedState | undefined): void {
    if (!this.isLeading) return;
    const { events } = this.parts;
    this.show(state);
    // A correction is over before anybody sees it.
    if (state.outcome?.wrote === true) this.wasDisturbed = true;
    events.entered(state.key, eventReasonOf(state));
    if (before?.outcome?.status === 'RolloutPending' && state.outcome?.wrote === true) {
      events.normal('RolloutReleased', state.key, `${state.key} waited for its pool and was written`);
    }
    this.look();
  }

  /** The catalog has no such key any more. */
  forget(key: string): void {
    const shown = this.shown.get(key);
    this.shown.delete(key);
    if (shown !== undefined) this.parts.metrics.forget(shown);
    this.look();
  }

  /** Kinds are served from now on. */
  appeared(kinds: readonly { readonly apiVersion: string; readonly kind: string }[]): void {
    if (!this.isLeading) return;
    const waiting = this.parts.states().filter(({ status }) => status === 'MISSING');
    for (const { apiVersion, kind } of kinds) {
      const names = waiting.filter(({ asset }) => needs(asset, apiVersion, kind)).map(({ key }) => key);
      if (names.length > 0)
        this.parts.events.normal(
          'CRDDiscovered',
          `${apiVersion} ${kind}`,
          `${apiVersion} ${kind} is served now; needed by ${names.join(', ')}`,
        );
    }
  }

  contextChanged(): void {
    if (!this.isLeading) return;
    const { context, metrics } = this.parts;
    const state = context();
    metrics.active(state?.activation.active === true);
    const anchor = state !== undefined && 'object' in state.anchor ? [state.anchor.object] : [];
    const mistakes = anchor.length === 0 ? [] : this.parts.mistakes().map((mistake) => ({ ...mistake, about: anchor }));
    this.tellProblems([...(state?.problems ?? []), ...mistakes]);
    this.look();
  }

  /** Rows, orphans or anything else that the status shows may be different. */
  look(): void {
    if (!this.isLeading) return;
    const states = this.parts.states();
    this.parts.metrics.dependencies(this.dependenciesOf(states));
    this.tellWhetherInSync(states);
    this.parts.changed();
  }

  status(): ModuleStatus | undefined {
    const { states, context, invalidExclusions, orphans } = this.parts;
    const state = context();
    if (state === undefined || state.anchor.kind === 'unknown') return undefined;
    const rows = states();
    const activation = { active: state.activation.active, reason: state.activation.reason, message: activationMessage(state) };
    const conditions = moduleConditions({ rows, activation, invalidExclusions: invalidExclusions(), orphans: orphans() });
    return { conditions, rows, onRemoval: this.policy(), edited: this.parts.edited() };
  }

  /** What the anchor says, or said last. */
  policy(): RemovalPolicy {
    const anchor = this.parts.context()?.anchor;
    const object: KubernetesObject | undefined =
      anchor !== undefined && 'object' in anchor ? anchor.object : anchor?.kind === 'none' ? anchor.terminating : undefined;
    if (object === undefined) return this.parts.rememberedPolicy();
    return object.metadata?.annotations?.[ON_REMOVAL_ANNOTATION]?.trim() === 'delete' ? 'delete' : 'keep';
  }

  private show({ key, status, target, outcome, seconds }: ReportedState): void {
    const { metrics } = this.parts;
    const before = this.shown.get(key);
    if (status === 'ERROR' && outcome === undefined) {
      // It cannot be rendered. What was never shown was never looked after.
      if (before !== undefined) metrics.report(before, { ...PLAIN, compliance: 0 }, seconds);
      return;
    }
    const identity = target === undefined ? undefined : { kind: target.kind, name: target.name, namespace: target.namespace };
    const isShown = identity !== undefined && outcome !== undefined && outcome.status !== 'Excluded';
    if (before !== undefined && (!isShown || !isSame(before, identity))) {
      metrics.forget(before);
      this.shown.delete(key);
    }
    if (!isShown) return;
    const rolloutReason = outcome.status === 'RolloutPending' ? outcome.reason : undefined;
    const { compliance, isPaused, isContested, customizations } = outcome;
    metrics.report(identity, { compliance, isPaused, isContested, customizations, rolloutReason }, seconds);
    this.shown.set(key, identity);
  }

  private dependenciesOf(states: readonly ReportedState[]): DependencyFigure[] {
    const figures = new Map<string, DependencyFigure>();
    for (const { asset, status } of states) {
      if (status === 'FILTERED' || status === 'EXCLUDED') continue;
      for (const { apiVersion, kind, isMissing } of this.kindsOf(asset)) {
        const [group, version] = [groupOf(apiVersion), apiVersion.slice(apiVersion.lastIndexOf('/') + 1)];
        figures.set(`${apiVersion} ${kind}`, { group, version, kind, isMissing });
      }
    }
    return [...figures.values()];
  }

  /** The version that is served, else the one that is preferred. */
  private kindsOf({ identity, requires }: ReportedState['asset']): { apiVersion: string; kind: string; isMissing: boolean }[] {
    const { serves } = this.parts;
    const served = identity.apiVersions.find((apiVersion) => serves(apiVersion, identity.kind));
    const own = { apiVersion: served ?? identity.apiVersions[0]!, kind: identity.kind, isMissing: served === undefined };
    const others = requires.flatMap(({ type, apiVersion = '', kind = '' }) =>
      type === 'kind' ? [{ apiVersion, kind, isMissing: !serves(apiVersion, kind) }] : [],
    );
    return [own, ...others];
  }

  private tellWhetherInSync(states: readonly ReportedState[]): void {
    const known = new Map(states.map((state) => [state.key, state]));
    const keys = this.parts.keys();
    const isSettled = ({ status }: ReportedState): boolean => ['INCLUDED', 'FILTERED', 'EXCLUDED', 'UNMANAGED', 'MISSING'].includes(status);
    const isInSync = keys.length > 0 && keys.every((key) => known.has(key) && !this.parts.isOutdated(key)) && states.every(isSettled);
    if (!isInSync || this.parts.context()?.activation.active !== true) this.wasDisturbed = true;
    else if (this.wasDisturbed) {
      this.wasDisturbed = false;
      const count = states.filter(({ status }) => status === 'INCLUDED').length;
      this.parts.events.normal('ReconcileSucceeded', MODULE, `everything that is wanted is in sync: ${count} objects`);
    }
  }

  private tellProblems(problems: readonly Problem[]): void {
    const { events } = this.parts;
    const now = new Map(problems.map((problem) => [`${problem.reason} ${problem.message}`, problem]));
    for (const [id, problem] of this.problems) {
      if (now.has(id)) continue;
      for (const index of problem.about.keys()) events.settled(problem.reason, `${id} ${index}`);
      this.problems.delete(id);
    }
    for (const [id, problem] of now) {
      for (const [index, about] of problem.about.entries()) events.warning(problem.reason, `${id} ${index}`, problem.message, { about });
      this.problems.set(id, problem);
    }
  }
}

const PLAIN = { isPaused: false, isContested: false, customizations: NO_CUSTOMIZATIONS } as const;

/** The reason under which the state is told. */
function eventReasonOf({ outcome, reason }: ReportedState): string {
  if (outcome === undefined) return reason;
  return outcome.status === 'RolloutPending' ? outcome.status : (outcome.reason ?? outcome.status);
}

function needs({ identity, requires }: ReportedState['asset'], apiVersion: string, kind: string): boolean {
  const isOwn = identity.kind === kind && identity.apiVersions.includes(apiVersion);
  return isOwn || requires.some((requirement) => requirement.apiVersion === apiVersion && requirement.kind === kind);
}

function isSame(a: MetricIdentity, b: MetricIdentity | undefined): boolean {
  return a.kind === b?.kind && a.name === b.name && a.namespace === b.namespace;
}

function activationMessage({ anchor, activation, olderOperator }: ContextState): string {
  if (olderOperator !== undefined) return `${olderOperator.holder} renews the Lease ${olderOperator.lease}`;
  if (anchor.kind === 'none') return NO_ANCHOR[anchor.why];
  return activation.value === '' ? '' : `the anchor says ${JSON.stringify(activation.value.slice(0, 256))}`;
}

const NO_ANCHOR = {
  NoVirtualization: 'neither HyperConverged nor KubeVirt is served',
  HcoAbsent: 'there is no HyperConverged kubevirt-hyperconverged',
  KubeVirtAbsent: 'there is no KubeVirt',
  AnchorTerminating: 'the anchor is being deleted',
} as const;
