/**
 * Which Machines are placed on which cluster, and which are about to be.
 *
 * Owns: the counts that protect a KubevirtConfig. Invariant: a Machine whose record is being written counts from before its config gets
 * the finalizer, so that no pass takes that off in between.
 */
import { keyOf, singleton } from '../../framework';
import type { Machine } from '../kinds';
import { recordedKey } from '../placement/recorded-placement';
import { SupervisorApi } from '../supervisor-api';

@singleton()
export class PlacedMachines {
  /** Machine to cluster key. */
  private readonly placements = new Map<string, string>();
  private readonly byCluster = new Map<string, Set<string>>();
  /** Cluster key to Machines whose record is under way. */
  private readonly pending = new Map<string, Set<string>>();
  private readonly listeners = new Set<(key: string) => void>();

  constructor(private readonly api: SupervisorApi) {}

  /** Told of a cluster key when its Machines are others than before. @returns ends it. */
  onChange(listener: (key: string) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Takes in a Machine as the cache has it; `gone` = it is not there any more. */
  see(machine: Machine, gone: boolean): void {
    const name = keyOf(machine);
    const before = this.placements.get(name);
    const now = gone ? undefined : recordedKey(machine, this.api.home, false);
    if (now === before) return;
    if (before !== undefined) {
      this.placements.delete(name);
      this.byCluster.get(before)?.delete(name);
      this.tell(before);
    }
    if (now !== undefined) {
      this.placements.set(name, now);
      this.byCluster.set(now, (this.byCluster.get(now) ?? new Set()).add(name));
      this.tell(now);
    }
  }

  /** A record is about to be written, or is there already. @returns says that it was written, or that it could not be. */
  begin(key: string, machine: Machine): () => void {
    const name = keyOf(machine);
    if (this.isRecorded(key, name)) return () => undefined;
    const names = this.pending.get(key) ?? new Set();
    this.pending.set(key, names.add(name));
    return () => {
      names.delete(name);
      // Of a record that was written, the change of the Machine tells.
      if (!this.isRecorded(key, name)) this.tell(key);
    };
  }

  count(key: string): number {
    const recorded = this.byCluster.get(key);
    let count = recorded?.size ?? 0;
    for (const name of this.pending.get(key) ?? []) if (recorded?.has(name) !== true) count += 1;
    return count;
  }

  /** `namespace/name`, sorted. */
  machinesOf(key: string): readonly string[] {
    return [...new Set([...(this.byCluster.get(key) ?? []), ...(this.pending.get(key) ?? [])])].sort();
  }

  private isRecorded(key: string, name: string): boolean {
    return this.byCluster.get(key)?.has(name) === true;
  }

  private tell(key: string): void {
    for (const listener of this.listeners) listener(key);
  }
}
