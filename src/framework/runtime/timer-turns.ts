/** When `@OnTimer` handlers run: pure arithmetic on monotonic milliseconds. */
import type { TimerSpec } from '../registry/handler-spec';

/** First runs of many objects are spread over this share of the interval. */
const SPREAD = 0.1;

/** @param random uniform in [0, 1). */
export function firstRunMs(spec: TimerSpec, nowMs: number, random: () => number): number {
  return nowMs + spec.initialDelayMs + random() * SPREAD * spec.intervalMs;
}

/** @param startedMs when the run that has just ended began. */
export function nextRunMs(spec: TimerSpec, startedMs: number, nowMs: number): number {
  if (!spec.sharp) return nowMs + spec.intervalMs;
  const beats = Math.floor((nowMs - startedMs) / spec.intervalMs) + 1;
  return startedMs + beats * spec.intervalMs;
}

/** @returns when the object will have been idle for long enough; `undefined` when it has been already. */
export function idleFromMs(spec: TimerSpec, lastChangeMs: number, nowMs: number): number | undefined {
  const idleAt = lastChangeMs + spec.idleMs;
  return idleAt <= nowMs ? undefined : idleAt;
}
