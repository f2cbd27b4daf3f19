/**
 * How long virtual hardware takes.
 *
 * Owns: the options and their defaults, chosen so that a start takes about a tenth of a second: long enough to be seen, short enough to wait for.
 * Never: reads a clock.
 */
import type { VmiPhase } from '../objects';

export interface Timings {
  /** Milliseconds an instance stays in its empty phase. `Infinity`: until a test moves it on. @default 5 */
  unsetMs?: number;
  /** Milliseconds in Pending. @default 15 */
  pendingMs?: number;
  /** Milliseconds in Scheduling. @default 40 */
  schedulingMs?: number;
  /** Milliseconds in Scheduled. @default 40 */
  scheduledMs?: number;
  /** Milliseconds a guest takes to shut down when asked. Beyond the grace period of the instance it is killed. @default 100 */
  shutdownMs?: number;
  /** Seconds: first delay after a start that failed early; grows with the square of the failures, to 300 s at most. @default 10, as KubeVirt */
  startFailureBackoffSeconds?: number;
}

export type CompiledTimings = Readonly<Required<Timings>>;

/** @throws {RangeError} naming the option, its value and what is allowed. */
export function compileTimings(timings: Timings = {}): CompiledTimings {
  const { unsetMs = 5, pendingMs = 15, schedulingMs = 40, scheduledMs = 40, shutdownMs = 100, startFailureBackoffSeconds = 10 } = timings;
  const compiled = { unsetMs, pendingMs, schedulingMs, scheduledMs, shutdownMs, startFailureBackoffSeconds };
  for (const [name, value] of Object.entries(compiled)) {
    if (!(value >= 0)) throw new RangeError(`timings.${name} is ${value}; allowed: 0 and above`);
  }
  return compiled;
}

/** Milliseconds in `phase` before the next one, or `undefined` where nothing follows by itself. */
export function dwellMs(phase: VmiPhase, timings: CompiledTimings): number | undefined {
  switch (phase) {
    case '':
      return timings.unsetMs;
    case 'Pending':
      return timings.pendingMs;
    case 'Scheduling':
      return timings.schedulingMs;
    case 'Scheduled':
      return timings.scheduledMs;
    default:
      return undefined;
  }
}
