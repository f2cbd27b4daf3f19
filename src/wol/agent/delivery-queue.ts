/**
 * Events that wait for an answer of the manager.
 *
 * Owns: their order, their number and their age. Never: sends anything.
 *
 * Expected flow: `offer` -> `take` -> `done`, or `giveBack` and `take` again. Events of a sender that is over its share wait aside and
 * are taken when nothing else waits.
 * Guarantees: oldest first, also after events were given back; an event counts against the capacity until it is done; an event
 * older than its lifetime is never taken; however many wait aside, they delay no other event.
 * Assumptions: only taken events are given back, each once.
 */
import type { Clock } from '../../framework/basics';
import { EVENT_LIFETIME_MS } from '../protocol/limits';
import { WaitingAside } from './waiting-aside';

export interface Queued<Event> {
  readonly event: Event;
  /** Monotonic time of receipt, in milliseconds. */
  readonly receivedAtMs: number;
  /** Rises with every event. */
  readonly sequence: number;
}

export interface DeliveryQueueOptions {
  /** Events held at most, taken ones included. */
  capacity: number;
  /** Milliseconds from receipt. @default EVENT_LIFETIME_MS */
  lifetimeMs?: number;
  onExpired?: () => void;
}

export class DeliveryQueue<Event> {
  private readonly capacity: number;
  private readonly lifetimeMs: number;
  private readonly onExpired: (() => void) | undefined;
  /** Never taken yet; `head` is the first one still here, so that taking costs no copy. */
  private fresh: Queued<Event>[] = [];
  private head = 0;
  /** Taken and given back, by sequence; each is older than anything in `fresh`. */
  private readonly returned: Queued<Event>[] = [];
  private readonly aside = new WaitingAside<Queued<Event>>();
  private taken = 0;
  private nextSequence = 0;

  constructor(
    { capacity, lifetimeMs = EVENT_LIFETIME_MS, onExpired }: DeliveryQueueOptions,
    private readonly clock: Clock,
  ) {
    this.capacity = capacity;
    this.lifetimeMs = lifetimeMs;
    this.onExpired = onExpired;
  }

  /** Events without a final answer, taken ones included. */
  get size(): number {
    return this.waiting + this.taken;
  }

  /** Events that nobody has taken. */
  get waiting(): number {
    return this.inLine + this.aside.size;
  }

  /** @returns false when the queue is full; the event is then not kept. */
  offer(event: Event): boolean {
    this.dropExpiredInLine();
    if (this.isFull) return false;
    this.fresh.push(this.queued(event));
    return true;
  }

  /**
   * Keeps an event of a sender that is over its share.
   *
   * @returns false when the queue is full, or too many events wait aside already; the event is then not kept.
   */
  offerAside(event: Event, source: string): boolean {
    this.dropExpiredInLine();
    return !this.isFull && this.aside.add(source, this.queued(event));
  }

  /** Full of events that are not aside: nothing more is taken in, from anybody. */
  get isFull(): boolean {
    return this.inLine + this.taken >= this.capacity;
  }

  /** The oldest event that is still worth sending. */
  take(): Queued<Event> | undefined {
    this.dropExpiredInLine();
    const next = this.removeOldest() ?? this.takeAside();
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
    return this.returned.length + this.fresh.length - this.head;
  }

  private queued(event: Event): Queued<Event> {
    return { event, receivedAtMs: this.clock.monotonicMs(), sequence: this.nextSequence++ };
  }

  private oldest(): Queued<Event> | undefined {
    return this.returned[0] ?? this.fresh[this.head];
  }

  private removeOldest(): Queued<Event> | undefined {
    if (this.returned.length > 0) return this.returned.shift();
    const item = this.fresh[this.head];
    if (item === undefined) return undefined;
    this.head++;
    if (this.head * 2 > this.fresh.length) {
      this.fresh = this.fresh.slice(this.head);
      this.head = 0;
    }
    return item;
  }
}
