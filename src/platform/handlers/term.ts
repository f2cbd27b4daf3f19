/**
 * A term of leadership: the module works once it has read what an earlier one left behind.
 *
 * Expected flow: `begin` -> read -> `lead`, or once a later reading succeeds -> `end`, any number of times.
 * Guarantees: `lead` is called at most once in a term and never after its end; a reading that fails holds this module and no other.
 * Errors: none; what a reading failed with is logged, each time.
 */
import { type Clock, type Logger, sleep } from '../../framework';

const RETRY_MS = 15_000;

export interface TermOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Rejects when what was left behind cannot be read. */
  readonly read: () => Promise<void>;
  readonly lead: () => void;
}

export class Term {
  private ending = new AbortController();
  private reading: Promise<void> = Promise.resolve();
  private leads = false;
  private cause: string | undefined;

  constructor(private readonly options: TermOptions) {}

  get isLeading(): boolean {
    return this.leads;
  }

  /** What keeps this process, which leads, from working; `undefined` = nothing does, or it does not lead. */
  get obstacle(): string | undefined {
    return this.cause;
  }

  /** Resolves after the first reading, whatever became of it. */
  async begin(): Promise<void> {
    this.ending = new AbortController();
    const { signal } = this.ending;
    if (!(await this.isRead(signal))) this.reading = this.readLater(signal);
  }

  async end(): Promise<void> {
    this.ending.abort();
    this.leads = false;
    await this.reading;
    this.cause = undefined;
  }

  private async readLater(signal: AbortSignal): Promise<void> {
    do {
      await sleep(this.options.clock, RETRY_MS, signal).catch(() => undefined);
    } while (!signal.aborted && !(await this.isRead(signal)));
  }

  private async isRead(signal: AbortSignal): Promise<boolean> {
    try {
      await this.options.read();
    } catch (error) {
      this.cause = error instanceof Error ? error.message : String(error);
      this.options.log.error('the module waits: what it wrote last cannot be read', { error });
      return false;
    }
    this.cause = undefined;
    if (signal.aborted) return true;
    this.leads = true;
    this.options.lead();
    return true;
  }
}
