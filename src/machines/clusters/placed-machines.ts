/**
 * Which Machines are placed on which cluster, and which are about to be.
 *
 * Owns: the counts that protect a KubevirtConfig, and the identity that its Machines remember.
 * Invariant: a Machine whose record is being written counts from before its config gets the finalizer, so that no pass takes that off in
 * between.
 */
import { keyOf, singleton } from '../../framework';
import type { Machine } from '../kinds';
import { recordedKey } from '../placement/recorded-placement';
import { SupervisorApi } from '../supervisor-api';

@singleton()
export class PlacedMachines {
  /** Machine to cluster key. */
  private readonly placements = new Map<string, string>();
  /** Cluster key to the UIDs of clusters that its Machines were placed on, each with the Machines that say so. */
  private readonly identities = new Map<string, Map<string, Set<string>>>();
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
    if (before !== undefined) this.forgetIdentity(before, name);
    if (now !== undefined) this.learnIdentity(now, name, machine.status?.kubevirtConfigRef?.clusterID);
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

  /**
   * UID of the cluster that its Machines were placed on, as they remember it.
   * @param found what the cluster is now: one of several UIDs, if its Machines know it.
   */
  clusterIdOf(key: string, found: string | undefined): string | undefined {
    const known = this.identities.get(key);
    if (known === undefined) return undefined;
    return found !== undefined && known.has(found) ? found : [...known.keys()].sort()[0];
  }

  private learnIdentity(key: string, name: string, clusterId: string | undefined): void {
    if (clusterId === undefined || clusterId === '') return;
    const known = this.identities.get(key) ?? new Map<string, Set<string>>();
    this.identities.set(key, known.set(clusterId, (known.get(clusterId) ?? new Set()).add(name)));
  }

  private forgetIdentity(key: string, name: string): void {
    const known = this.identities.get(key);
    for (const [clusterId, names] of known ?? []) if (names.delete(name) && names.size === 0) known?.delete(clusterId);
    if (known?.size === 0) this.identities.delete(key);
  }

  private isRecorded(key: string, name: string): boolean {
    return this.byCluster.get(key)?.has(name) === true;
  }

  private tell(key: string): void {
    for (const listener of this.listeners) listener(key);
  }
}
