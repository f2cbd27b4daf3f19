/**
 * One wake from its decision to its outcome.
 *
 * Expected flow: decide from the watched state -> refuse, be done, wait for a change, or call KubeVirt -> decide again.
 * Guarantees: every call is preceded by a decision from the state of that moment, so a user's change in the middle stands;
 * one rate token a wake, however often its call is repeated; ends by a deadline.
 * Assumptions: the target's state follows its cluster; a call that got no answer may have had its effect.
 * Caveats: nothing is written before the call, so a wake that waits does not outlive its process.
 * Errors: none; a failure is an outcome with a reason.
 */
import type { Clock } from '../../framework';
import { CALL_TIMEOUT_MS, type CallOutcome, classifyFailure } from '../../kubevirt/call-outcome';
import { decideWake, type WakeDecision } from '../../kubevirt/wake-decision';
import type { WakeReason } from '../../kubevirt/wake-reason';
import { MISSING } from '../../kubevirt/wake-state';
import type { WakeTarget } from '../../kubevirt/wake-target';
import type { CallSlots } from './call-slots';
import { CATCH_UP_MS, MAX_STOP_WAIT_MS, STOP_ALLOWANCE_MS } from './limits';
import { RetryDelays } from './retry-delays';
import type { StartLimits } from './start-limits';
import { TargetChanges } from './target-changes';
import type { WakeMap } from './wake-map';

export type SettledOutcome =
  | { readonly kind: 'started'; readonly text: string }
  | { readonly kind: 'unpaused'; readonly text: string }
  | { readonly kind: 'already-running'; readonly text: string }
  | { readonly kind: 'failed'; readonly reason: WakeReason; readonly text: string };

/** `abandoned`: the process is ending; the agent sends the packet again. */
export type WakeOutcome = SettledOutcome | { readonly kind: 'abandoned' };

export interface WakeRunParts {
  readonly map: Pick<WakeMap, 'targetOf' | 'watchTarget' | 'effectiveConfig'>;
  readonly limits: StartLimits;
  readonly slots: CallSlots;
  readonly clock: Clock;
  readonly random: () => number;
  /** From the first attempt to the last, in milliseconds. */
  readonly startTimeoutMs: number;
  /** Ends the wake. */
  readonly signal: AbortSignal;
}

export interface WakeRunListener {
  /** Work goes on and an answer need not wait for the outcome. */
  onWaiting(text: string): void;
  /** The first call is about to be sent, and nothing had to be waited for. */
  onDispatch(): void;
}

type CallDecision = Extract<WakeDecision, { kind: 'start' | 'unpause' }>;
/** What a step came to; `undefined` = decide again. */
type Step = WakeOutcome | undefined;

export class WakeRun {
  private readonly changes: TargetChanges;
  private readonly delays: RetryDelays;
  private hasToken = false;
  private hasWaited = false;
  private attempts = 0;
  private stopUntilMs: number | undefined;
  private startUntilMs: number | undefined;
  private notBeforeMs = 0;
  private isFollowing = false;
  private unpauseAccepted = false;
  private credentialsRenewed = false;
  private lastProblem: { readonly text: string; readonly unreachable: boolean } | undefined;

  /**
   * @param key of the target, as `wakeTargetKey`.
   * @param configName the acting config; its policy is read again for each decision.
   */
  constructor(
    private readonly key: string,
    private readonly configName: string,
    private readonly parts: WakeRunParts,
    private readonly listener: WakeRunListener,
  ) {
    this.changes = new TargetChanges(parts.map, key, parts.clock, parts.signal);
    this.delays = new RetryDelays(parts.random);
  }

  async run(): Promise<WakeOutcome> {
    try {
      for (;;) {
        const outcome = await this.step(this.decide());
        if (outcome !== undefined) return outcome;
        if (this.parts.signal.aborted) return { kind: 'abandoned' };
      }
    } finally {
      this.changes.close();
      if (this.hasToken && this.attempts === 0) this.parts.limits.giveBack(this.configName);
    }
  }

  private decide(): WakeDecision {
    this.changes.look();
    const policy = this.parts.map.effectiveConfig(this.configName);
    const target = this.parts.map.targetOf(this.key);
    if (policy === undefined) return skip(`WolConfig ${this.configName} is no longer in force`);
    if (target?.scope.ignored === true) return skip('its owner has excluded it from waking by annotation');
    return decideWake(target?.state() ?? MISSING, policy);
  }

  private async step(decision: WakeDecision): Promise<Step> {
    switch (decision.kind) {
      case 'refuse':
        return { kind: 'failed', reason: decision.reason, text: decision.text };
      case 'already-running':
        if (this.unpauseAccepted && !isPaused(decision)) return { kind: 'unpaused', text: 'unpaused' };
        return { kind: 'already-running', text: decision.text };
      case 'wait-for-stop':
        return this.waitForStop(decision.text, decision.gracePeriodSeconds);
      case 'follow':
        return this.follow(decision.text);
      case 'unpause':
        return this.unpauseAccepted ? this.waitForStart(this.startUntilMs ?? 0) : this.call(decision);
      case 'start':
        return this.call(decision);
    }
  }

  private async waitForStop(text: string, gracePeriodSeconds: number): Promise<Step> {
    this.stopUntilMs ??= this.now() + Math.min(gracePeriodSeconds * 1_000 + STOP_ALLOWANCE_MS, MAX_STOP_WAIT_MS);
    if (this.now() >= this.stopUntilMs) {
      return { kind: 'failed', reason: 'StopTimeout', text: 'the instance has not stopped within its grace period and 30 s more' };
    }
    this.waitingFor(text);
    await this.changes.wait(this.stopUntilMs);
    return undefined;
  }

  private follow(text: string): Promise<Step> {
    this.isFollowing = true;
    this.startUntilMs ??= this.now() + this.parts.startTimeoutMs;
    this.lastProblem ??= { text: 'a start is requested but KubeVirt has made no instance', unreachable: false };
    this.waitingFor(text);
    return this.waitForStart(this.startUntilMs);
  }

  /** Waits for a change, at most until `untilMs`; past the start deadline the wake has failed. */
  private async waitForStart(untilMs: number): Promise<Step> {
    if (this.startUntilMs !== undefined && this.now() >= this.startUntilMs) return this.timedOut();
    await this.changes.wait(Math.min(untilMs, this.startUntilMs ?? untilMs));
    return undefined;
  }

  private async call(decision: CallDecision): Promise<Step> {
    if (this.isFollowing) {
      // The request is gone and the instance may be about to show: the two come over different watches.
      this.isFollowing = false;
      this.notBeforeMs = this.now() + CATCH_UP_MS;
    }
    const isDue = this.now() >= this.notBeforeMs;
    if (!isDue || (this.startUntilMs !== undefined && this.now() >= this.startUntilMs)) return this.waitForStart(this.notBeforeMs);
    if (!this.hasToken) {
      const wait = this.takeToken();
      if (wait !== undefined) return wait;
    }
    const outcome = await this.parts.slots.run(() => this.callIfStill(decision));
    return outcome && this.judge(decision, outcome);
  }

  /** Takes a token at once, or waits for one; afterwards everything is decided again. */
  private takeToken(): Promise<Step> | undefined {
    const { limits, map, signal } = this.parts;
    const owner = map.effectiveConfig(this.configName);
    if (owner === undefined) return Promise.resolve(undefined);
    this.hasToken = limits.tryTake(owner);
    if (this.hasToken) return undefined;
    const text = `WolConfig ${this.configName} or the manager has used up its starts`;
    const limited: Step = { kind: 'failed', reason: 'RateLimited', text };
    // Whoever waits is answered ACCEPTED, which one that is sent away must not be.
    if (!limits.hasRoom(owner)) return Promise.resolve(limited);
    this.waitingFor('waiting for the rate limit');
    return limits.wait(owner, signal).then((granted): Step => {
      this.hasToken = granted;
      return granted || signal.aborted ? undefined : limited;
    });
  }

  /** Waiting for a slot takes time: the call is made only if the state still asks for it. */
  private async callIfStill({ kind }: CallDecision): Promise<CallOutcome | undefined> {
    const target = this.parts.map.targetOf(this.key);
    if (target === undefined || this.decide().kind !== kind || this.parts.signal.aborted) return undefined;
    this.startUntilMs ??= this.now() + this.parts.startTimeoutMs;
    if (this.attempts++ === 0 && !this.hasWaited) this.listener.onDispatch();
    return this.callWithin(Math.min(CALL_TIMEOUT_MS, Math.max(1, this.startUntilMs - this.now())), (signal) =>
      kind === 'start' ? target.start(signal) : target.unpause(signal),
    );
  }

  /** Bounds a call in time even when the target ignores its signal. */
  private callWithin(timeoutMs: number, call: (signal: AbortSignal) => Promise<CallOutcome>): Promise<CallOutcome> {
    return new Promise((resolve) => {
      const abort = new AbortController();
      const end = (outcome: CallOutcome): void => {
        timer.cancel();
        this.parts.signal.removeEventListener('abort', onTimeout);
        resolve(outcome);
      };
      const onTimeout = (): void => {
        abort.abort(new Error(`no answer within ${timeoutMs} ms`));
        end(classifyFailure(abort.signal.reason));
      };
      const timer = this.parts.clock.setTimer(timeoutMs, onTimeout);
      this.parts.signal.addEventListener('abort', onTimeout, { once: true });
      call(abort.signal).then(end, (error: unknown) => end(classifyFailure(error)));
    });
  }

  private judge(decision: CallDecision, outcome: CallOutcome): Step {
    switch (outcome.kind) {
      case 'accepted':
        return this.accepted(decision);
      case 'conflict':
        return this.tryAgain(outcome.message, false, CATCH_UP_MS + this.delays.next());
      case 'transient':
        return this.tryAgain(outcome.message, outcome.unreachable, this.delays.next(outcome.retryAfterMs));
      case 'missing':
        if (decision.kind === 'unpause') return this.tryAgain(outcome.message, false, CATCH_UP_MS + this.delays.next());
        return { kind: 'failed', reason: 'VMMissing', text: outcome.message };
      case 'unauthorized':
        if (this.credentialsRenewed) return forbidden(decision, outcome.message);
        this.credentialsRenewed = true;
        return undefined;
      case 'forbidden':
        // An API server that has just come back refuses everybody until it has read its rules: doubted once.
        if (this.lastProblem?.unreachable) return this.tryAgain(outcome.message, false, this.delays.next());
        return forbidden(decision, outcome.message);
      case 'refused':
        return { kind: 'failed', reason: 'StartRefused', text: outcome.message };
    }
  }

  private accepted({ kind, text }: CallDecision): Step {
    if (kind === 'start') return { kind: 'started', text };
    this.unpauseAccepted = true;
    this.lastProblem = { text: 'unpause was accepted but the instance is still paused', unreachable: false };
    this.waitingFor(text);
    return undefined;
  }

  private tryAgain(text: string, unreachable: boolean, delayMs: number): Step {
    this.lastProblem = { text, unreachable };
    this.notBeforeMs = this.now() + delayMs;
    return undefined;
  }

  private timedOut(): WakeOutcome {
    const { text = 'no attempt could be made', unreachable = false } = this.lastProblem ?? {};
    const isRemote = (this.parts.map.targetOf(this.key)?.cluster ?? '') !== '';
    if (unreachable && isRemote) return { kind: 'failed', reason: 'ClusterUnavailable', text };
    return { kind: 'failed', reason: 'StartTimeout', text: `not within ${this.parts.startTimeoutMs / 1_000} s: ${text}` };
  }

  private waitingFor(text: string): void {
    this.hasWaited = true;
    this.listener.onWaiting(text);
  }

  private now(): number {
    return this.parts.clock.monotonicMs();
  }
}

/** The rules named in the message are those that `rbac` prints. */
function forbidden({ kind }: CallDecision, message: string): WakeOutcome {
  const resource = kind === 'start' ? 'virtualmachines/start' : 'virtualmachineinstances/unpause';
  return {
    kind: 'failed',
    reason: 'Forbidden',
    text: `the manager's account lacks the rule update ${resource} (subresources.kubevirt.io): ${message}`,
  };
}

function skip(text: string): WakeDecision {
  return { kind: 'refuse', row: 0, reason: 'SkippedByPolicy', text };
}

/** Row 5 of the decision table: running, but paused. */
function isPaused({ row }: WakeDecision): boolean {
  return row === 5;
}

/** What a target is called in an answer. */
export function vmOf(key: string, target: WakeTarget | undefined): { readonly namespace: string; readonly name: string } {
  if (target !== undefined) return { namespace: target.namespace, name: target.name };
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
