/**
 * Events that wait for their turn, oldest first, and how many each sender has among them.
 *
 * Owns: their order. Never: decides how many there may be; a sender has at most MAX_IN_LINE_PER_SOURCE, by DeliveryQueue.
 * Invariant: everything but taking the oldest of a run of removed ones costs the same however many wait.
 */
interface Place<Item> {
  readonly item: Item;
  readonly source: string | undefined;
  /** Rises by one with every place; the first of `places` has `offset`. */
  readonly position: number;
}

export class WaitingInLine<Item> {
  /** `undefined` where one was removed out of turn. */
  private places: (Place<Item> | undefined)[] = [];
  /** The first one still here, so that taking costs no copy. */
  private head = 0;
  private offset = 0;
  private count = 0;
  private readonly bySource = new Map<string, Place<Item>[]>();
  /** Senders by how many places they have. */
  private readonly bySize: Set<string>[] = [];

  get size(): number {
    return this.count;
  }

  countOf(source: string): number {
    return this.bySource.get(source)?.length ?? 0;
  }

  add(item: Item, source: string | undefined): void {
    const place = { item, source, position: this.offset + this.places.length };
    this.places.push(place);
    this.count++;
    if (source === undefined) return;
    const own = this.bySource.get(source) ?? [];
    this.bySource.set(source, own);
    this.resize(source, own, () => own.push(place));
  }

  oldest(): Item | undefined {
    while (this.head < this.places.length && this.places[this.head] === undefined) this.head++;
    return this.places[this.head]?.item;
  }

  removeOldest(): Item | undefined {
    const item = this.oldest();
    const place = this.places[this.head];
    if (place === undefined) return undefined;
    this.head++;
    this.count--;
    this.leave(place, (own) => own.shift());
    if (this.head * 2 > this.places.length) {
      this.places = this.places.slice(this.head);
      this.offset += this.head;
      this.head = 0;
    }
    return item;
  }

  /** Takes the newest of a sender that has most, if it has more than so many. */
  removeNewestOfLargest(moreThan: number): { readonly item: Item; readonly source: string } | undefined {
    const source = this.largest(moreThan);
    const place = source === undefined ? undefined : this.bySource.get(source)?.at(-1);
    if (source === undefined || place === undefined) return undefined;
    this.places[place.position - this.offset] = undefined;
    this.count--;
    this.leave(place, (own) => own.pop());
    return { item: place.item, source };
  }

  private largest(moreThan: number): string | undefined {
    for (let size = this.bySize.length - 1; size > moreThan; size--) for (const source of this.bySize[size] ?? []) return source;
    return undefined;
  }

  private leave({ source }: Place<Item>, change: (own: Place<Item>[]) => void): void {
    const own = source === undefined ? undefined : this.bySource.get(source);
    if (source === undefined || own === undefined) return;
    this.resize(source, own, () => change(own));
    if (own.length === 0) this.bySource.delete(source);
  }

  private resize(source: string, own: readonly unknown[], change: () => void): void {
    this.bySize[own.length]?.delete(source);
    change();
    if (own.length === 0) return;
    const same = this.bySize[own.length] ?? new Set();
    this.bySize[own.length] = same.add(source);
  }
}
