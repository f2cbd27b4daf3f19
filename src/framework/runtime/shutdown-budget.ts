/**
 * How long each step of a shutdown may take, so that all of them together end within the grace period of a pod, whatever hangs.
 *
 * Expected flow: made when the shutdown begins -> `step` for each step, in order -> over.
 * Guarantees: a step gets at most what is left until its own latest end; time that earlier steps did not need is there for later ones;
 * a step that is late is told by its signal, named in the log, and not waited for.
 * Assumptions: steps come in the order of the table.
 * Caveats: a late step goes on in the background until the process ends.
 * Errors: a step that throws is logged and counts as not done.
 */
import type { Logger } from '../logging/logger';
import type { Clock } from '../time/clock';
import { sleep } from '../time/sleep';

/** Latest end of each step, in milliseconds after running handlers were to be aborted: 10 s with which 15 s for handlers make 25 s. */
const LATEST_END_MS = {
  work: 3_500,
  'leader hooks': 4_500,
  'event flush': 5_500,
  'lease release': 7_000,
  sources: 7_500,
  informers: 8_500,
  'process hooks': 9_500,
  servers: 10_000,
} as const;

export type ShutdownStep = keyof typeof LATEST_END_MS;

export class ShutdownBudget {
  private readonly startMs: number;

  constructor(
    private readonly clock: Clock,
    private readonly log: Logger,
    /** How long running handlers may go on before they are aborted. */
    private readonly graceMs: number,
  ) {
    this.startMs = clock.monotonicMs();
  }

  /** @returns what `work` resolves with, `undefined` when it is late or throws. */
  async step<R>(name: ShutdownStep, work: (signal: AbortSignal) => Promise<R>): Promise<R | undefined> {
    const leftMs = Math.max(0, this.startMs + this.graceMs + LATEST_END_MS[name] - this.clock.monotonicMs());
    const late = new AbortController();
    const over = new AbortController();
    const limit = sleep(this.clock, leftMs, over.signal).then(
      () => {
        this.log.error('a step of the shutdown takes too long and is not waited for', { step: name });
        late.abort(new Error('the time of the shutdown is over'));
        return undefined;
      },
      () => undefined,
    );
    const done = work(late.signal).catch((error: unknown) => {
      this.log.error('a step of the shutdown failed', { step: name, error });
      return undefined;
    });
    const result = await Promise.race([done, limit]);
    over.abort();
    return result;
  }
}
