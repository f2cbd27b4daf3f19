/**
 * Decides what an informer does next. Pure: no clock, no network, no randomness, no logger.
 *
 * Expected flow: (Waiting ->) Listing -> Watching, where streams end and are resumed from the last version for ever.
 *
 * Guarantees:
 * - No failure ends it; only `stop` does, and `Stopped` is final.
 * - A watch is resumed from the last version taken in; a list is made only when the server has forgotten that version (410), when the
 *   same line could not be read three times, when history began anew, or when the kind came back.
 * - Two connects are at least a second apart; failures back off to half a minute and start anew only after a stream has lived for two.
 * - The store is emptied only after discovery has said twice, five seconds apart, that the kind is gone.
 *
 * Assumptions: inputs come one at a time, and only from what the last actions asked for; anything else is ignored.
 *
 * Caveats: `Backoff` and `Denied` last until the server has answered, so they cover the attempts as well: one log line per state change is
 * one per outage. `Watching` covers the pause of up to a second and the connect after a stream ended as it should.
 *
 * Errors: 401 within a stream reconnects once, so that the transport renews its credentials; 403 waits in `Denied`; 404 is confirmed;
 * 410 lists again; everything else backs off with the same version.
 */
import type { Failure } from './failure';
import { isOlder, supersedes } from './resource-version';
import { type CompiledWatchOptions, DEFAULT_WATCH_OPTIONS } from './watch-options';
import type { NextStep, Step, WatchInput, WatchState } from './watch-state';

type InputOf<K extends WatchInput['type']> = Extract<WatchInput, { type: K }>;

/** What a handler of one input knows. */
interface Moment {
  readonly nowMs: number;
  readonly numbers: CompiledWatchOptions;
}

/**
 * @param nowMs monotonic milliseconds.
 * @returns the same state and no action when the input means nothing in this state.
 */
export function step(state: WatchState, input: WatchInput, nowMs: number, numbers: CompiledWatchOptions = DEFAULT_WATCH_OPTIONS): Step {
  const moment = { nowMs, numbers };
  if (state.phase === 'Stopped') return ignored(state);
  switch (input.type) {
    case 'start':
      return onStart(state, input);
    case 'served':
      return state.doing === 'awaiting' ? list({ ...state, phase: 'Listing', apiVersion: input.apiVersion }) : ignored(state);
    case 'discovered':
      return state.doing === 'confirming' ? onDiscovered(state, input, moment) : ignored(state);
    case 'accepted':
      return state.doing === 'listing'
        ? { state: { ...state, phase: 'Listing', denials: 0, detail: 'listing' }, action: undefined }
        : ignored(state);
    case 'listed':
      return state.doing === 'listing' ? onListed(state, input, moment) : ignored(state);
    case 'connected':
      return state.doing === 'connecting' ? { state: opened(state, nowMs), action: undefined } : ignored(state);
    case 'event':
      return state.doing === 'streaming' ? { state: progressed(state, input.resourceVersion), action: undefined } : ignored(state);
    case 'bookmark':
      return state.doing === 'streaming' ? onBookmark(state, input, moment) : ignored(state);
    case 'ended':
      return state.doing === 'streaming' ? onEnded(state, moment) : ignored(state);
    case 'failed':
      return onFailed(state, input.failure, moment);
    case 'timer':
      return state.doing === 'pausing' ? proceed(state, moment) : ignored(state);
    case 'hurry':
      return !state.hurried && (state.phase === 'Backoff' || state.phase === 'Denied') ? onHurry(state, moment) : ignored(state);
    case 'stop':
      return { state: { ...state, phase: 'Stopped', doing: 'nothing', detail: 'stopped' }, action: { type: 'cancel' } };
  }
}

function onStart(state: WatchState, input: InputOf<'start'>): Step {
  if (state.doing !== 'nothing') return ignored(state);
  return input.await ? awaitKind(state, `waiting for ${state.apiVersion} to be served`, false) : list({ ...state, phase: 'Listing' });
}

/** Discovery was asked because of a 404. */
function onDiscovered(state: WatchState, { apiVersion }: InputOf<'discovered'>, moment: Moment): Step {
  if (apiVersion !== undefined) {
    const served: WatchState = { ...state, apiVersion, absences: 0, listReason: relistReason(state, 'returned') };
    return backOff(served, 'list', state.detail, moment);
  }
  const absent: WatchState = { ...state, absences: state.absences + 1, detail: `${state.apiVersion} is not served any more; asking again` };
  if (absent.absences < 2) return pause(absent, 'confirm', moment.numbers.confirmMs, moment.numbers.confirmMs);
  const gone: WatchState = { ...absent, absences: 0, failures: 0, resourceVersion: undefined, listReason: relistReason(state, 'returned') };
  return awaitKind(gone, `waiting for ${state.apiVersion} to be served again`, true);
}

function onListed(state: WatchState, { resourceVersion }: InputOf<'listed'>, moment: Moment): Step {
  const justRelisted = state.listReason === 'gone';
  const listed: WatchState = {
    ...state,
    phase: 'Watching',
    resourceVersion,
    justRelisted,
    brokenAt: undefined,
    brokenTimes: 0,
    lastFailure: undefined,
    detail: '',
  };
  return untilNextConnect(listed, moment) > 0 ? pauseThenWatch(listed, moment, 0) : watch(listed, moment);
}

/** A bookmark below our version: history began anew (restored backup), and waiting for it to catch up would be silence. */
function onBookmark(state: WatchState, { resourceVersion }: InputOf<'bookmark'>, moment: Moment): Step {
  if (!isOlder(resourceVersion, state.resourceVersion)) return { state: progressed(state, resourceVersion), action: undefined };
  return relist(afterLife(state, moment), 'gone', `the server is at version ${resourceVersion}, below ours`, moment);
}

function onEnded(state: WatchState, moment: Moment): Step {
  const ended = afterLife(state, moment);
  if (lifeMs(state, moment) < moment.numbers.cleanEndAfterMs) return backOff(ended, 'watch', 'the server ends watches at once', moment);
  return pauseThenWatch({ ...ended, reauthenticated: false }, moment, moment.numbers.cleanPauseMs);
}

function onFailed(before: WatchState, failure: Failure, moment: Moment): Step {
  const state: WatchState = { ...before, lastFailure: failure.kind };
  if (state.doing === 'confirming') return backOff({ ...state, absences: 0 }, 'list', failure.text, moment, failure.retryAfterMs);
  if (state.doing !== 'listing' && state.doing !== 'connecting' && state.doing !== 'streaming') return ignored(before);
  const current = state.doing === 'streaming' ? afterLife(state, moment) : state;
  const next: NextStep = current.doing === 'listing' ? 'list' : 'watch';
  switch (failure.kind) {
    case 'forbidden':
      return deny(current, next, failure.text, moment);
    case 'notFound':
      return {
        state: { ...current, phase: 'Backoff', doing: 'confirming', absences: 0, detail: failure.text },
        action: { type: 'discover' },
      };
    case 'gone':
      return next === 'watch' ? relist(current, 'gone', failure.text, moment) : backOff(current, next, failure.text, moment);
    case 'unauthorized':
      if (current.doing !== 'streaming' || current.reauthenticated) return backOff(current, next, failure.text, moment);
      return pauseThenWatch({ ...current, reauthenticated: true }, moment, 0);
    case 'decode':
      return next === 'watch' ? onBroken(current, failure, moment) : backOff(current, next, failure.text, moment);
    case 'refused':
    case 'other':
      return backOff(current, next, failure.text, moment, failure.retryAfterMs);
  }
}

/** What came on the stream could not be read: try from the last good version, and list when that does not help. */
function onBroken(state: WatchState, failure: Failure, moment: Moment): Step {
  const brokenTimes = state.brokenAt === state.resourceVersion ? state.brokenTimes + 1 : 1;
  if (brokenTimes < moment.numbers.maxDecodeFailures) {
    return backOff({ ...state, brokenAt: state.resourceVersion, brokenTimes }, 'watch', failure.text, moment);
  }
  const relisting: WatchState = { ...state, brokenAt: undefined, brokenTimes: 0, listReason: relistReason(state, 'decode') };
  return backOff(relisting, 'list', failure.text, moment);
}

/** A pause is over. */
function proceed(state: WatchState, moment: Moment): Step {
  switch (state.next) {
    case 'list':
      return list(state);
    case 'watch':
      return watch(state, moment);
    case 'confirm':
      return { state: { ...state, doing: 'confirming' }, action: { type: 'discover' } };
  }
}

/**
 * Starts the backoff anew and ends a pause that it has caused; pauses that keep apart connects, or the two questions about a kind, are
 * kept.
 */
function onHurry(state: WatchState, moment: Moment): Step {
  const hurried: WatchState = { ...state, failures: 0, hurried: true };
  if (state.doing !== 'pausing' || state.next === 'confirm') return { state: hurried, action: undefined };
  const leastMs = untilNextConnect(state, moment);
  return leastMs > 0 ? pause(hurried, state.next, leastMs, leastMs) : proceed(hurried, moment);
}

function list(state: WatchState): Step {
  const detail = state.phase === 'Listing' ? 'listing' : state.detail;
  return { state: { ...state, doing: 'listing', detail }, action: { type: 'list' } };
}

function watch(state: WatchState, { nowMs }: Moment): Step {
  return { state: { ...state, doing: 'connecting', connectMs: nowMs }, action: { type: 'watch' } };
}

function awaitKind(state: WatchState, detail: string, clearFirst: boolean): Step {
  return { state: { ...state, phase: 'Waiting', doing: 'awaiting', detail }, action: { type: 'await', clearFirst } };
}

/** Lists at once; but a list that did not help is not repeated at once. */
function relist(state: WatchState, reason: 'gone', detail: string, moment: Moment): Step {
  const relisting: WatchState = { ...state, listReason: relistReason(state, reason) };
  return state.justRelisted ? backOff(relisting, 'list', detail, moment) : list({ ...relisting, phase: 'Listing' });
}

function backOff(state: WatchState, next: NextStep, detail: string, moment: Moment, retryAfterMs = 0): Step {
  const { numbers } = moment;
  const delayMs = Math.min(numbers.maxBackoffMs, numbers.backoffMs * 2 ** Math.min(state.failures, 30));
  const leastMs = Math.max(Math.min(retryAfterMs, numbers.maxRetryAfterMs), next === 'watch' ? untilNextConnect(state, moment) : 0);
  const failed: WatchState = { ...state, phase: 'Backoff', failures: state.failures + 1, detail };
  return pause(failed, next, Math.max(delayMs / 2, leastMs), Math.max(delayMs, leastMs));
}

/** A server that has just come back refuses everybody until it has read its rules, so the first 403 after a failure is doubted. */
function deny(state: WatchState, next: NextStep, detail: string, { numbers }: Moment): Step {
  if (state.phase === 'Backoff' && state.denials === 0) {
    return pause({ ...state, phase: 'Denied', detail }, next, numbers.minConnectIntervalMs, 2 * numbers.minConnectIntervalMs);
  }
  const delayMs = Math.min(numbers.maxDeniedMs, numbers.deniedMs * 2 ** Math.min(state.denials, 30));
  const denied: WatchState = { ...state, phase: 'Denied', denials: state.denials + 1, detail };
  return pause(denied, next, delayMs, Math.min(numbers.maxDeniedMs, delayMs * 1.1));
}

function pauseThenWatch(state: WatchState, moment: Moment, maxMs: number): Step {
  const leastMs = untilNextConnect(state, moment);
  return pause({ ...state, phase: 'Watching', detail: '' }, 'watch', leastMs, Math.max(maxMs, leastMs));
}

function pause(state: WatchState, next: NextStep, minMs: number, maxMs: number): Step {
  return { state: { ...state, doing: 'pausing', next }, action: { type: 'pause', minMs, maxMs } };
}

function opened(state: WatchState, nowMs: number): WatchState {
  return { ...state, phase: 'Watching', doing: 'streaming', denials: 0, connectMs: nowMs, lastFailure: undefined, detail: '' };
}

function progressed(state: WatchState, resourceVersion: string | undefined): WatchState {
  const newer = resourceVersion !== undefined && supersedes(resourceVersion, state.resourceVersion);
  return { ...state, resourceVersion: newer ? resourceVersion : state.resourceVersion, reauthenticated: false };
}

/** What a stream that is over has proven by its life. */
function afterLife(state: WatchState, moment: Moment): WatchState {
  const lived = lifeMs(state, moment);
  const isSteady = lived >= moment.numbers.steadyAfterMs;
  return {
    ...state,
    failures: isSteady ? 0 : state.failures,
    hurried: state.hurried && !isSteady,
    justRelisted: state.justRelisted && lived < moment.numbers.cleanEndAfterMs,
  };
}

function lifeMs(state: WatchState, { nowMs }: Moment): number {
  return nowMs - (state.connectMs ?? nowMs);
}

/** Milliseconds until a connect is allowed again. */
function untilNextConnect(state: WatchState, { nowMs, numbers }: Moment): number {
  return state.connectMs === undefined ? 0 : Math.max(0, state.connectMs + numbers.minConnectIntervalMs - nowMs);
}

/** A list that nobody has seen the end of stays the first one. */
function relistReason(state: WatchState, reason: 'gone' | 'decode' | 'returned'): WatchState['listReason'] {
  return state.resourceVersion === undefined && state.listReason === 'initial' ? 'initial' : reason;
}

function ignored(state: WatchState): Step {
  return { state, action: undefined };
}
