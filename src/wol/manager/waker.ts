/**
 * Answers reported packets by waking the virtual machines they mean.
 *
 * Owns: the steps from packet to answer, and the wakes in flight. Never: a Kubernetes write other than KubeVirt's own start and
 * unpause; anything about gRPC.
 * Expected flow: check -> resolve -> admit -> deduplicate -> run -> answer within 3 s -> outcome to the observer -> confirm.
 * Guarantees: one run per address and virtual machine at a time; closing the caller's connection cancels nothing.
 * Errors: `WakeMapNotReadyError` when the packet has to be sent again later; every other outcome is an answer.
 */
import { type Clock, type Logger, OperatorError } from '../../framework';
import { normalizeMac } from '../../kubevirt/mac-address';
import type { WakeReason } from '../../kubevirt/wake-reason';
import { currentStateOf, MISSING } from '../../kubevirt/wake-state';
import { CallSlots } from './call-slots';
import type { EffectiveConfig } from './effective-config';
import { ANSWER_WITHIN_MS } from './limits';
import { StartConfirmation } from './start-confirmation';
import type { StartLimits } from './start-limits';
import { admitWake, type PasswordSource } from './wake-admission';
import { WakeDeduplication, type WakeDeduplicationOptions } from './wake-deduplication';
import { channelOf, channelText, errorText, eventProblem, type WakeAnswer, type WakeEvent, type WakeStatus } from './wake-event';
import type { WakeMap, WakeResolution } from './wake-map';
import { kindOfReason, type WakeFacts, type WakeNotification, type WakeObserver } from './wake-observer';
import { type SettledOutcome, vmOf, type WakeOutcome, WakeRun, type WakeRunParts } from './wake-run';

export interface WakerOptions {
  /** From the first start call of a wake to the last, in milliseconds. @default 60000 */
  startTimeoutMs?: number;
  /** Start and unpause calls in flight at once. @default 32 */
  maxConcurrentStarts?: number;
  deduplication?: WakeDeduplicationOptions;
}

export interface WakerParts {
  readonly map: WakeMap;
  readonly isReady: () => boolean;
  readonly limits: StartLimits;
  readonly passwords: PasswordSource;
  readonly observer: WakeObserver;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Uniform in [0, 1); spreads retries. @default Math.random */
  readonly random?: () => number;
}

/** The manager cannot answer yet, or no more: the agent keeps the packet and sends it again. */
export class WakeMapNotReadyError extends OperatorError {
  constructor(why: string) {
    super('WAKE_MAP_NOT_READY', why);
  }
}

/** A wake that others may join. */
interface WakeInFlight {
  readonly facts: WakeFacts;
  /** Resolves when there is an outcome, or word that work goes on. */
  readonly news: Promise<void>;
  waitingFor: string | undefined;
  outcome: WakeOutcome | undefined;
}

type Answer = Pick<WakeAnswer, 'status' | 'message' | 'wasDuplicate'> & { key?: string; config: string };

export class Waker {
  private readonly deduplication: WakeDeduplication<WakeInFlight>;
  private readonly confirmation: StartConfirmation;
  private readonly runParts: WakeRunParts;
  private readonly ending = new AbortController();
  private readonly running = new Set<Promise<void>>();
  private isClosing = false;

  constructor(
    private readonly parts: WakerParts,
    { startTimeoutMs = 60_000, maxConcurrentStarts = 32, deduplication = {} }: WakerOptions = {},
  ) {
    const { map, limits, clock, random = Math.random } = parts;
    const { signal } = this.ending;
    this.deduplication = new WakeDeduplication(clock, deduplication);
    this.confirmation = new StartConfirmation(map, clock, signal);
    this.runParts = { map, limits, slots: new CallSlots(maxConcurrentStarts), clock, random, startTimeoutMs, signal };
  }

  /** Sizes for metrics. */
  get stats(): { readonly inFlight: number; readonly remembered: number; readonly evictions: number } {
    const { inFlightCount, rememberedCount, evictions } = this.deduplication;
    return { inFlight: inFlightCount, remembered: rememberedCount, evictions };
  }

  /**
   * Handles one reported packet.
   *
   * @throws {WakeMapNotReadyError} when the packet must be sent again later.
   */
  async wake(event: WakeEvent): Promise<WakeAnswer> {
    const arrivedAtMs = this.parts.clock.monotonicMs();
    const { key, config, ...answer } = await this.answer(event, arrivedAtMs);
    this.notify({ kind: 'answered', config, status: answer.status });
    const processingTimeMs = Math.round(this.parts.clock.monotonicMs() - arrivedAtMs);
    return { ...answer, vm: key === undefined ? undefined : this.vmInfo(key), processingTimeMs };
  }

  /** Lets wakes in flight finish for up to `graceMs` milliseconds, then abandons them. New packets are turned away at once. */
  async close(graceMs: number): Promise<void> {
    this.isClosing = true;
    const timer = this.parts.clock.setTimer(graceMs, () => this.end());
    await Promise.all(this.running);
    timer.cancel();
    this.end();
  }

  private async answer(event: WakeEvent, arrivedAtMs: number): Promise<Answer> {
    const problem = eventProblem(event);
    const mac = problem === undefined ? normalizeMac(event.mac) : undefined;
    if (mac === undefined) return this.invalid(event, problem);
    if (this.isClosing || !this.parts.isReady()) {
      this.countPacket(event, '');
      throw new WakeMapNotReadyError(this.isClosing ? 'the manager is shutting down' : 'the wake map is not complete yet');
    }
    const channel = channelOf(event);
    const resolution = this.parts.map.resolve(mac, channel);
    if (resolution === undefined) {
      this.countPacket(event, '');
      return answerOf('VM_NOT_FOUND', `no WolConfig listening on ${channelText(channel)} knows ${mac}`, '');
    }
    return this.answerResolved(event, resolution, arrivedAtMs);
  }

  private invalid(event: WakeEvent, problem: string | undefined): Answer {
    const reason: WakeReason = problem === undefined ? 'InvalidMAC' : 'InvalidEvent';
    const text = problem ?? 'mac_address is not a MAC; allowed: six hex pairs joined by ":" or "-", or three groups joined by "."';
    this.countPacket(event, '');
    this.notify({ kind: 'invalid', reason, text, nodeName: event.nodeName });
    return answerOf('ERROR', errorText(reason, text), '');
  }

  private async answerResolved(event: WakeEvent, resolution: WakeResolution, arrivedAtMs: number): Promise<Answer> {
    const admission = admitWake(resolution.governing, event, this.parts.passwords);
    const config = admission.kind === 'admitted' ? admission.acting : admission.config;
    const facts = this.factsOf(event, resolution, config);
    this.countPacket(event, facts.config);
    if (admission.kind === 'refused') return this.refused(facts, admission.reason, admission.text);

    const key = `${facts.mac} ${facts.vm}`;
    const admitted = this.deduplication.admit(key, arrivedAtMs, () => this.begin(key, facts));
    switch (admitted.kind) {
      case 'duplicate':
        return { ...answerOf('DUPLICATE', 'woken a moment ago', facts.config, facts.vm), wasDuplicate: true };
      case 'overloaded':
        return this.refused(facts, 'Overloaded', `${this.deduplication.inFlightCount} wakes are in flight`);
      case 'begun':
      case 'shared':
        await this.newsWithin(admitted.wake, arrivedAtMs + ANSWER_WITHIN_MS);
        return answerAbout(admitted.wake, facts, admitted.kind === 'shared');
    }
  }

  private refused(facts: WakeFacts, reason: WakeReason, text: string): Answer {
    this.notify({ kind: kindOfReason(reason), facts, reason, text });
    return answerOf('ERROR', errorText(reason, text), facts.config, facts.vm);
  }

  private begin(key: string, facts: WakeFacts): WakeInFlight {
    const { promise: news, resolve: tell } = Promise.withResolvers<void>();
    const wake: WakeInFlight = { facts, news, waitingFor: undefined, outcome: undefined };
    const run = new WakeRun(facts.vm, facts.config, this.runParts, {
      onWaiting: (text) => {
        if (wake.waitingFor === undefined) this.notify({ kind: 'waiting', facts, text });
        wake.waitingFor = text;
        tell();
      },
      onDispatch: () => this.notify({ kind: 'dispatched', facts, latencyMs: this.latencyMs(facts) }),
    });
    this.track(
      // A turn later: the deduplication has to know of the wake before it can end.
      Promise.resolve()
        .then(() => run.run())
        .then((outcome) => this.ended(key, wake, outcome))
        .finally(tell),
    );
    return wake;
  }

  private ended(key: string, wake: WakeInFlight, outcome: WakeOutcome): void {
    const { facts } = wake;
    wake.outcome = outcome;
    const isSuccess = outcome.kind !== 'failed' && outcome.kind !== 'abandoned';
    this.deduplication.finish(key, isSuccess ? 'success' : 'failure');
    if (outcome.kind !== 'abandoned') this.notify(notificationOf(outcome, facts, this.latencyMs(facts)));
    if (outcome.kind === 'started') void this.confirm(key, facts);
  }

  private async confirm(key: string, facts: WakeFacts): Promise<void> {
    if (await this.confirmation.confirm(facts.vm)) return;
    this.deduplication.forget(key);
    this.notify({ kind: 'not-confirmed', facts });
  }

  /** Resolves with the first news, at the latest at `untilMs`. */
  private async newsWithin(wake: WakeInFlight, untilMs: number): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = this.parts.clock.setTimer(untilMs - this.parts.clock.monotonicMs(), resolve);
    await Promise.race([wake.news, late]);
    timer.cancel();
  }

  private track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => this.parts.logger.error('wake ended by a defect', { error }))
      .finally(() => this.running.delete(tracked));
    this.running.add(tracked);
  }

  private end(): void {
    this.ending.abort(new WakeMapNotReadyError('the manager is shutting down'));
  }

  private factsOf(event: WakeEvent, { mac, key, target }: WakeResolution, config: EffectiveConfig | undefined): WakeFacts {
    const { nodeName, sourceIp, destPort, transport } = event;
    const nowMs = this.parts.clock.now();
    const packetAtMs = Math.min(event.timestampMs ?? nowMs, nowMs);
    return { mac, vm: key, target, config: config?.name ?? '', nodeName, sourceIp, destPort, transport, packetAtMs };
  }

  private countPacket({ timestampMs = 0 }: WakeEvent, config: string): void {
    this.notify({ kind: 'packet', config, clockSkew: timestampMs > this.parts.clock.now() });
  }

  private latencyMs({ packetAtMs }: WakeFacts): number {
    return Math.max(0, this.parts.clock.now() - packetAtMs);
  }

  private vmInfo(key: string): NonNullable<WakeAnswer['vm']> {
    const target = this.parts.map.targetOf(key);
    return { ...vmOf(key, target), currentState: currentStateOf(target?.state() ?? MISSING) };
  }

  private notify(notification: WakeNotification): void {
    try {
      this.parts.observer.onWake(notification);
    } catch (error) {
      this.parts.logger.error('wake observer failed', { kind: notification.kind, error });
    }
  }
}

function answerOf(status: WakeStatus, message: string, config: string, key?: string): Answer {
  return { status, message, config, wasDuplicate: false, ...(key !== undefined && { key }) };
}

/** The answer to an event about a wake as it stands; one that joined is told of a success as a duplicate. */
function answerAbout({ outcome, waitingFor }: WakeInFlight, { config, vm }: WakeFacts, joined: boolean): Answer {
  if (outcome === undefined || outcome.kind === 'unpaused') {
    const isDone = joined && outcome !== undefined;
    const text = waitingFor ?? 'work goes on';
    return { ...answerOf(isDone ? 'DUPLICATE' : 'ACCEPTED', outcome?.text ?? text, config, vm), wasDuplicate: joined };
  }
  if (outcome.kind === 'abandoned') throw new WakeMapNotReadyError('the manager is shutting down');
  const { status, message } = settledAnswer(outcome);
  const isSuccess = status !== 'ERROR';
  return { ...answerOf(joined && isSuccess ? 'DUPLICATE' : status, message, config, vm), wasDuplicate: joined };
}

function settledAnswer(outcome: Exclude<SettledOutcome, { kind: 'unpaused' }>): { status: WakeStatus; message: string } {
  if (outcome.kind === 'failed') return { status: 'ERROR', message: errorText(outcome.reason, outcome.text) };
  return { status: outcome.kind === 'started' ? 'VM_START_INITIATED' : 'VM_ALREADY_RUNNING', message: outcome.text };
}

function notificationOf(outcome: SettledOutcome, facts: WakeFacts, latencyMs: number): WakeNotification {
  switch (outcome.kind) {
    case 'started':
      return { kind: 'started', facts, latencyMs };
    case 'unpaused':
      return { kind: 'unpaused', facts };
    case 'already-running':
      return { kind: 'already-running', facts, text: outcome.text };
    case 'failed':
      return { kind: kindOfReason(outcome.reason), facts, reason: outcome.reason, text: outcome.text };
  }
}
