/**
 * Events of one object that wait to be handled, folded so that their number stays bounded.
 *
 * Owns: what may be left out without a lie: several changes become one with the newest object; a deletion is never left out.
 * Invariant: an event that is being handled is not folded with later ones, which its handler has not seen.
 */
import type { ResourceEvent } from '../watch/resource-event';

type Folded = Pick<ResourceEvent, 'type' | 'object'>;

export class FoldedEvents {
  /** Oldest first, the one that is being handled left out. */
  private events: Folded[] = [];
  private handled: Folded | undefined;

  push({ type, object }: Folded): void {
    const last = this.events.at(-1);
    if (last === undefined || last.type === 'DELETED') {
      // Deleted and re-created again and again: the first deletion and the newest object tell it all.
      if (type === 'DELETED' && last !== undefined) this.events.pop();
      this.events.push({ type, object });
    } else if (type === 'DELETED') {
      this.events.pop();
      const before = this.events.at(-1);
      if (before?.type !== 'DELETED') this.events.push({ type, object });
    } else {
      this.events[this.events.length - 1] = { type: last.type, object };
    }
  }

  /** Begins to handle the oldest. Ends with `done` or `failed`. */
  begin(): Folded | undefined {
    this.handled = this.events.shift();
    return this.handled;
  }

  done(): void {
    this.handled = undefined;
  }

  /** It has to be handled again, with what has happened since. */
  failed(): void {
    const events = this.handled === undefined ? this.events : [this.handled, ...this.events];
    this.handled = undefined;
    this.events = [];
    for (const event of events) this.push(event);
  }

  /** Events that wait. */
  get size(): number {
    return this.events.length;
  }
}
