/**
 * Every request the fake has seen, for assertions.
 *
 * Owns: the record of requests. Never: request headers with credentials.
 */
import type { ResourceRequest, Verb } from './http/request-info';

export interface JournalEntry extends Partial<ResourceRequest> {
  /** Milliseconds on the server's clock (monotonic). */
  readonly atMs: number;
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly user: string;
  readonly userAgent: string;
  readonly contentType: string;
  /** Parsed body; `undefined` when there was none. */
  readonly body: unknown;
  readonly isDryRun: boolean;
  /** Set when the answer was decided; `undefined` when none was sent. */
  status: number | undefined;
  /** Kind of the fault that struck, for example `reset`. */
  fault: string | undefined;
}

/** What to look for; members left out match everything. */
export interface JournalFilter {
  verb?: Verb;
  /** Plural name. */
  resource?: string;
  group?: string;
  subresource?: string;
  namespace?: string;
  name?: string;
  user?: string;
}

/** Entries kept; the oldest go first. */
const CAPACITY = 100_000;

const WRITES: readonly Verb[] = ['create', 'update', 'patch', 'delete', 'deletecollection'];

export class Journal {
  private log: JournalEntry[] = [];
  private seen = 0;

  add(entry: JournalEntry): void {
    this.seen++;
    this.log.push(entry);
    if (this.log.length > CAPACITY * 1.1) this.log = this.log.slice(-CAPACITY);
  }

  /** Requests seen since the start, also those that were forgotten. */
  get total(): number {
    return this.seen;
  }

  /** In the order the requests arrived. */
  entries(filter: JournalFilter = {}): JournalEntry[] {
    const wanted = Object.entries(filter) as [keyof JournalFilter, string][];
    return this.log.filter((entry) => wanted.every(([member, value]) => entry[member] === value));
  }

  count(filter: JournalFilter = {}): number {
    return this.entries(filter).length;
  }

  /** Requests that could change something, dry runs and refused ones left out. */
  writes(filter: JournalFilter = {}): JournalEntry[] {
    return this.entries(filter).filter(
      ({ verb, status, isDryRun, resource }) =>
        verb !== undefined && WRITES.includes(verb) && !isDryRun && (status ?? 500) < 400 && !isReview(resource),
    );
  }

  clear(): void {
    this.log = [];
  }
}

function isReview(resource: string | undefined): boolean {
  return resource?.endsWith('reviews') ?? false;
}
