/**
 * One pass a Machine at a time, whichever queue it comes from.
 *
 * Owns: the turns. Never: decides who works. Invariant: passes over one Machine never overlap; at most one entry for each Machine that is
 * worked on or waited for.
 */
import { type ObjectKey, singleton } from '../../framework';

@singleton()
export class MachineTurns {
  private readonly last = new Map<ObjectKey, Promise<void>>();

  async run<T>(machine: ObjectKey, work: () => Promise<T>): Promise<T> {
    const before = this.last.get(machine);
    let done = (): void => undefined;
    const turn = new Promise<void>((resolve) => {
      done = resolve;
    });
    this.last.set(machine, turn);
    try {
      await before;
      return await work();
    } finally {
      if (this.last.get(machine) === turn) this.last.delete(machine);
      done();
    }
  }
}
