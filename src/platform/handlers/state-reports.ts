/**
 * Shows how keys stand: metrics, Events of transitions, the status ConfigMap.
 *
 * Owns: what follows from one state, and from all of them. Never: decides how a key stands.
 */
import type { KubernetesObject } from '../../framework';
import { NO_CUSTOMIZATIONS } from '../baseline/outcome';
import type { ContextState } from '../context/context-state';
import { ON_REMOVAL_ANNOTATION } from '../keys';
import { moduleConditions } from '../observability/module-conditions';
import type { PlatformEvents } from '../observability/platform-events';
import type { PlatformMetrics } from '../observability/platform-metrics';
import type { ModuleStatus, RemovalPolicy } from '../observability/status-writer';
import type { Exclusions } from '../overrides/exclusions';
import { groupOf } from '../overrides/sensitive-kinds';
import { isInSync, type KeyState, type KeyStates } from './key-states';

export interface StateReportsParts {
  readonly states: KeyStates;
  readonly metrics: PlatformMetrics;
  readonly events: PlatformEvents;
  readonly exclusions: Exclusions;
  readonly context: () => ContextState | undefined;
  readonly keyCount: () => number;
  /** Identities of objects that no asset renders. */
  readonly orphans: () => readonly string[];
  readonly rememberedPolicy: () => RemovalPolicy;
  readonly statusChanged: () => void;
}

export class StateReports {
  /** Something was written since everything was in sync last. */
  private hasWritten = false;

  constructor(private readonly parts: StateReportsParts) {
    parts.states.onState((state, before) => this.report(state, before));
  }

  private report(state: KeyState, before: KeyState | undefined): void {
    this.measure(state, before);
    const { events } = this.parts;
    const status = state.outcome?.status;
    events.entered(state.key, status === undefined ? state.reason : status === 'Transient' ? 'ApplyFailed' : status);
    if (before?.outcome?.status === 'RolloutPending' && status === 'Applied') {
      events.normal(
        'RolloutReleased',
        state.key,
        `${state.target?.kind} ${state.target?.key} was written after it had waited for ${before.reason}`,
      );
    }
    this.hasWritten ||= state.outcome?.wrote === true;
    if (this.hasWritten && this.isEverythingInSync()) {
      this.hasWritten = false;
      events.normal('ReconcileSucceeded', 'catalog', 'everything that is wanted is in sync');
    }
    this.parts.statusChanged();
  }

  private measure({ key, target, outcome, seconds, reason, asset }: KeyState, before: KeyState | undefined): void {
    const { metrics } = this.parts;
    const old = before?.target;
    if (old !== undefined && old.id !== target?.id) metrics.forget(old);
    const [apiVersion] = asset.identity.apiVersions;
    const version = apiVersion!.slice(apiVersion!.lastIndexOf('/') + 1);
    if (reason === 'CRDMissing' || reason === 'VersionNotServed' || outcome !== undefined) {
      metrics.dependency(groupOf(apiVersion!), version, asset.identity.kind, outcome === undefined);
    }
    if (target === undefined) return;
    const wasManaged = before?.outcome !== undefined || before?.reason === 'RenderFailed';
    if (outcome !== undefined) {
      const rolloutReason = outcome.status === 'RolloutPending' ? outcome.reason : undefined;
      metrics.report(target, { ...outcome, rolloutReason }, seconds);
    } else if (reason === 'RenderFailed' && wasManaged) {
      metrics.report(target, { compliance: 0, isPaused: false, isContested: false, customizations: NO_CUSTOMIZATIONS }, seconds);
    } else if (key === before?.key) metrics.forget(target);
  }

  /** A kind that the cluster does not have is normal, and nothing that could be put right by writing. */
  private isEverythingInSync(): boolean {
    const { states, keyCount } = this.parts;
    const all = states.list();
    const isFine = (state: KeyState): boolean =>
      isInSync(state) ||
      ['FILTERED', 'EXCLUDED', 'UNMANAGED'].includes(state.status) ||
      state.reason === 'CRDMissing' ||
      state.reason === 'VersionNotServed';
    return all.length === keyCount() && all.every(isFine);
  }

  /** What the status ConfigMap says. */
  status(): ModuleStatus | undefined {
    const { states, exclusions, context, orphans, rememberedPolicy } = this.parts;
    const state = context();
    if (state === undefined || state.anchor.kind === 'unknown') return undefined;
    const anchor = 'object' in state.anchor ? state.anchor.object : undefined;
    const rows = states.list();
    const { active, reason } = state.activation;
    const conditions = moduleConditions({
      rows,
      activation: { active, reason, message: activationText(state) },
      invalidExclusions: exclusions.isReadable ? '' : (exclusions.problems[0] ?? ''),
      orphans: orphans(),
    });
    return { conditions, rows, onRemoval: policyOf(anchor) ?? rememberedPolicy() };
  }

  /** What concerns no key. */
  reportContext({ activation, problems }: ContextState): void {
    const { events, metrics, exclusions } = this.parts;
    metrics.active(activation.active);
    for (const { reason, message } of problems)
      events.warning(reason, reason === 'UnknownOption' || reason === 'UnknownAsset' ? message : reason, message);
    for (const [index, problem] of exclusions.problems.entries()) events.warning('InvalidExclusions', `exclusions ${index}`, problem);
    this.parts.statusChanged();
  }
}

function activationText({ activation, olderOperator, anchor }: ContextState): string {
  if (olderOperator !== undefined) return `${olderOperator.holder} still renews the Lease ${olderOperator.lease}`;
  if ('why' in anchor) return anchor.why;
  return activation.value === '' ? '' : `platform.kubevirt.io/autopilot is ${JSON.stringify(activation.value.slice(0, 200))}`;
}

/** @returns `undefined` without an anchor, when the last one decides. */
export function policyOf(anchor: KubernetesObject | undefined): RemovalPolicy | undefined {
  if (anchor === undefined) return undefined;
  return anchor.metadata?.annotations?.[ON_REMOVAL_ANNOTATION]?.trim() === 'delete' ? 'delete' : 'keep';
}
