/**
 * The one place where framework code meets time.
 *
 * Owns: wall clock, monotonic clock and timers behind one interface. Never: anything about Kubernetes.
 * Invariant: nothing else under src/framework touches `Date`, `performance` or `setTimeout` (a linter rule holds this).
 */

/** A running timer. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/** Time as the framework sees it; tests pass a fake one. */
export interface Clock {
  /** Wall clock, milliseconds since 1970-01-01T00:00:00Z. For timestamps that people read, never for measuring. */
  now(): number;
  /** Milliseconds from an arbitrary start that never run backwards, also over suspend and clock changes. */
  monotonicMs(): number;
  /** Calls `callback` once, `delayMs` milliseconds from now; at once, though not within this call, when that is past. */
  setTimer(delayMs: number, callback: () => void): Timer;
  /** Calls `callback` once sockets and timers that are due were served; no time has to pass. */
  nextTurn(callback: () => void): Timer;
}

/** setTimeout of every JavaScript engine takes a signed 32-bit number of milliseconds and fires at once for more. */
const LONGEST_STEP_MS = 2 ** 31 - 1;

/** The machine's clock. Timers keep the process alive until they fire or are cancelled; they may be of any length. */
export class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const dueMs = this.monotonicMs() + delayMs;
    let handle: NodeJS.Timeout;
    const wait = (leftMs: number): void => {
      handle =
        leftMs <= LONGEST_STEP_MS
          ? setTimeout(callback, leftMs)
          : setTimeout(() => wait(Math.max(0, dueMs - this.monotonicMs())), LONGEST_STEP_MS);
    };
    // Node.js warns of delays below 0, which come about when what is due was measured a moment ago.
    wait(Math.max(0, delayMs));
    return { cancel: () => clearTimeout(handle) };
  }

  nextTurn(callback: () => void): Timer {
    const handle = setImmediate(callback);
    return { cancel: () => clearImmediate(handle) };
  }
}
