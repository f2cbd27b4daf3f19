/**
 * When Machines that had been stopped were last seen so: from then on they are on their way to something.
 *
 * Owns: which phases are rest. Caveat: in memory; after a start of this process a Machine that is just starting counts from its last
 * transition. Invariant: at most one entry for each Machine that is not ready.
 */
import { singleton } from '../../framework';
import type { Machine } from '../kinds';
import { readyStatus } from '../status/conditions';

/** Nobody has to do anything, and nothing is expected to happen. */
const RESTING: ReadonlySet<string> = new Set(['Stopped', 'Succeeded']);

export function isResting({ status }: Machine): boolean {
  return RESTING.has(status?.phase ?? '');
}

@singleton()
export class RestTimes {
  /** Milliseconds since 1970 by UID. */
  private readonly ended = new Map<string, number>();

  /** Takes in a change. @param old `undefined` = it was not seen before. */
  see(machine: Machine, old: Machine | undefined, nowMs: number): void {
    const uid = machine.metadata?.uid ?? '';
    if (isResting(machine) || readyStatus(machine.status?.conditions) === 'True') this.ended.delete(uid);
    else if (old !== undefined && isResting(old)) this.ended.set(uid, nowMs);
  }

  forget(machine: Machine): void {
    this.ended.delete(machine.metadata?.uid ?? '');
  }

  /** `undefined` = it did not rest since it was ready last, as far as this process knows. */
  restedUntilMs(uid: string): number | undefined {
    return this.ended.get(uid);
  }

  get size(): number {
    return this.ended.size;
  }
}
