/**
 * What people were told of a Machine by an Event, so that they are told once for as long as it goes on to be true.
 *
 * Owns: the last text for each reason. Caveat: in memory; a new leader tells once more.
 * Invariant: entries of a Machine go with it.
 */
import { type ObjectKey, singleton } from '../../framework';

@singleton()
export class ToldOnce {
  private readonly told = new Map<ObjectKey, Map<string, string>>();

  /** @returns whether it is to be told. */
  isNew(machine: ObjectKey, reason: string, text: string): boolean {
    const texts = this.told.get(machine) ?? new Map<string, string>();
    this.told.set(machine, texts);
    if (texts.get(reason) === text) return false;
    texts.set(reason, text);
    return true;
  }

  /** It is not true any more. @returns whether it had been told. */
  isOver(machine: ObjectKey, reason: string): boolean {
    const texts = this.told.get(machine);
    if (texts?.delete(reason) !== true) return false;
    if (texts.size === 0) this.told.delete(machine);
    return true;
  }

  /** The Machine is gone. */
  forget(machine: ObjectKey): void {
    this.told.delete(machine);
  }

  /** Machines of which something is remembered. */
  get size(): number {
    return this.told.size;
  }
}
