/**
 * Events of senders that are over their share.
 *
 * Owns: how many there are and whose turn it is. Invariant: at most MAX_EVENTS_ASIDE, MAX_EVENTS_ASIDE_PER_SOURCE of one sender;
 * senders take turns, each sender's events come oldest first.
 */
import { MAX_EVENTS_ASIDE, MAX_EVENTS_ASIDE_PER_SOURCE } from '../protocol/limits';

interface Line<Item> {
  items: Item[];
  /** The first one still here, so that taking costs no copy. */
  head: number;
}

export interface WaitingAsideOptions {
  /** @default MAX_EVENTS_ASIDE */
  max?: number;
  /** @default MAX_EVENTS_ASIDE_PER_SOURCE */
  maxPerSource?: number;
}

export class WaitingAside<Item> {
  private readonly max: number;
  private readonly maxPerSource: number;
  /** In the order of whose turn it is; none is empty. */
  private readonly lines = new Map<string, Line<Item>>();
  private count = 0;

  constructor({ max = MAX_EVENTS_ASIDE, maxPerSource = MAX_EVENTS_ASIDE_PER_SOURCE }: WaitingAsideOptions = {}) {
    this.max = max;
    this.maxPerSource = maxPerSource;
  }

  get size(): number {
    return this.count;
  }

  has(source: string): boolean {
    return this.lines.has(source);
  }

  hasRoom(source: string): boolean {
    const line = this.lines.get(source);
    return this.count < this.max && (line === undefined || lengthOf(line) < this.maxPerSource);
  }

  /** @returns false when there is no room; the item is then not kept. */
  add(source: string, item: Item): boolean {
    if (!this.hasRoom(source)) return false;
    const line = this.lines.get(source) ?? { items: [], head: 0 };
    line.items.push(item);
    this.lines.set(source, line);
    this.count++;
    return true;
  }

  /** The oldest item of the sender whose turn it is. */
  take(): Item | undefined {
    for (const [source, line] of this.lines) {
      const item = this.removeFirst(source, line);
      // Behind the others.
      if (lengthOf(line) > 0) {
        this.lines.delete(source);
        this.lines.set(source, line);
      }
      return item;
    }
    return undefined;
  }

  /** Drops each sender's oldest items for as long as they are to be dropped. @returns how many that were. */
  drop(isOver: (item: Item) => boolean): number {
    const before = this.count;
    for (const [source, line] of this.lines) {
      for (let first = line.items[line.head]; first !== undefined && isOver(first); first = line.items[line.head])
        this.removeFirst(source, line);
    }
    return before - this.count;
  }

  private removeFirst(source: string, line: Line<Item>): Item {
    const item = line.items[line.head] as Item;
    line.head++;
    this.count--;
    if (lengthOf(line) === 0) {
      this.lines.delete(source);
    } else if (line.head * 2 > line.items.length) {
      line.items = line.items.slice(line.head);
      line.head = 0;
    }
    return item;
  }
}

function lengthOf({ items, head }: { readonly items: readonly unknown[]; readonly head: number }): number {
  return items.length - head;
}
