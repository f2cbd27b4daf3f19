/**
 * Campaigns for a Lease and keeps it.
 *
 * Expected flow: start -> read -> claim -> `gained` -> renewals -> (deadline missed | taken over) `lost` -> ended() -> read -> ...;
 * at shutdown retire -> release.
 * Guarantees: `isLeading` compares the clock with the deadline at every call, so that a process that was frozen knows before its
 * timers do; `gained` and `lost` alternate; one request at a time; after `release` no timer and no request is left.
 * Assumptions: `gained` and `lost` return at once; whoever works in a term calls `ended` when all of it is over.
 * Caveats: whoever asks `isLeading` between the deadline and its timer triggers `lost` on its own stack.
 * Errors: none thrown; every failure leads to another try, and denials are in `status` and in the log.
 */
import type { Lease } from '../kinds/core-kinds';
import type { Logger } from '../logging/logger';
import type { Clock, Timer } from '../time/clock';
import { sleep } from '../time/sleep';
import { type CompiledLeaderElectionOptions, JITTER } from './leader-options';
import {
  deadlineMs,
  INITIAL_LEADER_STATE,
  type LeaderAction,
  type LeaderInput,
  type LeaderPhase,
  type LeaderRules,
  type LeaderState,
  step,
} from './leader-state';
import { claimed, holderOf, released } from './lease-record';
import { denialOf, type LeaseStore, type LeaseWriteResult } from './lease-store';

/** Observation point for `leader_election_master_status`. */
export interface LeaderMetrics {
  leading?(lease: string, isLeading: boolean): void;
}

export interface LeaseElectorOptions {
  readonly options: CompiledLeaderElectionOptions;
  readonly namespace: string;
  /** `<pod>_<uuid>`: no two processes share it, not even two lives of one pod. */
  readonly identity: string;
  readonly store: LeaseStore;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  readonly metrics?: LeaderMetrics | undefined;
  readonly gained: () => void;
  readonly lost: (reason: string) => void;
}

export interface LeaderStatus {
  readonly phase: LeaderPhase;
  /** Identity of who holds the Lease as far as we know. */
  readonly holder: string | undefined;
  /** Why this process can never lead as things are. */
  readonly denied: string | undefined;
  /** Since the start of the last successful renewal; `undefined` outside of a term. */
  readonly sinceRenewalMs: number | undefined;
}

/** Reading again and trying once more, when somebody touched the Lease meanwhile. */
const RELEASE_TRIES = 2;

export class LeaseElector {
  private state: LeaderState = INITIAL_LEADER_STATE;
  private readonly rules: LeaderRules;
  private readonly closing = new AbortController();
  private request: Promise<void> = Promise.resolve();
  private pauseTimer: Timer | undefined;
  private deadlineTimer: Timer | undefined;
  private isFailing = false;
  private isReleasing = false;

  constructor(private readonly parts: LeaseElectorOptions) {
    this.rules = { ...parts.options, identity: parts.identity };
    parts.metrics?.leading?.(parts.options.lease, false);
  }

  start(): void {
    this.take({ type: 'start' });
  }

  /** Whether the Lease is ours at this very moment. */
  get isLeading(): boolean {
    if (this.state.phase !== 'leading') return false;
    this.take({ type: 'clock' });
    return this.state.phase === 'leading';
  }

  /** The work of the lost term is over: campaign again. */
  ended(): void {
    this.take({ type: 'ended' });
  }

  /** No new term from now on; the one that runs is kept up until `release`. */
  retire(): void {
    this.take({ type: 'retire' });
  }

  get status(): LeaderStatus {
    const { phase, seen, denied, renewedMs } = this.state;
    const holder = seen === undefined ? undefined : holderOf(seen.lease);
    const sinceRenewalMs = renewedMs === undefined || phase === 'stopped' ? undefined : this.parts.clock.monotonicMs() - renewedMs;
    return { phase, holder, denied: denied?.text, sinceRenewalMs };
  }

  /**
   * Ends the campaign and gives the Lease up if it is ours, so that the next one need not wait for it to expire.
   * @param giveUp `false` leaves it to expire, because work may still go on. Resolves within `limitMs`.
   */
  async release(giveUp: boolean, limitMs: number): Promise<void> {
    this.retire();
    this.isReleasing = true;
    this.pauseTimer?.cancel();
    const { clock, log } = this.parts;
    const over = new AbortController();
    const limit = sleep(clock, limitMs, over.signal).catch(() => undefined);
    const work = giveUp ? this.giveUp().catch((error: unknown) => log.warn('lease could not be released', { error })) : undefined;
    await Promise.race([work, limit]);
    over.abort();
    this.closing.abort(new Error('leader election has ended'));
    this.deadlineTimer?.cancel();
    this.parts.metrics?.leading?.(this.parts.options.lease, false);
    this.state = { ...this.state, phase: 'stopped' };
  }

  private async giveUp(): Promise<void> {
    // A renewal that is under way would change the version.
    await this.request;
    // Who has never asked for the Lease cannot hold it.
    if (this.state.askedMs === Number.NEGATIVE_INFINITY) return;
    const { store, clock, identity, log } = this.parts;
    const { signal } = this.closing;
    for (let attempt = 1; attempt <= RELEASE_TRIES; attempt++) {
      const live = this.state.stale ? await store.read(signal) : this.state.seen?.lease;
      if (live === undefined || holderOf(live) !== identity) return;
      const result = await store.write(released(live, clock.now()), signal);
      if (result.kind === 'written') {
        log.info('lease released', { lease: this.parts.options.lease });
        return;
      }
      this.state = { ...this.state, stale: true };
    }
  }

  private take(input: LeaderInput): void {
    if (this.closing.signal.aborted) return;
    const before = this.state;
    const { state, actions } = step(before, input, this.parts.clock.monotonicMs(), this.rules);
    this.state = state;
    this.armDeadline();
    this.report(before, state);
    for (const action of actions) this.perform(action);
  }

  private perform(action: LeaderAction): void {
    switch (action.type) {
      case 'read':
        if (!this.isReleasing) this.request = this.read();
        return;
      case 'write':
        if (!this.isReleasing) this.request = this.write();
        return;
      case 'pause':
        if (!this.isReleasing) this.pauseUntil(action.untilMs);
        return;
      case 'gained':
        this.parts.log.info('leading', { lease: this.parts.options.lease, identity: this.parts.identity });
        this.parts.metrics?.leading?.(this.parts.options.lease, true);
        this.parts.gained();
        return;
      case 'lost':
        this.parts.log.warn('leadership lost', { lease: this.parts.options.lease, reason: action.reason });
        this.parts.metrics?.leading?.(this.parts.options.lease, false);
        this.parts.lost(action.reason);
        return;
    }
  }

  private async read(): Promise<void> {
    let lease: Lease | undefined;
    try {
      lease = await this.parts.store.read(this.closing.signal);
    } catch (error) {
      this.failed(error);
      return;
    }
    this.succeeded();
    this.take({ type: 'read', lease });
  }

  private async write(): Promise<void> {
    const { store, clock, namespace, identity, options } = this.parts;
    const { seen } = this.state;
    const live = seen?.present === true ? seen.lease : undefined;
    const claim = { namespace, name: options.lease, identity, durationMs: options.leaseDurationMs, nowMs: clock.now() };
    let result: LeaseWriteResult;
    try {
      result = await store.write(claimed(live, claim), this.closing.signal);
    } catch (error) {
      this.failed(error);
      return;
    }
    this.succeeded();
    this.take(result.kind === 'written' ? { type: 'written', lease: result.lease } : { type: 'conflict' });
  }

  private succeeded(): void {
    if (this.isFailing) this.parts.log.info('lease can be reached again', { lease: this.parts.options.lease });
    this.isFailing = false;
  }

  private failed(error: unknown): void {
    if (this.closing.signal.aborted) return;
    const denied = denialOf(error);
    if (denied === undefined && !this.isFailing) {
      this.isFailing = true;
      this.parts.log.warn('lease cannot be reached', { lease: this.parts.options.lease, error });
    }
    this.take({ type: 'failed', ...(denied === undefined ? {} : { denied }) });
  }

  private pauseUntil(untilMs: number): void {
    const { clock, random, options } = this.parts;
    const waitMs = Math.max(0, untilMs - clock.monotonicMs()) + random() * JITTER * options.retryMs;
    this.pauseTimer?.cancel();
    this.pauseTimer = clock.setTimer(waitMs, () => this.take({ type: 'due' }));
  }

  /** Leading ends on time even while a request hangs. */
  private armDeadline(): void {
    this.deadlineTimer?.cancel();
    const atMs = deadlineMs(this.state, this.rules);
    if (atMs === undefined) return;
    const waitMs = Math.max(0, atMs - this.parts.clock.monotonicMs());
    this.deadlineTimer = this.parts.clock.setTimer(waitMs, () => this.take({ type: 'clock' }));
  }

  /** One line when who leads, or whether we may, has changed. */
  private report(before: LeaderState, now: LeaderState): void {
    const { log, options, identity } = this.parts;
    const { lease } = options;
    if (now.denied !== undefined && now.denied.text !== before.denied?.text) {
      log.error('lease is denied, this process cannot lead', { lease, reason: now.denied.text });
    }
    const holder = now.seen === undefined ? undefined : holderOf(now.seen.lease);
    const known = before.seen === undefined ? undefined : holderOf(before.seen.lease);
    if (now.phase === 'standby' && holder !== undefined && holder !== identity && holder !== known) {
      log.info('standing by', { lease, leader: holder });
    }
  }
}
