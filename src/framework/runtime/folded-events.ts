/**
 * Events of one object that wait to be handled, folded so that their number stays bounded.
 *
 * Owns: what may be left out without a lie: several changes become one with the newest object; a deletion is never left out.
 */
import type { ResourceEvent } from '../watch/resource-event';

type Folded = Pick<ResourceEvent, 'type' | 'object'>;

export class FoldedEvents {
  private readonly events: Folded[] = [];

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

  /** The oldest; it stays until `shift`. */
  get first(): Folded | undefined {
    return this.events[0];
  }

  shift(): void {
    this.events.shift();
  }

  get size(): number {
    return this.events.length;
  }
}
