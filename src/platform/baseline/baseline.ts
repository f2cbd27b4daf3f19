/**
 * Runs keys, and remembers of each what makes the next run cheap.
 *
 * Owns: the memory of keys. Invariant: forgetting any of it changes no outcome, it only costs calls.
 */
import { EditWars } from './edit-war';
import { type KeyMemory, newKeyMemory } from './key-memory';
import type { BaselineOutcome } from './outcome';
import { Run } from './run';
import type { BaselineInput } from './run-input';
import type { RunParts } from './run-parts';

export type BaselineParts = Omit<RunParts, 'wars'>;

export class Baseline {
  private readonly memories = new Map<string, KeyMemory>();
  private readonly parts: RunParts;

  constructor(parts: BaselineParts) {
    this.parts = { ...parts, wars: new EditWars(parts.throttle, parts.events, parts.counters) };
  }

  run(input: BaselineInput): Promise<BaselineOutcome> {
    const known = this.memories.get(input.key);
    const memory = known ?? newKeyMemory();
    if (known === undefined) this.memories.set(input.key, memory);
    return new Run(this.parts, memory, input).outcome();
  }

  /** The next run of the key looks at everything. */
  expire(key: string): void {
    const memory = this.memories.get(key);
    if (memory !== undefined) memory.fingerprint = undefined;
  }

  expireAll(): void {
    for (const memory of this.memories.values()) memory.fingerprint = undefined;
  }

  forget(key: string): void {
    this.memories.delete(key);
  }
}
