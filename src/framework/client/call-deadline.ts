/**
 * One signal for a whole call, whatever step it is in: the caller's abort or the end of the time allowed.
 *
 * Owns: its timer and listener; `release` takes both away.
 */
import type { Clock, Timer } from '../time/clock';

/** The reason of the signal when time is over; steps turn it into the error that fits what had happened until then. */
export class CallTimeout extends Error {
  constructor(readonly totalMs: number) {
    super(`no complete answer within ${totalMs} ms`);
  }
}

export class CallDeadline {
  private readonly controller = new AbortController();
  private readonly timer: Timer | undefined;
  private readonly onAbort = (): void => this.controller.abort(this.outer?.reason);

  /** @param totalMs 0 = no limit. */
  constructor(
    clock: Clock,
    totalMs: number,
    private readonly outer: AbortSignal | undefined,
  ) {
    if (outer?.aborted === true) this.onAbort();
    else {
      outer?.addEventListener('abort', this.onAbort, { once: true });
      if (totalMs > 0) this.timer = clock.setTimer(totalMs, () => this.controller.abort(new CallTimeout(totalMs)));
    }
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  abort(reason: unknown): void {
    this.controller.abort(reason);
  }

  release(): void {
    this.timer?.cancel();
    this.outer?.removeEventListener('abort', this.onAbort);
  }
}

/** Settles as the promise does, or rejects with the signal's reason when that comes first. */
export function whileAlive<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
