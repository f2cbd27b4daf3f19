/**
 * Keys ordered by the time they fall due.
 *
 * Owns: the ordering. Never: a clock or a timer. Invariant: a key stands in it at most once; moving it earlier is cheap.
 */
interface Entry {
  readonly key: string;
  readonly dueMs: number;
  readonly order: number;
}

export class DueHeap {
  private readonly heap: Entry[] = [];
  /** Current entry of each key; heap entries that are not current are skipped when they surface. */
  private readonly current = new Map<string, Entry>();
  private nextOrder = 0;

  get size(): number {
    return this.current.size;
  }

  dueOf(key: string): number | undefined {
    return this.current.get(key)?.dueMs;
  }

  /** Sets or replaces the due time of `key`. */
  set(key: string, dueMs: number): void {
    const entry: Entry = { key, dueMs, order: this.nextOrder++ };
    this.current.set(key, entry);
    this.heap.push(entry);
    this.siftUp(this.heap.length - 1);
    if (this.heap.length > 64 && this.heap.length > this.current.size * 2) this.rebuild();
  }

  delete(key: string): boolean {
    return this.current.delete(key);
  }

  /** Earliest due time, `undefined` when empty. */
  peekDue(): number | undefined {
    this.dropStale();
    return this.heap[0]?.dueMs;
  }

  /** Takes the earliest key if it is due at `nowMs`. */
  popDue(nowMs: number): string | undefined {
    this.dropStale();
    const first = this.heap[0];
    if (first === undefined || first.dueMs > nowMs) return undefined;
    this.removeFirst();
    this.current.delete(first.key);
    return first.key;
  }

  private dropStale(): void {
    for (let first = this.heap[0]; first !== undefined && this.current.get(first.key) !== first; first = this.heap[0]) this.removeFirst();
  }

  private rebuild(): void {
    this.heap.length = 0;
    for (const entry of this.current.values()) {
      this.heap.push(entry);
      this.siftUp(this.heap.length - 1);
    }
  }

  private removeFirst(): void {
    const last = this.heap.pop();
    if (last === undefined || this.heap.length === 0) return;
    this.heap[0] = last;
    this.siftDown(0);
  }

  private siftUp(index: number): void {
    for (let child = index; child > 0; ) {
      const parent = (child - 1) >> 1;
      if (!before(this.heap[child]!, this.heap[parent]!)) return;
      this.swap(child, parent);
      child = parent;
    }
  }

  private siftDown(index: number): void {
    for (let parent = index; ; ) {
      const left = parent * 2 + 1;
      let first = parent;
      for (const child of [left, left + 1]) {
        if (child < this.heap.length && before(this.heap[child]!, this.heap[first]!)) first = child;
      }
      if (first === parent) return;
      this.swap(parent, first);
      parent = first;
    }
  }

  private swap(a: number, b: number): void {
    const entry = this.heap[a]!;
    this.heap[a] = this.heap[b]!;
    this.heap[b] = entry;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
