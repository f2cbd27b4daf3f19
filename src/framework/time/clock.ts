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
  /** Calls `callback` once, `delayMs` milliseconds from now. */
  setTimer(delayMs: number, callback: () => void): Timer;
}

/** The machine's clock. Timers keep the process alive until they fire or are cancelled. */
export class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const handle = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(handle) };
  }
}
