/**
 * The vocabulary of the watch state machine: its state, what can happen to it, what it asks for.
 *
 * Owns: types, and the state before the first input. Never: decides.
 */
import type { Failure, FailureKind } from './failure';
import type { InformerState } from './informer-contract';
import type { RelistReason } from './informer-hooks';

/**
 * What is under way. Exactly one thing at a time, so at most one request is open.
 *
 * `nothing` · `awaiting` the kind to be served · `pausing` · `confirming` with discovery that the kind is gone · `listing` ·
 * `connecting` a watch · `streaming`.
 */
export type Activity = 'nothing' | 'awaiting' | 'pausing' | 'confirming' | 'listing' | 'connecting' | 'streaming';

/** What comes after a pause. */
export type NextStep = 'list' | 'watch' | 'confirm';

export interface WatchState {
  readonly phase: InformerState;
  readonly doing: Activity;
  readonly next: NextStep;
  /** Version of the kind that is in use, for example `apps/v1`. */
  readonly apiVersion: string;
  /** The last version that was taken in; watches resume here. `undefined` before the first list. */
  readonly resourceVersion: string | undefined;
  readonly listReason: RelistReason;
  /** Failures in a row; a stream that lived long enough starts anew. */
  readonly failures: number;
  /** Refusals (403) in a row. */
  readonly denials: number;
  /** Discovery answers in a row that the kind is not served. */
  readonly absences: number;
  /** The last list was made because of a 410 and no stream has lived since, so listing again at once would not help. */
  readonly justRelisted: boolean;
  /** A pause was cut short since the last steady stream: not again before the next, or a server that flaps would meet no backoff. */
  readonly hurried: boolean;
  /** Version at which lines could not be read, and how often in a row. */
  readonly brokenAt: string | undefined;
  readonly brokenTimes: number;
  /** A 401 within a stream was answered by reconnecting, which makes the transport look at its credentials. */
  readonly reauthenticated: boolean;
  /** Monotonic milliseconds at which the last connect began or was answered. */
  readonly connectMs: number | undefined;
  /** What went wrong last; `undefined` since a list or a watch succeeded, or when nothing has gone wrong yet. */
  readonly lastFailure: FailureKind | undefined;
  /** One line for people: why it is not watching. */
  readonly detail: string;
}

export type WatchInput =
  /** @param await wait for the kind to be served first, instead of finding out by a list. */
  | { readonly type: 'start'; readonly await: boolean }
  | { readonly type: 'served'; readonly apiVersion: string }
  /** Discovery answered; `undefined` = not served. */
  | { readonly type: 'discovered'; readonly apiVersion: string | undefined }
  /** The first page was accepted. */
  | { readonly type: 'accepted' }
  | { readonly type: 'listed'; readonly resourceVersion: string | undefined }
  | { readonly type: 'connected' }
  | { readonly type: 'event'; readonly resourceVersion: string | undefined }
  | { readonly type: 'bookmark'; readonly resourceVersion: string | undefined }
  /** The stream ended as it should, or was given up for its silence. */
  | { readonly type: 'ended' }
  /** List, connect, stream or discovery failed. */
  | { readonly type: 'failed'; readonly failure: Failure }
  | { readonly type: 'timer' }
  /** The server answers others again: no reason to wait longer. */
  | { readonly type: 'hurry' }
  | { readonly type: 'stop' };

/** What to do now. Each ends whatever was under way before. */
export type WatchAction =
  /** Wait for the kind to be served, then send `served`. @param clearFirst take every object out of the store before. */
  | { readonly type: 'await'; readonly clearFirst: boolean }
  /** Ask discovery once, then send `discovered` or `failed`. */
  | { readonly type: 'discover' }
  /** Send `accepted`, then `listed` or `failed`. */
  | { readonly type: 'list' }
  /** Send `connected`, then events and bookmarks, then `ended` or `failed`. */
  | { readonly type: 'watch' }
  /** Wait for a random time between the two, then send `timer`. */
  | { readonly type: 'pause'; readonly minMs: number; readonly maxMs: number }
  /** Close whatever is open. */
  | { readonly type: 'cancel' };

export interface Step {
  readonly state: WatchState;
  /** `undefined`: what is under way goes on. */
  readonly action: WatchAction | undefined;
}

/** The state of a machine that was never started. */
export function initialState(apiVersion: string): WatchState {
  return {
    phase: 'Waiting',
    doing: 'nothing',
    next: 'list',
    apiVersion,
    resourceVersion: undefined,
    listReason: 'initial',
    failures: 0,
    denials: 0,
    absences: 0,
    justRelisted: false,
    hurried: false,
    brokenAt: undefined,
    brokenTimes: 0,
    reauthenticated: false,
    connectMs: undefined,
    lastFailure: undefined,
    detail: 'not started',
  };
}
