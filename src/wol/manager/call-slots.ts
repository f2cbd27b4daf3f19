/** Bounds how many calls are in flight at once; the others queue in order of arrival. */
export class CallSlots {
  private taken = 0;
  private readonly queue: (() => void)[] = [];

  constructor(private readonly slots: number) {}

  /** Runs `call` as soon as a slot is free. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.taken < this.slots) this.taken++;
    else await new Promise<void>((resolve) => this.queue.push(resolve));
    try {
      return await call();
    } finally {
      const next = this.queue.shift();
      if (next === undefined) this.taken--;
      else next();
    }
  }
}
