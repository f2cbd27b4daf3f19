/**
 * Gives each handler of an object its turn within a pass and draws the consequences of how it went.
 *
 * Owns: due checks, the call, retry and reporting after it. Never: finalizers or the status write (see pass.ts).
 */
import type { KubernetesObject, ObjectKey } from '../kinds/object';
import type { RunSlot } from '../queue/keyed-queue';
import type { CreateSpec, QueuedHandlerSpec } from '../registry/handler-spec';
import type { HandlerContext, PassReason } from './context';
import { changesBetween } from './diff';
import { decideRetry, failureMessage, failureReason, isTemporary, isWorthReporting } from './failure';
import { FilterFailures } from './filter-failures';
import { fieldAt, matches } from './filters';
import { runHandlerMethod } from './handler-run';
import type { HandlerState, KeyRecord } from './key-record';
import type { PassPorts } from './pass-ports';
import type { PassStage } from './stage';
import { idleFromMs, nextRunMs } from './timer-turns';

/** What one pass carries from step to step. */
export interface Pass {
  readonly key: ObjectKey;
  readonly record: KeyRecord;
  readonly slot: RunSlot;
  readonly stage: PassStage;
  object: KubernetesObject;
  /** Handlers that ran, with the baseline they had before. */
  readonly ran: Map<QueuedHandlerSpec, KubernetesObject | undefined>;
}

export class HandlerTurns {
  private readonly filterFailures: FilterFailures<QueuedHandlerSpec>;

  constructor(
    private readonly specs: readonly QueuedHandlerSpec[],
    private readonly ports: PassPorts,
  ) {
    this.filterFailures = new FilterFailures(ports.log, ports.hooks.filterFailed);
  }

  isMatching(spec: QueuedHandlerSpec, object: KubernetesObject): boolean {
    return matches(spec.filters, object, (error) => this.filterFailures.report(spec, object, error));
  }

  async runIfDue(spec: QueuedHandlerSpec, pass: Pass): Promise<void> {
    const state = pass.record.state(spec);
    const nowMs = this.ports.clock.monotonicMs();
    // A pass that is cut short between two handlers begins no other one.
    if (!state.isDue(nowMs) || this.ports.signal.aborted) return;
    if (!this.isMatching(spec, pass.object) || isResting(spec, pass.object)) {
      state.clear();
      return;
    }
    if (spec.decorator === 'OnTimer') {
      const idleMs = idleFromMs(spec, pass.record.lastChangeMs, nowMs);
      if (idleMs !== undefined) {
        state.holdUntil(idleMs);
        return;
      }
    }
    const minIntervalMs = spec.decorator === 'Reconcile' ? spec.minIntervalMs : 0;
    const restsUntilMs = (pass.record.lastStartMs(spec) ?? Number.NEGATIVE_INFINITY) + minIntervalMs;
    if (restsUntilMs > nowMs) state.holdUntil(restsUntilMs);
    else await this.take(spec, pass, state, nowMs);
  }

  private async take(spec: QueuedHandlerSpec, pass: Pass, state: HandlerState, startedMs: number): Promise<void> {
    const { object, record } = pass;
    const reasons = state.takeReasons(startedMs);
    const attempt = state.failures + 1;
    record.started(spec, startedMs);
    pass.ran.set(spec, state.baseline);
    let isOver = false;
    let isAbandoned = false;
    const outcome = await runHandlerMethod({
      clock: this.ports.clock,
      timeoutMs: spec.timeoutMs,
      parent: this.ports.signal,
      onAbandon: () => {
        this.logFor(spec, object).error('handler ignores its signal, its object stays locked');
        isAbandoned = true;
        this.ports.hooks.handlerAbandoned?.(spec);
        pass.slot.abandon();
      },
      call: (signal) => {
        const context = this.contextFor({ spec, pass, signal, attempt, reasons, isOver: () => isOver });
        const instance = this.ports.instanceOf(spec) as Record<string, (subject: unknown, ctx: unknown) => unknown>;
        return instance[spec.method]!(subjectOf(spec, object, state.baseline), context);
      },
    });
    isOver = true;
    if (isAbandoned) this.ports.hooks.abandonedHandlerEnded?.(spec);
    if (outcome.kind === 'failed' && outcome.timedOut) this.ports.hooks.handlerTimedOut?.(spec);
    const durationMs = this.ports.clock.monotonicMs() - startedMs;
    this.ports.onRun?.({
      controller: spec.id,
      kind: this.ports.kind,
      key: pass.key,
      attempt,
      reasons: [...reasons],
      startedMs,
      durationMs,
      error: outcome.kind === 'failed' ? outcome.error : undefined,
      requeueAfterMs: outcome.kind === 'ok' ? outcome.requeueAfterMs : undefined,
    });
    if (outcome.kind === 'ok') await this.succeeded(spec, pass, outcome.requeueAfterMs, durationMs);
    else this.failed(spec, pass, outcome.error, durationMs);
  }

  private contextFor(run: {
    spec: QueuedHandlerSpec;
    pass: Pass;
    signal: AbortSignal;
    attempt: number;
    reasons: ReadonlySet<PassReason>;
    isOver: () => boolean;
  }): HandlerContext {
    const { spec, pass, signal, attempt, reasons } = run;
    return {
      key: pass.key,
      cluster: this.ports.cluster,
      client: this.ports.clientFor(spec, signal),
      log: this.logFor(spec, pass.object).child({ attempt }),
      signal,
      attempt,
      reasons,
      clock: this.ports.clock,
      ...pass.stage.viewFor(spec.id, pass.object, run.isOver),
    };
  }

  private async succeeded(spec: QueuedHandlerSpec, pass: Pass, requeueAfterMs: number | undefined, durationMs: number): Promise<void> {
    const state = pass.record.state(spec);
    const nowMs = this.ports.clock.monotonicMs();
    state.failures = 0;
    state.conflicts = 0;
    state.baseline = pass.object;
    state.cleanedUp = spec.decorator === 'OnDelete' && requeueAfterMs === undefined;
    if (requeueAfterMs !== undefined) state.wakeAt(nowMs + requeueAfterMs * (1 + 0.05 * this.ports.random()), 'requeue');
    this.planResync(spec, state);
    if (spec.decorator === 'OnTimer') state.wakeAt(nextRunMs(spec, nowMs - durationMs, nowMs), 'timer');
    if (state.reportedCondition !== undefined) {
      const type = state.reportedCondition;
      state.reportedCondition = undefined;
      if (!pass.stage.conditions.has(type)) pass.stage.conditions.set(type, { type, status: 'True', reason: 'Recovered', message: '' });
    }
    this.ports.hooks.handlerFinished?.(spec, requeueAfterMs === undefined ? 'success' : 'requeue_after', durationMs);
    if (spec.decorator === 'OnCreate' && spec.remember === 'annotation') await this.rememberHandled(spec, pass);
  }

  /** Written once all create handlers that rely on it have succeeded, so that its size never depends on their number. */
  private async rememberHandled(spec: CreateSpec, pass: Pass): Promise<void> {
    const { handledBy } = this.ports;
    const others = this.specs.filter((other) => other !== spec && other.decorator === 'OnCreate' && other.remember === 'annotation');
    if (handledBy === undefined || others.some((other) => pass.record.state(other).dueMs() !== undefined)) return;
    if (pass.object.metadata?.annotations?.[handledBy.annotation] === handledBy.value) return;
    await this.ports.annotate(pass.object, handledBy.annotation, handledBy.value);
  }

  private failed(spec: QueuedHandlerSpec, pass: Pass, error: unknown, durationMs: number): void {
    const state = pass.record.state(spec);
    const { hooks, kind, cluster } = this.ports;
    // Cut short by shutdown or lost leadership: the next leader starts from the object's state, there is nothing to retry here.
    if (this.ports.signal.aborted) {
      hooks.handlerFinished?.(spec, 'error', durationMs);
      return;
    }
    const decision = decideRetry(error, spec.retry, state, this.ports.random);
    hooks.handlerFinished?.(spec, decision.history.conflicts > state.conflicts ? 'requeue' : 'error', durationMs);
    if (decision.kind === 'retry') hooks.retryScheduled?.(kind, cluster.name);
    else hooks.handlerGaveUp?.(spec);
    state.failures = decision.history.failures;
    state.conflicts = decision.history.conflicts;
    if (decision.kind === 'retry') {
      state.wakeAt(this.ports.clock.monotonicMs() + decision.delayMs, 'retry');
    } else {
      if (spec.decorator === 'OnTimer') state.wakeAt(this.ports.clock.monotonicMs() + spec.intervalMs, 'timer');
      this.planResync(spec, state);
    }
    const log = this.logFor(spec, pass.object);
    const fields = { attempt: state.failures, error };
    if (isTemporary(error)) log.info('handler will be tried again', fields);
    else log.error('handler failed', fields);
    if (decision.kind === 'give-up' || isWorthReporting(error, state)) this.report(spec, pass, error);
  }

  /** The next look without a cause, also after giving up: what made the input wrong may lie elsewhere. */
  private planResync(spec: QueuedHandlerSpec, state: HandlerState): void {
    if (spec.decorator !== 'Reconcile' || spec.resyncMs === 0) return;
    const delayMs = spec.resyncMs * (0.9 + 0.2 * this.ports.random());
    state.wakeAt(this.ports.clock.monotonicMs() + delayMs, 'resync');
  }

  private report(spec: QueuedHandlerSpec, pass: Pass, error: unknown): void {
    const fallback = { condition: this.ports.kind.conditions ? 'Ready' : undefined, event: true, about: undefined };
    const { condition, event, about } = spec.decorator === 'Reconcile' ? spec.failure : fallback;
    const reason = failureReason(error);
    const message = failureMessage(error);
    if (condition !== undefined) {
      pass.stage.conditions.set(condition, { type: condition, status: 'False', reason, message });
      pass.record.state(spec).reportedCondition = condition;
    }
    const subject = this.ports.kind.virtual ? about?.(pass.object) : pass.object;
    if (event && subject !== undefined) pass.stage.events.push({ type: 'Warning', reason, note: message, about: subject, action: spec.id });
  }

  private logFor(spec: QueuedHandlerSpec, object: KubernetesObject): PassPorts['log'] {
    const { namespace, name, uid } = object.metadata ?? {};
    return this.ports.log.child({ controller: spec.id, kind: this.ports.kind.kind, namespace, name, uid });
  }
}

/** Most handlers leave a Terminating object alone. */
function isResting(spec: QueuedHandlerSpec, object: KubernetesObject): boolean {
  if (object.metadata?.deletionTimestamp === undefined || spec.decorator === 'OnDelete') return false;
  return !(spec.decorator === 'Reconcile' && spec.whileDeleting);
}

/** The first argument of the handler method. */
function subjectOf(spec: QueuedHandlerSpec, object: KubernetesObject, baseline: KubernetesObject | undefined): unknown {
  if (spec.decorator === 'OnField') {
    return { object, old: baseline === undefined ? undefined : fieldAt(baseline, spec.path), value: fieldAt(object, spec.path) };
  }
  if (spec.decorator !== 'OnUpdate') return object;
  return { object, old: baseline, diff: baseline === undefined ? [] : changesBetween(baseline, object) };
}
