/**
 * Keeps a process small that is busy for moments and idle for days.
 *
 * V8 lets the young generation grow to more than 100 MiB in a burst and gives it back late, which a container limit does not forgive.
 * Bursts were not reported measurably slower on a busy machine; a quiet one may tell more (docs/performance.md, burst).
 */
import { setFlagsFromString } from 'node:v8';

/** To be called before work begins: the young generation stays at its present size of a few MiB. */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
