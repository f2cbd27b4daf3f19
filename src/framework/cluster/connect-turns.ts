/** Lets a few clusters connect at a time, first come first served, so that a start with many remotes is no storm. */
export class ConnectTurns {
  private free: number;
  private readonly waiting = new Set<() => void>();

  /** @param places clusters at a time. @default 4 */
  constructor(places = 4) {
    this.free = places;
  }

  /** @returns gives the turn back; calling it twice does nothing. Rejects with the signal's reason. */
  take(signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = (): void => {
        this.waiting.delete(admit);
        reject(signal.reason);
      };
      const admit = (): void => {
        signal.removeEventListener('abort', onAbort);
        this.free--;
        let isHeld = true;
        resolve(() => {
          if (!isHeld) return;
          isHeld = false;
          this.free++;
          this.admitNext();
        });
      };
      this.waiting.add(admit);
      signal.addEventListener('abort', onAbort, { once: true });
      this.admitNext();
    });
  }

  private admitNext(): void {
    const [next] = this.waiting;
    if (next === undefined || this.free === 0) return;
    this.waiting.delete(next);
    next();
  }
}
