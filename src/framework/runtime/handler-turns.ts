/**
 * Gives each handler of an object its turn within a pass and draws the consequences of how it went.
 *
 * Owns: due checks, the call, retry and reporting after it. Never: finalizers or the status write (see pass.ts).
 */
import type { KubernetesObject, ObjectKey } from '../kinds/object';
import type { RunSlot } from '../queue/keyed-queue';
import type { CreateSpec, QueuedHandlerSpec } from '../registry/handler-spec';
import type { HandlerContext, PassReason } from './context';
import { changesBetween, differ } from './diff';
import {
  decideRetry,
  failureMessage,
  failureReason,
  isTemporary,
  isWorthReporting,
  PARKED_MS,
  SHORTEST_DELAY_MS,
  unavailableCluster,
  unusableDelay,
  unusableReason,
} from './failure';
import { fieldAt } from './filters';
import { runHandlerMethod } from './handler-run';
import type { HandlerState, KeyRecord } from './key-record';
import { keyFields, objectFields } from './log-fields';
import type { PassPorts } from './pass-ports';
import type { PassStage } from './stage';
import { idleFromMs, nextRunMs } from './timer-turns';

/** What one pass carries from step to step. */
export interface Pass {
  /** Eight hexadecimal digits, in every log line of the pass. */
  readonly id: string;
  readonly key: ObjectKey;
  readonly record: KeyRecord;
  readonly slot: RunSlot;
  readonly stage: PassStage;
  /** The object in its newest state; what finalizer writes answered is in it. */
  object: KubernetesObject;
  /** The cached state that `object` began as. */
  found: KubernetesObject | undefined;
  /** The object as the informer of each handler has it; handlers for which it is gone are missing. */
  readonly views: Map<QueuedHandlerSpec, KubernetesObject>;
  /** Handlers that ran, with the baseline they had before. */
  readonly ran: Map<QueuedHandlerSpec, KubernetesObject | undefined>;
}

interface Turn {
  readonly spec: QueuedHandlerSpec;
  readonly pass: Pass;
  /** As it was when the turn began: a handler that is told meanwhile that the object is gone for it starts anew. */
  readonly state: HandlerState;
  readonly object: KubernetesObject;
  readonly startedMs: number;
}

interface Run {
  readonly signal: AbortSignal;
  readonly attempt: number;
  readonly reasons: ReadonlySet<PassReason>;
  readonly isOver: () => boolean;
}

export class HandlerTurns {
  private readonly warnedOfReason = new Set<QueuedHandlerSpec>();

  constructor(
    private readonly specs: readonly QueuedHandlerSpec[],
    private readonly ports: PassPorts,
  ) {}

  isMatching(spec: QueuedHandlerSpec, pass: Pass): boolean {
    const object = viewOf(spec, pass);
    return object !== undefined && this.ports.filters.matches(spec, object);
  }

  async runIfDue(spec: QueuedHandlerSpec, pass: Pass): Promise<void> {
    const state = pass.record.state(spec);
    const nowMs = this.ports.clock.monotonicMs();
    // A pass that is cut short between two handlers begins no other one.
    if (!state.isDue(nowMs) || this.ports.signal.aborted) return;
    const object = viewOf(spec, pass);
    if (object === undefined || !this.isMatching(spec, pass) || isResting(spec, object) || isUndone(spec, state, object)) {
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
    else await this.take({ spec, pass, state, object, startedMs: nowMs });
  }

  private async take(turn: Turn): Promise<void> {
    const { spec, pass, state, object, startedMs } = turn;
    const { record } = pass;
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
        this.logFor(spec, pass, object).error('handler ignores its signal, its object stays locked');
        isAbandoned = true;
        this.ports.hooks.handlerAbandoned?.(spec);
        pass.slot.abandon();
      },
      call: (signal) => {
        const context = this.contextFor(turn, { signal, attempt, reasons, isOver: () => isOver });
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
    if (outcome.kind === 'ok') await this.succeeded(turn, outcome.requeueAfterMs, durationMs);
    else this.failed(turn, outcome.error, durationMs);
  }

  private contextFor({ spec, pass, object }: Turn, run: Run): HandlerContext {
    const { signal, attempt, reasons } = run;
    return {
      key: pass.key,
      cluster: this.ports.cluster,
      clusters: this.ports.clusters,
      client: this.ports.clientFor(spec, signal),
      clientOf: (cluster) => this.ports.clientFor(spec, signal, cluster),
      log: this.logFor(spec, pass, object).child({ attempt }),
      signal,
      attempt,
      reasons,
      clock: this.ports.clock,
      ...pass.stage.viewFor(spec.id, object, run.isOver),
    };
  }

  private async succeeded({ spec, pass, state, object }: Turn, requeueAfterMs: number | undefined, durationMs: number): Promise<void> {
    const nowMs = this.ports.clock.monotonicMs();
    state.failures = 0;
    state.conflicts = 0;
    state.outstanding = false;
    if (spec.decorator === 'OnUpdate' || spec.decorator === 'OnField') state.baseline = object;
    state.cleanedUp = spec.decorator === 'OnDelete' && requeueAfterMs === undefined;
    if (requeueAfterMs !== undefined) {
      const delayMs = Math.max(SHORTEST_DELAY_MS, requeueAfterMs * (1 + 0.05 * this.ports.random()));
      state.wakeAt(nowMs + delayMs, 'requeue');
    }
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
    pass.object = (await this.ports.annotate(pass.object, handledBy.annotation, handledBy.value)) ?? pass.object;
  }

  private failed({ spec, pass, state, object, startedMs }: Turn, error: unknown, durationMs: number): void {
    const { hooks, kind, cluster } = this.ports;
    // Cut short by shutdown or lost leadership: the next leader starts from the object's state, there is nothing to retry here.
    if (this.ports.signal.aborted) {
      hooks.handlerFinished?.(spec, 'error', durationMs);
      return;
    }
    const parkedFor = unavailableCluster(error);
    if (parkedFor !== undefined) {
      hooks.handlerFinished?.(spec, 'requeue', durationMs);
      this.park({ spec, pass, state, object }, error, parkedFor);
      return;
    }
    const attempt = state.failures + 1;
    const decision = decideRetry(error, spec.retry, state, this.ports.random);
    hooks.handlerFinished?.(spec, decision.history.conflicts > state.conflicts ? 'requeue' : 'error', durationMs);
    if (decision.kind === 'retry') hooks.retryScheduled?.(kind, cluster.name);
    else hooks.handlerGaveUp?.(spec);
    state.failures = decision.history.failures;
    state.conflicts = decision.history.conflicts;
    if (decision.kind === 'retry') {
      state.retryAt(this.ports.clock.monotonicMs() + decision.delayMs);
    } else {
      if (spec.decorator === 'OnTimer') state.wakeAt(nextRunMs(spec, startedMs, this.ports.clock.monotonicMs()), 'timer');
      this.planResync(spec, state);
    }
    const log = this.logFor(spec, pass, object);
    const delayMs = unusableDelay(error);
    if (delayMs !== undefined) log.warn('delayMs of a TemporaryError is no finite number, the backoff counts', { delayMs });
    const fields = { attempt, error };
    if (isTemporary(error)) log.info('handler will be tried again', fields);
    else log.error('handler failed', fields);
    if (decision.kind === 'give-up' || isWorthReporting(error, state)) this.report({ spec, pass, state, object }, error);
  }

  /** The next look without a cause, also after giving up: what made the input wrong may lie elsewhere. */
  private planResync(spec: QueuedHandlerSpec, state: HandlerState): void {
    if (spec.decorator !== 'Reconcile' || spec.resyncMs === 0) return;
    const delayMs = spec.resyncMs * (0.9 + 0.2 * this.ports.random());
    state.wakeAt(this.ports.clock.monotonicMs() + delayMs, 'resync');
  }

  /** Not a failure of the handler: it goes on when the cluster is back. */
  private park(turn: Omit<Turn, 'startedMs'>, error: unknown, cluster: string): void {
    const { spec, pass, state, object } = turn;
    state.park(cluster, this.ports.clock.monotonicMs() + PARKED_MS);
    this.logFor(spec, pass, object).debug('handler waits for a cluster', { waitsFor: cluster });
    // On an object of that cluster nothing can be written now.
    if (this.ports.kind.virtual || cluster !== this.ports.cluster.name) this.report(turn, error);
  }

  private report({ spec, pass, state, object }: Omit<Turn, 'startedMs'>, error: unknown): void {
    const fallback = { condition: this.ports.kind.conditions ? 'Ready' : undefined, event: true, about: undefined };
    const { condition, event, about } = spec.decorator === 'Reconcile' ? spec.failure : fallback;
    const reason = failureReason(error);
    const message = failureMessage(error);
    this.warnOfReason(spec, error);
    if (condition !== undefined) {
      pass.stage.conditions.set(condition, { type: condition, status: 'False', reason, message });
      state.reportedCondition = condition;
    }
    const subject = this.ports.kind.virtual ? this.subjectNamed(spec, about, object) : pass.object;
    if (event && subject !== undefined) pass.stage.events.push({ type: 'Warning', reason, note: message, about: subject, action: spec.id });
  }

  /** Once for each handler: a reason is a mistake in its code, which every run repeats. */
  private warnOfReason(spec: QueuedHandlerSpec, error: unknown): void {
    const unusable = unusableReason(error);
    if (unusable === undefined || this.warnedOfReason.has(spec)) return;
    this.warnedOfReason.add(spec);
    const fields = { controller: spec.id, reason: unusable, allowed: 'one CamelCase word' };
    this.ports.log.warn('reason of an error cannot be used, ReconcileError takes its place', fields);
  }

  private subjectNamed(
    spec: QueuedHandlerSpec,
    about: ((virtual: KubernetesObject) => KubernetesObject | undefined) | undefined,
    object: KubernetesObject,
  ): KubernetesObject | undefined {
    try {
      return about?.(object);
    } catch (error) {
      this.ports.log.error('failure.about threw, no Event is sent', { controller: spec.id, error });
      return undefined;
    }
  }

  private logFor(spec: QueuedHandlerSpec, { id, key }: Pass, object: KubernetesObject): PassPorts['log'] {
    const { kind, log } = this.ports;
    const about = kind.virtual ? keyFields(kind, key) : objectFields(kind, object);
    return log.child({ controller: spec.id, ...about, pass: id });
  }
}

/** The object as the handler gets it. */
function viewOf(spec: QueuedHandlerSpec, { found, object, views }: Pass): KubernetesObject | undefined {
  // Without a find the pass is about the last state of an object that is gone.
  const view = found === undefined ? object : views.get(spec);
  return view === found ? object : view;
}

/** A change that was taken back before its handler got to see it is none. */
function isUndone(spec: QueuedHandlerSpec, state: HandlerState, object: KubernetesObject): boolean {
  if (state.baseline === undefined || state.hasFailed || !state.owedOnly('changed')) return false;
  if (spec.decorator === 'OnField') return !differ(state.baseline, object, [spec.path]);
  return spec.decorator === 'OnUpdate' && !differ(state.baseline, object, spec.filters.fields);
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
