/**
 * Ctrl-C and its relatives, and the end of whoever started us: noticed, and obeyed between two steps.
 *
 * Owns: the signal handlers. Never: ends the process; the demo still has things to take down.
 */
import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** How often we look whether the parent is still there: killed hard, it cannot tell us. */
const PARENT_CHECK_MS = 500;

export class Interruption {
  private readonly controller = new AbortController();
  private received: (typeof SIGNALS)[number] | undefined;

  /** Listens until the process ends: a second signal must not cut the clean-up short. */
  static listen(): Interruption {
    const interruption = new Interruption();
    for (const signal of SIGNALS) process.on(signal, () => interruption.receive(signal));
    const parent = process.ppid;
    setInterval(() => process.ppid !== parent && interruption.receive('SIGTERM'), PARENT_CHECK_MS).unref();
    return interruption;
  }

  /** Aborts at the first signal. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** 128 and the number of the signal, as shells have it; `undefined` without one. */
  get exitCode(): number | undefined {
    return this.received === undefined ? undefined : 128 + constants.signals[this.received];
  }

  /** Name of the signal; `undefined` without one. */
  get name(): string | undefined {
    return this.received;
  }

  /** @throws {Error} once there was a signal. */
  check(): void {
    this.controller.signal.throwIfAborted();
  }

  private receive(signal: (typeof SIGNALS)[number]): void {
    this.received ??= signal;
    this.controller.abort(new Error(`interrupted by ${signal}`));
  }
}
