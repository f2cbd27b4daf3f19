/**
 * Decides whether we lead, and what to ask of the Lease next. Pure: no clock, no network, no randomness, no logger.
 *
 * Expected flow: standby -> (Lease free or expired) claim -> leading -> renewals -> lost -> ending -> standby; or retired -> stopped.
 * Guarantees: leading ends `renewDeadlineMs` after the *start* of the last renewal that is known to have succeeded, whatever comes
 * later; a claim over a Lease that another one held is made only when we have seen it unchanged for as long as its holder asked for;
 * a new term begins only after the work of the last one has ended.
 * Assumptions: monotonic clocks of two machines run equally fast within a few per cent; the API server compares resourceVersions.
 * Caveats: a Lease that is deleted by hand counts as held until it would have expired, but only for those who had seen it before.
 * A machine that is suspended stops its monotonic clock: only what it sends after it wakes up is affected, and only until the next
 * renewal is refused.
 * Errors: a denied or failed call leads to another one later; while leading, time decides.
 */
import type { Lease } from '../kinds/core-kinds';
import type { CompiledLeaderElectionOptions } from './leader-options';
import { durationMsOf, holderOf } from './lease-record';

/** `ending`: leadership is gone and the work of the term has to end. `stopped`: nothing is claimed any more. */
export type LeaderPhase = 'standby' | 'leading' | 'ending' | 'stopped';

/** What we know of the Lease and since when it has not changed. */
export interface SeenLease {
  readonly lease: Lease;
  /** It was there when we last looked; a deleted one keeps its holder until it would have expired. */
  readonly present: boolean;
  /** Monotonic milliseconds when we first saw it as it is. */
  readonly sinceMs: number;
}

export interface LeaderState {
  readonly phase: LeaderPhase;
  readonly doing: 'nothing' | 'reading' | 'writing' | 'pausing';
  readonly seen: SeenLease | undefined;
  /** What we know may be outdated: read before the next write. */
  readonly stale: boolean;
  /** Start of the last request, monotonic milliseconds. */
  readonly askedMs: number;
  /** Start of the last renewal that succeeded, `undefined` before the first one of a term. */
  readonly renewedMs: number | undefined;
  /** Why a call was denied; a standby with this can never lead. */
  readonly denied: { readonly call: 'reading' | 'writing'; readonly text: string } | undefined;
  /** No new term, only the one that runs. */
  readonly retired: boolean;
}

export const INITIAL_LEADER_STATE: LeaderState = Object.freeze({
  phase: 'standby',
  doing: 'nothing',
  seen: undefined,
  stale: true,
  askedMs: Number.NEGATIVE_INFINITY,
  renewedMs: undefined,
  denied: undefined,
  retired: false,
});

export type LeaderInput =
  | { readonly type: 'start' }
  /** A pause is over. */
  | { readonly type: 'due' }
  /** Time has passed. Every input does this as well. */
  | { readonly type: 'clock' }
  /** Answer to a read, `undefined` = there is no Lease. */
  | { readonly type: 'read'; readonly lease: Lease | undefined }
  /** Our claim or renewal was accepted. */
  | { readonly type: 'written'; readonly lease: Lease }
  /** Somebody else changed the Lease first. */
  | { readonly type: 'conflict' }
  | { readonly type: 'failed'; readonly denied?: string }
  /** All work of the term has ended. */
  | { readonly type: 'ended' }
  /** The process is about to stop: claim nothing new, renew while work goes on. */
  | { readonly type: 'retire' };

export type LeaderAction =
  | { readonly type: 'read' }
  /** Claim or renew over `seen`. */
  | { readonly type: 'write' }
  /** `due` is to come at this monotonic time, or a little later. */
  | { readonly type: 'pause'; readonly untilMs: number }
  | { readonly type: 'gained' }
  | { readonly type: 'lost'; readonly reason: string };

export interface LeaderStep {
  readonly state: LeaderState;
  readonly actions: readonly LeaderAction[];
}

export type LeaderRules = Pick<CompiledLeaderElectionOptions, 'leaseDurationMs' | 'renewDeadlineMs' | 'retryMs'> & {
  readonly identity: string;
};

/** When leading ends unless a renewal succeeds; `undefined` when we do not lead. */
export function deadlineMs({ phase, renewedMs }: LeaderState, { renewDeadlineMs }: LeaderRules): number | undefined {
  return phase === 'leading' && renewedMs !== undefined ? renewedMs + renewDeadlineMs : undefined;
}

/** @param nowMs monotonic milliseconds. */
export function step(state: LeaderState, input: LeaderInput, nowMs: number, rules: LeaderRules): LeaderStep {
  const deadline = deadlineMs(state, rules);
  if (deadline !== undefined && nowMs >= deadline) {
    // Also when the input is the renewal that came too late: nobody promised us the time after the deadline.
    const after = take(lose(state), input, nowMs, rules);
    return { state: after.state, actions: [{ type: 'lost', reason: 'the lease could not be renewed in time' }, ...after.actions] };
  }
  return take(state, input, nowMs, rules);
}

function take(state: LeaderState, input: LeaderInput, nowMs: number, rules: LeaderRules): LeaderStep {
  switch (input.type) {
    case 'start':
      return state.phase === 'standby' && state.doing === 'nothing' ? ask('read', state, nowMs) : still(state);
    case 'due':
      return state.doing === 'pausing' ? onDue({ ...state, doing: 'nothing' }, nowMs) : still(state);
    case 'clock':
      return still(state);
    case 'read':
      return onRead({ ...state, doing: 'nothing' }, input.lease, nowMs, rules);
    case 'written':
      return onWritten({ ...state, doing: 'nothing' }, input.lease, nowMs, rules);
    case 'conflict':
      return onConflict({ ...state, doing: 'nothing', stale: true }, nowMs, rules);
    case 'failed':
      return onFailed(state, input.denied, rules);
    case 'ended':
      return state.phase === 'ending' && !state.retired ? onEnded(state, nowMs) : still(state);
    case 'retire':
      return still({ ...state, retired: true, phase: state.phase === 'standby' ? 'stopped' : state.phase });
  }
}

function onDue(state: LeaderState, nowMs: number): LeaderStep {
  if (state.phase === 'leading') return ask(state.stale ? 'read' : 'write', state, nowMs);
  return state.phase === 'standby' ? ask('read', state, nowMs) : still(state);
}

function onRead(before: LeaderState, lease: Lease | undefined, nowMs: number, rules: LeaderRules): LeaderStep {
  const state: LeaderState = { ...before, seen: lookedAt(before.seen, lease, nowMs), stale: false };
  if (state.phase === 'leading') {
    const holder = lease === undefined ? rules.identity : holderOf(lease);
    if (holder === rules.identity) return ask('write', state, nowMs);
    return { state: lose(state), actions: [{ type: 'lost', reason: `the lease is held by ${holder ?? 'nobody'}` }] };
  }
  if (state.phase !== 'standby') return still(state);
  if (isClaimable(state.seen, nowMs, rules)) return ask('write', withoutDenial(state, 'reading'), nowMs);
  return pause({ ...state, denied: undefined }, rules);
}

function onWritten(before: LeaderState, lease: Lease, nowMs: number, rules: LeaderRules): LeaderStep {
  const state: LeaderState = { ...before, seen: { lease, present: true, sinceMs: nowMs }, stale: false, denied: undefined };
  if (state.phase === 'leading') return pause({ ...state, renewedMs: state.askedMs }, rules);
  if (state.phase !== 'standby') return still(state);
  if (nowMs >= state.askedMs + rules.renewDeadlineMs) return pause(state, rules);
  const leading = pause({ ...state, phase: 'leading', renewedMs: state.askedMs }, rules);
  return { state: leading.state, actions: [{ type: 'gained' }, ...leading.actions] };
}

function onConflict(state: LeaderState, nowMs: number, rules: LeaderRules): LeaderStep {
  if (state.phase === 'leading') return ask('read', state, nowMs);
  return state.phase === 'standby' ? pause(state, rules) : still(state);
}

function onFailed(before: LeaderState, denied: string | undefined, rules: LeaderRules): LeaderStep {
  const call = before.doing === 'writing' ? 'writing' : 'reading';
  const state: LeaderState = {
    ...before,
    doing: 'nothing',
    // A write without an answer may have happened.
    stale: before.stale || call === 'writing',
    denied: denied === undefined ? before.denied : { call, text: denied },
  };
  return state.phase === 'leading' || state.phase === 'standby' ? pause(state, rules) : still(state);
}

function onEnded(before: LeaderState, nowMs: number): LeaderStep {
  const state: LeaderState = { ...before, phase: 'standby', renewedMs: undefined, stale: true };
  return state.doing === 'nothing' ? ask('read', state, nowMs) : still(state);
}

/** Free, ours, or unchanged for as long as its holder asked for. */
function isClaimable(seen: SeenLease | undefined, nowMs: number, { identity, leaseDurationMs }: LeaderRules): boolean {
  const holder = seen === undefined ? undefined : holderOf(seen.lease);
  if (seen === undefined || holder === undefined || holder === identity) return true;
  return nowMs - seen.sinceMs >= durationMsOf(seen.lease, leaseDurationMs);
}

function lookedAt(known: SeenLease | undefined, lease: Lease | undefined, nowMs: number): SeenLease | undefined {
  if (lease === undefined) return known === undefined ? undefined : { ...known, present: false };
  const isSame = known?.present === true && versionOf(known.lease) === versionOf(lease);
  return isSame ? known : { lease, present: true, sinceMs: nowMs };
}

function versionOf({ metadata }: Lease): string {
  return `${metadata?.uid} ${metadata?.resourceVersion}`;
}

function withoutDenial(state: LeaderState, call: 'reading' | 'writing'): LeaderState {
  return state.denied?.call === call ? { ...state, denied: undefined } : state;
}

function lose(state: LeaderState): LeaderState {
  return { ...state, phase: 'ending', doing: state.doing === 'pausing' ? 'nothing' : state.doing };
}

function ask(call: 'read' | 'write', state: LeaderState, nowMs: number): LeaderStep {
  return { state: { ...state, doing: call === 'read' ? 'reading' : 'writing', askedMs: nowMs }, actions: [{ type: call }] };
}

/** Requests begin `retryMs` apart, however long one takes: a lost connection must not cost a renewal its second try. */
function pause(state: LeaderState, { retryMs }: LeaderRules): LeaderStep {
  return { state: { ...state, doing: 'pausing' }, actions: [{ type: 'pause', untilMs: state.askedMs + retryMs }] };
}

function still(state: LeaderState): LeaderStep {
  return { state, actions: [] };
}
