/**
 * What the stand-in's virt-api was asked and what it answered.
 *
 * Owns: the list of calls and waiting for one. Never: changes an answer. Invariant: calls appear in the order in which they were answered.
 */

export interface JournalEntry {
  readonly verb: 'start' | 'stop' | 'restart' | 'pause' | 'unpause';
  readonly namespace: string;
  readonly name: string;
  /** Who called, as the API server says. */
  readonly user: string;
  /** Status of the answer; 0 if the connection was cut instead. */
  readonly code: number;
  /** Whether a change was written: false for refusals, dry runs, faults, and answers that write nothing. */
  readonly wrote: boolean;
  /** Milliseconds on the stand-in's monotonic clock. */
  readonly receivedMs: number;
  readonly answeredMs: number;
  /** Wall clock in milliseconds, for comparing with another process on this machine. */
  readonly receivedAtMs: number;
}

export type JournalFilter = Partial<Pick<JournalEntry, 'verb' | 'namespace' | 'name' | 'code' | 'wrote'>>;

export class Journal {
  private readonly entries: JournalEntry[] = [];
  private readonly listeners = new Set<(entry: JournalEntry) => void>();

  record(entry: JournalEntry): void {
    this.entries.push(entry);
    for (const listener of [...this.listeners]) listener(entry);
  }

  /** Entries that match every field of the filter, oldest first. */
  calls(filter: JournalFilter = {}): readonly JournalEntry[] {
    const wanted = Object.entries(filter) as [keyof JournalFilter, unknown][];
    return this.entries.filter((entry) => wanted.every(([field, value]) => entry[field] === value));
  }

  /** @returns a function that ends the subscription. */
  subscribe(listener: (entry: JournalEntry) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  clear(): void {
    this.entries.length = 0;
  }
}
