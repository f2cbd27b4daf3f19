/**
 * Events that a manager has accepted and still works on.
 *
 * Owns: keeping them in case the manager dies. Invariant: at most MAX_ACCEPTED_EVENTS, none older than an event may get.
 */
import type { Clock } from '../../framework/basics';
import { EVENT_LIFETIME_MS, MAX_ACCEPTED_EVENTS } from '../protocol/limits';
import type { Queued } from './delivery-queue';

export class AcceptedEvents<Event> {
  private items: Queued<Event>[] = [];

  constructor(private readonly clock: Clock) {}

  keep(item: Queued<Event>): void {
    this.items.push(item);
    // A little slack saves copying the list for each event.
    if (this.items.length > MAX_ACCEPTED_EVENTS * 1.25) this.items = this.worthKeeping();
  }

  /** What a manager that died may not have finished; nothing is kept after this. */
  takeAll(): Queued<Event>[] {
    const items = this.worthKeeping();
    this.items = [];
    return items;
  }

  private worthKeeping(): Queued<Event>[] {
    const bornAfterMs = this.clock.monotonicMs() - EVENT_LIFETIME_MS;
    return this.items.filter(({ receivedAtMs }) => receivedAtMs >= bornAfterMs).slice(-MAX_ACCEPTED_EVENTS);
  }
}
