/**
 * What the runtime remembers of one object: for each handler, whether it owes a run and how it fared.
 *
 * Owns: the arithmetic of due times. Never: runs anything. Its size does not depend on how many events came.
 */
import type { KubernetesObject } from '../kinds/object';
import type { QueuedHandlerSpec } from '../registry/handler-spec';
import type { PassReason } from './context';

/** A new event while a failed handler backs off makes it run at once, but not within this of the failed attempt's start. */
const SHORTEST_RETRY_MS = 1_000;

export class HandlerState {
  /** A cause is waiting to be handled. */
  private owed = false;
  /** Not before this time, even when owed. */
  private notBeforeMs = Number.NEGATIVE_INFINITY;
  /** Self-chosen next run: retry, requeue or resync. */
  private wake: { atMs: number; reason: PassReason } | undefined;
  private retrying = false;
  private readonly causes = new Set<PassReason>();

  /** Failed attempts in a row. */
  failures = 0;
  /** Conflicts in a row that have not counted as failures. */
  conflicts = 0;
  /** `@OnUpdate`, `@OnField`: the state it last succeeded with. */
  baseline: KubernetesObject | undefined;
  /** `@OnCreate`, `@OnResume`: the one run that this object gets has not succeeded yet. */
  outstanding = false;
  /** `@OnDelete`: clean-up of this object has succeeded. */
  cleanedUp = false;
  /** The cluster that this handler waits for. */
  private parkedFor: string | undefined;
  /** Condition type that was set to False for a failure of this handler and not yet recovered. */
  reportedCondition: string | undefined;

  /** Something happened that this handler has to see. */
  owe(reason: PassReason, lastStartMs: number | undefined): void {
    this.owed = true;
    this.causes.add(reason);
    if (this.failures > 0 && lastStartMs !== undefined) this.notBeforeMs = Math.max(this.notBeforeMs, lastStartMs + SHORTEST_RETRY_MS);
  }

  /** Nothing is owed any more: the handler ran, or the object is not its business. */
  clear(): void {
    this.owed = false;
    this.wake = undefined;
    this.retrying = false;
    this.parkedFor = undefined;
    this.notBeforeMs = Number.NEGATIVE_INFINITY;
    this.causes.clear();
  }

  /** The last run failed and will be repeated then. */
  retryAt(atMs: number): void {
    this.retrying = true;
    this.wakeAt(atMs, 'retry');
  }

  /** Waits for a cluster to answer again, and looks by itself at `atMs`. */
  park(cluster: string, atMs: number): void {
    this.parkedFor = cluster;
    this.wakeAt(atMs, 'cluster');
  }

  /** @returns whether this handler had waited for the cluster, or was backing off in it, and owes a run now. */
  recover(cluster: string, isOwn: boolean): boolean {
    if (this.parkedFor !== cluster && !(isOwn && this.isRetrying)) return false;
    this.clear();
    this.owed = true;
    this.causes.add('cluster');
    return true;
  }

  /** Takes the causes of the run that starts now. */
  takeReasons(nowMs: number): Set<PassReason> {
    const reasons = new Set(this.causes);
    if (this.wake !== undefined && this.wake.atMs <= nowMs) reasons.add(this.wake.reason);
    this.clear();
    return reasons;
  }

  /** @throws {RangeError} as `wakeAt`. */
  holdUntil(timeMs: number): void {
    checkTime(timeMs);
    this.notBeforeMs = Math.max(this.notBeforeMs, timeMs);
  }

  /** Whatever held it back is over. */
  release(): void {
    this.notBeforeMs = Number.NEGATIVE_INFINITY;
  }

  /** @throws {RangeError} for a time that is no number: nothing would ever be due after it. */
  wakeAt(atMs: number, reason: PassReason): void {
    checkTime(atMs);
    if (this.wake === undefined || atMs < this.wake.atMs) this.wake = { atMs, reason };
  }

  isDue(nowMs: number): boolean {
    return (this.dueMs() ?? Number.POSITIVE_INFINITY) <= nowMs;
  }

  /** Monotonic time of the next run; `undefined` when there is none in sight. */
  dueMs(): number | undefined {
    const owedAt = this.owed ? this.notBeforeMs : Number.POSITIVE_INFINITY;
    const at = Math.min(owedAt, this.wake === undefined ? Number.POSITIVE_INFINITY : Math.max(this.wake.atMs, this.notBeforeMs));
    return at === Number.POSITIVE_INFINITY ? undefined : at;
  }

  /** A run is owed, or failed and will be repeated: what the object asks for has not been done yet. */
  get isBehind(): boolean {
    return this.owed || this.isRetrying;
  }

  /** Nothing but this reason is behind the run that is owed. */
  owedOnly(reason: PassReason): boolean {
    return this.owed && this.wake === undefined && this.causes.size === 1 && this.causes.has(reason);
  }

  /** The last run failed, so that a part of its work may have been done. */
  get hasFailed(): boolean {
    return this.failures > 0 || this.conflicts > 0;
  }

  /** The last run failed, or waits for a cluster, and will be repeated. */
  get isRetrying(): boolean {
    return this.retrying || this.parkedFor !== undefined;
  }

  /** Due only because of what may wait behind everything else. */
  get mayWait(): boolean {
    return !this.owed && (this.wake?.reason === 'resync' || this.wake?.reason === 'cluster');
  }
}

function checkTime(atMs: number): void {
  if (Number.isNaN(atMs)) throw new RangeError('the time of a next run is NaN; allowed: monotonic milliseconds');
}

export class KeyRecord {
  private readonly states = new Map<QueuedHandlerSpec, HandlerState>();
  private readonly lastStarts = new Map<QueuedHandlerSpec, number>();
  /** Attempts of framework work (finalizer, status) that failed in a row. */
  frameworkFailures = 0;
  /** Monotonic time of the last change of the object, for timers that wait for it to be idle. */
  lastChangeMs = Number.NEGATIVE_INFINITY;
  /** When framework work that failed is tried again. */
  frameworkRetryMs: number | undefined;
  /** The cluster that framework work waits for. */
  frameworkParkedFor: string | undefined;
  /** The object as last seen, for optional clean-up after it is gone. */
  lastSeen: KubernetesObject | undefined;
  /** The object that had this key before and was not cleaned up after when this one took its place. */
  predecessor: KeyRecord | undefined;

  constructor(
    readonly uid: string | undefined,
    /** Resource version in which the object was first seen. */
    readonly firstVersion?: string,
  ) {}

  /** Starts anew with one handler: the object is gone for it. What it has begun ends without consequences. */
  drop(spec: QueuedHandlerSpec): void {
    this.states.delete(spec);
  }

  state(spec: QueuedHandlerSpec): HandlerState {
    let state = this.states.get(spec);
    if (state === undefined) {
      state = new HandlerState();
      this.states.set(spec, state);
    }
    return state;
  }

  owe(spec: QueuedHandlerSpec, reason: PassReason): void {
    this.state(spec).owe(reason, this.lastStarts.get(spec));
  }

  /** A cluster answers again. @returns whether something waited for it. */
  recover(cluster: string, isOwn: boolean): boolean {
    let recovered = false;
    if (this.frameworkParkedFor === cluster || (isOwn && this.frameworkRetryMs !== undefined)) {
      this.frameworkParkedFor = undefined;
      this.frameworkRetryMs = undefined;
      for (const state of this.states.values()) state.release();
      recovered = true;
    }
    for (const state of this.states.values()) recovered = state.recover(cluster, isOwn) || recovered;
    return recovered;
  }

  started(spec: QueuedHandlerSpec, atMs: number): void {
    this.lastStarts.set(spec, atMs);
  }

  lastStartMs(spec: QueuedHandlerSpec): number | undefined {
    return this.lastStarts.get(spec);
  }

  /** Earliest due time over all handlers, and whether it may wait in the low lane. */
  nextDue(): { atMs: number; lane: 'high' | 'low' } | undefined {
    let next: { atMs: number; lane: 'high' | 'low' } | undefined;
    const before = this.predecessor?.nextDue();
    if (before !== undefined) next = before;
    if (this.frameworkRetryMs !== undefined && (next === undefined || this.frameworkRetryMs < next.atMs))
      next = { atMs: this.frameworkRetryMs, lane: 'high' };
    for (const state of this.states.values()) {
      const atMs = state.dueMs();
      if (atMs === undefined || (next !== undefined && next.atMs < atMs)) continue;
      const isLow = state.mayWait && (next?.atMs !== atMs || next.lane === 'low');
      next = { atMs, lane: isLow ? 'low' : 'high' };
    }
    return next;
  }
}
