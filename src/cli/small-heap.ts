/**
 * Keeps a process small that is busy for moments and idle for days.
 *
 * V8 lets the young generation grow to more than 100 MiB in a burst and the old one to a multiple of what is alive, and gives both back
 * late, which a container limit does not forgive. What it costs in speed is in docs/performance.md, burst.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** The old generation is collected once it is this much larger than what was alive, in percent. Measured, not derived: see docs/performance.md. */
const OLD_GENERATION_GROWTH_PERCENT = 20;

/** To be called before work begins: the young generation stays at its present size of a few MiB, the old one close to what is alive. */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString(`--heap-growing-percent=${OLD_GENERATION_GROWTH_PERCENT}`);
}

/**
 * To be called before work begins: what is hot is compiled by Maglev and no longer by TurboFan, V8's second optimizing compiler.
 *
 * TurboFan makes the fastest code, and leaves a process some MiB larger: by its own pages, the memory it works in and the code it makes. What
 * doing without costs in speed is in docs/performance.md.
 *
 * @param maglevCalls of a function before it is compiled. @default as many as V8 asks for by itself
 */
export function keepCodeSmall(maglevCalls?: number): void {
  setFlagsFromString('--no-turbofan');
  if (maglevCalls !== undefined) setFlagsFromString(`--invocation-count-for-maglev=${maglevCalls}`);
}

/**
 * Collects all garbage and gives the memory back, which takes some ten milliseconds: for moments without work.
 *
 * V8 by itself collects when memory is asked for, so a process that has nothing to do keeps what its start or its last burst left.
 */
export function giveMemoryBack(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

/** Collections that code outlives without being called, in V8 as it comes. */
const CODE_LIFETIME = 6;

/**
 * The same, and gives back the code that has only run to get here: whatever is called again is compiled again from its text.
 *
 * For the end of a start. Later on it would cost the next event its time.
 */
export function giveMemoryOfStartBack(): void {
  setFlagsFromString('--bytecode-old-age=1');
  giveMemoryBack();
  // The first one made everything old.
  giveMemoryBack();
  setFlagsFromString(`--bytecode-old-age=${CODE_LIFETIME}`);
}
