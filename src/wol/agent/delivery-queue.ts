/**
 * Events that wait for an answer of the manager.
 *
 * Owns: their order, their number and their age. Never: sends anything.
 *
 * Expected flow: `offer` -> `take` -> `done`, or `giveBack` and `take` again. Events of a sender that is over its share wait aside and
 * are taken when nothing else waits: at the pace of one share while more of them come, at any pace once the burst is over.
 * Guarantees: oldest first, also after events were given back; an event counts against the capacity until it is done; an event
 * older than its lifetime is never taken; however many wait aside, they delay no other event.
 * Assumptions: only taken events are given back, each once.
 */
import type { Clock } from '../../framework/basics';
import { BURST_OVER_MS, EVENT_LIFETIME_MS, MAX_IN_LINE_PER_SOURCE, SOURCE_EVENTS_PER_SECOND } from '../protocol/limits';
import { WaitingAside } from './waiting-aside';
import { WaitingInLine } from './waiting-in-line';

export interface Queued<Event> {
  readonly event: Event;
  /** Monotonic time of receipt, in milliseconds. */
  readonly receivedAtMs: number;
  /** Rises with every event. */
  readonly sequence: number;
  /** Who sent it, where that counts. */
  readonly source: string | undefined;
}

export interface DeliveryQueueOptions<Event = unknown> {
  /** Events held at most, taken ones included. */
  capacity: number;
  /** Milliseconds from receipt. @default EVENT_LIFETIME_MS */
  lifetimeMs?: number;
  onExpired?: () => void;
  /** Told of an event that made way for one of another sender. */
  onDisplaced?: (event: Event, source: string) => void;
}

export class DeliveryQueue<Event> {
  private readonly capacity: number;
  private readonly lifetimeMs: number;
  private readonly onExpired: (() => void) | undefined;
  private readonly onDisplaced: ((event: Event, source: string) => void) | undefined;
  /** Never taken yet. */
  private readonly fresh = new WaitingInLine<Queued<Event>>();
  /** Taken and given back, by sequence; each is older than anything in `fresh`. */
  private readonly returned: Queued<Event>[] = [];
  private readonly aside = new WaitingAside<Queued<Event>>();
  /** When somebody was last over its share, and when an event was last taken from aside. */
  private overShareAtMs = Number.NEGATIVE_INFINITY;
  private asideTakenAtMs = Number.NEGATIVE_INFINITY;
  private taken = 0;
  private nextSequence = 0;

  constructor(
    { capacity, lifetimeMs = EVENT_LIFETIME_MS, onExpired, onDisplaced }: DeliveryQueueOptions<Event>,
    private readonly clock: Clock,
  ) {
    this.capacity = capacity;
    this.lifetimeMs = lifetimeMs;
    this.onExpired = onExpired;
    this.onDisplaced = onDisplaced;
  }

  /** Events without a final answer, taken ones included. */
  get size(): number {
    return this.waiting + this.taken;
  }

  /** Events that nobody has taken. */
  get waiting(): number {
    return this.inLine + this.aside.size;
  }

  /** Whether a sender has so much waiting that the next event would have to wait aside, also to stay behind its earlier ones. */
  isCrowdedBy(source: string): boolean {
    return this.aside.has(source) || this.fresh.countOf(source) >= MAX_IN_LINE_PER_SOURCE;
  }

  /** Whether an event would be kept, for those who would rather not make it in vain. @param source when it is over its share. */
  hasRoom(source?: string): boolean {
    this.dropExpiredInLine();
    if (source !== undefined) this.overShareAtMs = this.clock.monotonicMs();
    return !this.isFull && (source === undefined || this.aside.hasRoom(source));
  }

  /**
   * Drops the newest event of a sender that has more in line than this one would have with its next, when the queue is full: however
   * many senders crowd it, one that has nothing in line is heard while any of them has two.
   *
   * @returns whether there is room now.
   */
  makeRoomFor(source: string): boolean {
    if (this.hasRoom()) return true;
    const displaced = this.fresh.removeNewestOfLargest(this.fresh.countOf(source) + 1);
    if (displaced === undefined) return false;
    this.onDisplaced?.(displaced.item.event, displaced.source);
    return this.hasRoom();
  }

  /** @returns false when the queue is full; the event is then not kept. */
  offer(event: Event, source?: string): boolean {
    if (!this.hasRoom()) return false;
    this.fresh.add(this.queued(event, source), source);
    return true;
  }

  /**
   * Keeps an event of a sender that is over its share.
   *
   * @returns false when the queue is full, or too many events wait aside already; the event is then not kept.
   */
  offerAside(event: Event, source: string): boolean {
    return this.hasRoom(source) && this.aside.add(source, this.queued(event, source));
  }

  /** Full of events that are not aside: nothing more is taken in, from anybody. */
  get isFull(): boolean {
    return this.inLine + this.taken >= this.capacity;
  }

  /** The oldest event that is still worth sending. @param aside whether it may be one that waits aside. */
  take({ aside }: { aside: boolean } = { aside: true }): Queued<Event> | undefined {
    this.dropExpiredInLine();
    const next = this.removeOldest() ?? (aside ? this.takeAside() : undefined);
    if (next !== undefined) this.taken++;
    return next;
  }

  giveBack(item: Queued<Event>): void {
    this.taken--;
    this.restore(item);
  }

  /** Puts an event that was done in its old place again, also beyond the capacity. */
  restore(item: Queued<Event>): void {
    const position = this.returned.findIndex(({ sequence }) => sequence > item.sequence);
    this.returned.splice(position < 0 ? this.returned.length : position, 0, item);
  }

  /** One taken event needs no more sending. */
  done(): void {
    this.taken--;
  }

  dropExpired(): void {
    this.dropExpiredInLine();
    const expired = this.aside.drop((item) => this.isExpired(item));
    for (let i = 0; i < expired; i++) this.onExpired?.();
  }

  private dropExpiredInLine(): void {
    for (let oldest = this.oldest(); oldest !== undefined && this.isExpired(oldest); oldest = this.oldest()) {
      this.removeOldest();
      this.onExpired?.();
    }
  }

  private takeAside(): Queued<Event> | undefined {
    const nowMs = this.clock.monotonicMs();
    const isBurstOver = nowMs - this.overShareAtMs >= BURST_OVER_MS;
    if (!isBurstOver && nowMs - this.asideTakenAtMs < 1_000 / SOURCE_EVENTS_PER_SECOND) return undefined;
    this.asideTakenAtMs = nowMs;
    for (;;) {
      const item = this.aside.take();
      if (item === undefined || !this.isExpired(item)) return item;
      this.onExpired?.();
    }
  }

  private isExpired({ receivedAtMs }: Queued<Event>): boolean {
    return receivedAtMs < this.clock.monotonicMs() - this.lifetimeMs;
  }

  /** Events that are not aside. */
  private get inLine(): number {
    return this.returned.length + this.fresh.size;
  }

  private queued(event: Event, source: string | undefined): Queued<Event> {
    return { event, receivedAtMs: this.clock.monotonicMs(), sequence: this.nextSequence++, source };
  }

  private oldest(): Queued<Event> | undefined {
    return this.returned[0] ?? this.fresh.oldest();
  }

  private removeOldest(): Queued<Event> | undefined {
    return this.returned.length > 0 ? this.returned.shift() : this.fresh.removeOldest();
  }
}
