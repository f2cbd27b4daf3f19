/**
 * Begins leader-only work when the Lease is gained, and ends it before another process may have the Lease.
 *
 * Expected flow: campaign -> term (start-up hooks, controllers) -> lost: all work of the term ends -> campaign again; without leader
 * election the process is one term that begins at once.
 * Guarantees: at most one term at a time; its signal aborts the moment it is lost; the guard refuses writes from the deadline on, even
 * if no timer has fired yet; a term whose work does not end in time is the last one.
 * Assumptions: work writes through clients that ask the guard.
 * Caveats: a request that was on its way when leadership was lost cannot be taken back.
 * Errors: work that cannot begin, or does not end, is handed to `fatal`: only a fresh process is safe then.
 */

import { OperatorError } from '../errors/operator-error';
import { NotLeaderError } from '../errors/refusal-errors';
import type { CompiledLeaderElectionOptions, LeaseElector } from '../leader';
import type { Logger } from '../logging/logger';
import type { Clock } from '../time/clock';
import { sleep } from '../time/sleep';

/** What giving the Lease up may cost a shutdown. */
const RELEASE_MS = 2_000;

/** What writers and long-running work need to know of leadership. */
export interface LeaderScope {
  /** Of the current term; aborted outside of one. */
  readonly signal: AbortSignal;
  /** @throws {NotLeaderError} when leadership is not held at this moment. */
  readonly guard: () => void;
}

export interface LeaderWork {
  /** Resolves when the work of the term has begun. A rejection ends the process, unless the term was lost meanwhile. */
  begin(signal: AbortSignal): Promise<void>;
  /** The term is lost and its signal aborted. Resolves when nothing runs any more, with false when something was given up. */
  end(): Promise<boolean>;
}

export interface LeadershipOptions {
  readonly work: LeaderWork;
  /** `undefined` = no leader election. */
  readonly election:
    | {
        readonly options: CompiledLeaderElectionOptions;
        readonly elector: (events: { gained: () => void; lost: (reason: string) => void }) => LeaseElector;
      }
    | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  /** The process has to end. */
  readonly fatal: (error: unknown) => void;
}

export class Leadership implements LeaderScope {
  readonly elector: LeaseElector | undefined;
  private term = endedTerm();
  private beginning: Promise<void> = Promise.resolve();
  private isStopping = false;

  constructor(private readonly options: LeadershipOptions) {
    this.elector = options.election?.elector({ gained: () => this.gained(), lost: () => this.lost() });
  }

  get signal(): AbortSignal {
    // Looking at the clock ends a term whose deadline has passed before its timer has fired.
    void this.elector?.isLeading;
    return this.term.signal;
  }

  readonly guard = (): void => {
    if (this.elector !== undefined && !this.elector.isLeading) throw new NotLeaderError();
  };

  /** From now on this process may lead. */
  campaign(): void {
    if (this.isStopping) return;
    if (this.elector === undefined) this.gained();
    else this.elector.start();
  }

  /** Shutdown has begun: no new term; the Lease of the one that runs is kept. */
  retire(): void {
    this.isStopping = true;
    this.elector?.retire();
  }

  /** Aborts what still runs in the term. */
  abort(reason: unknown): void {
    this.term.abort(reason);
  }

  /** Resolves when no leader start-up hook runs any more. */
  get begun(): Promise<void> {
    return this.beginning;
  }

  /** @param workEnded `false` keeps the Lease until it expires by itself. */
  async release(workEnded: boolean): Promise<void> {
    await this.elector?.release(workEnded, RELEASE_MS);
  }

  private gained(): void {
    if (this.isStopping) return;
    const term = new AbortController();
    this.term = term;
    this.beginning = this.options.work.begin(term.signal).catch((error: unknown) => {
      if (!term.signal.aborted) this.options.fatal(error);
    });
  }

  private lost(): void {
    this.term.abort(new NotLeaderError());
    if (!this.isStopping) void this.endTerm();
  }

  private async endTerm(): Promise<void> {
    // When others may begin, this work has ended.
    const { leaseDurationMs, renewDeadlineMs } = this.options.election!.options;
    const limitMs = leaseDurationMs - renewDeadlineMs;
    const ended = await this.workEndsWithin(limitMs);
    if (this.isStopping) return;
    if (ended) {
      this.options.log.info('work of the lost term has ended, standing by');
      this.elector?.ended();
    } else {
      this.options.fatal(new OperatorError('LEADER_WORK', `handlers still run ${limitMs} ms after leadership was lost`));
    }
  }

  private async workEndsWithin(limitMs: number): Promise<boolean> {
    const over = new AbortController();
    const limit = sleep(this.options.clock, limitMs, over.signal).then(
      () => false,
      () => false,
    );
    const work = Promise.all([this.beginning, this.options.work.end()]).then(([, ended]) => ended);
    const ended = await Promise.race([work, limit]);
    over.abort();
    return ended;
  }
}

function endedTerm(): AbortController {
  const term = new AbortController();
  term.abort(new NotLeaderError());
  return term;
}
