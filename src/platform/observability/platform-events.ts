/**
 * Tells people what becomes of the catalog: Events about the anchor, and about the managed object where that is where people look.
 *
 * Expected flow: normal, warning -> news? -> queue -> at most ten a second -> the recorder.
 * Guarantees: never throws, never waits; a steady cluster has no Events; what does not fit is counted.
 * Assumptions: only the leader tells; the recorder masks secrets and shortens notes.
 * Caveats: after a restart a state that lasts is told once more.
 * Errors: none; a reason that is not in the table is told as a happening, and logged, because it is a mistake of ours.
 */
import type { Clock, EventInput, KubernetesObject, Logger, Timer } from '../../framework';
import { EVENT_REASONS, type EventReason, isKnownReason, type PlatformEventReason } from './event-reasons';
import { ToldEvents } from './told-events';

export interface PlatformEventOptions {
  /** The managed object. */
  readonly object?: KubernetesObject;
  /** While it stays the same a state or value is not news. @default the message */
  readonly cause?: string;
  /** What it is about. @default the anchor */
  readonly about?: KubernetesObject;
}

export interface PlatformEventsOptions {
  readonly recorder: { record(event: EventInput): void };
  readonly clock: Clock;
  readonly log: Logger;
  readonly anchor: () => KubernetesObject | undefined;
  /** Told of Events that were left out. */
  readonly dropped: (events: number) => void;
}

const PER_SECOND = 10;
/** A start of the whole catalog, twice over; more is a mistake or an attack. */
const MAX_WAITING = 500;
/** States of a key of which it can have one at a time. */
const STATUS_REASONS = (Object.keys(EVENT_REASONS) as PlatformEventReason[]).filter((reason) => EVENT_REASONS[reason].told === 'state');

export class PlatformEvents {
  private readonly told: ToldEvents;
  private readonly waiting: EventInput[] = [];
  /** Monotonic milliseconds of those sent within the last second. */
  private sentMs: number[] = [];
  private timer: Timer | undefined;
  /** Events that outlive the anchor are about the last one. */
  private lastAnchor: KubernetesObject | undefined;

  constructor(private readonly options: PlatformEventsOptions) {
    this.told = new ToldEvents(options.clock);
  }

  normal(reason: string, key: string, message: string, options: PlatformEventOptions = {}): void {
    this.tell('Normal', reason, key, message, options);
  }

  warning(reason: string, key: string, message: string, options: PlatformEventOptions = {}): void {
    this.tell('Warning', reason, key, message, options);
  }

  /**
   * The key is in this state from now on, and in none of the others: entering one of them again is news.
   * @param reason of the state, or anything else for none.
   */
  entered(key: string, reason: string): void {
    for (const other of STATUS_REASONS) if (other !== reason) this.told.forget(other, key);
  }

  /** Something outside of any key is all right again. */
  settled(reason: PlatformEventReason, key: string): void {
    this.told.forget(reason, key);
  }

  stop(): void {
    this.timer?.cancel();
    this.options.dropped(this.waiting.length);
    this.waiting.length = 0;
  }

  private tell(
    type: 'Normal' | 'Warning',
    reason: string,
    key: string,
    message: string,
    { object, cause = message, about: given }: PlatformEventOptions,
  ): void {
    const rule: EventReason = isKnownReason(reason) ? EVENT_REASONS[reason] : { type, told: 'happening', means: '' };
    if (!isKnownReason(reason)) this.options.log.error('an Event has a reason that is not in the table', { reason });
    if (!this.told.isNews(reason, rule, key, cause)) return;
    this.lastAnchor = this.options.anchor() ?? this.lastAnchor;
    const about = given ?? this.lastAnchor ?? object;
    if (about === undefined) {
      this.options.log.info(message, { reason, key });
      return;
    }
    const action = `${reason} ${key}`;
    const isAboutObject = object !== undefined && isSame(about, object);
    this.enqueue({ type, reason, note: message, about, related: isAboutObject ? undefined : object, action });
    if (rule.onObject && object !== undefined && !isAboutObject) this.enqueue({ type, reason, note: message, about: object, action });
  }

  private enqueue(event: EventInput): void {
    this.waiting.push(event);
    if (this.waiting.length > MAX_WAITING) {
      this.waiting.shift();
      this.options.dropped(1);
    }
    this.send();
  }

  private send(): void {
    const nowMs = this.options.clock.monotonicMs();
    this.sentMs = this.sentMs.filter((atMs) => nowMs - atMs < 1_000);
    while (this.waiting.length > 0 && this.sentMs.length < PER_SECOND) {
      this.sentMs.push(nowMs);
      this.options.recorder.record(this.waiting.shift()!);
    }
    if (this.waiting.length === 0 || this.timer !== undefined) return;
    this.timer = this.options.clock.setTimer(this.sentMs[0]! + 1_000 - nowMs, () => {
      this.timer = undefined;
      this.send();
    });
  }
}

function isSame(a: KubernetesObject, b: KubernetesObject): boolean {
  const { metadata: m } = a;
  const { metadata: n } = b;
  return a.kind === b.kind && m?.name === n?.name && m?.namespace === n?.namespace && m?.uid === n?.uid;
}
