/**
 * Long work in short slices, so that packets are answered in between.
 *
 * Owns: when to rest and for how long. Never: knows what the work is.
 */
import type { Clock } from '../../framework';
import { SLICE_MS } from './limits';

export interface Pace {
  /** Steps between two looks at the time: a look costs more than a step. */
  readonly stepsALook: number;
  /** A slice begins. */
  begin(): void;
  /** The slice has taken its time. */
  isOver(): boolean;
  /** Lets everything else run. */
  rest(): Promise<void>;
}

/** Never rests: for what is small, and for tests. */
export const UNPACED: Pace = { stepsALook: 1_000, begin: () => undefined, isOver: () => false, rest: () => Promise.resolve() };

/** At most 5 ms at a stretch, then one turn of the event loop for others. */
export function pacedBy(clock: Pick<Clock, 'monotonicMs'>): Pace {
  let begunMs = 0;
  return {
    stepsALook: 32,
    begin: () => {
      begunMs = clock.monotonicMs();
    },
    isOver: () => clock.monotonicMs() - begunMs >= SLICE_MS,
    rest: () => new Promise((resolve) => setImmediate(resolve)),
  };
}

/**
 * Runs the work until it is done, resting between slices; `work` yields after each small step.
 *
 * The first slice runs before this returns. @returns `undefined` when that was all, else a promise of the end.
 */
export function inSlices(work: Iterator<undefined, void>, pace: Pace): Promise<void> | undefined {
  return runSlice(work, pace) ? undefined : rest(work, pace);
}

async function rest(work: Iterator<undefined, void>, pace: Pace): Promise<void> {
  do {
    await pace.rest();
  } while (!runSlice(work, pace));
}

/** @returns whether the work is done. */
function runSlice(work: Iterator<undefined, void>, pace: Pace): boolean {
  pace.begin();
  do {
    for (let step = 0; step < pace.stepsALook; step++) if (work.next().done === true) return true;
  } while (!pace.isOver());
  return false;
}
