/**
 * Addresses that virtual machines showed at run time, by the UID of the virtual machine.
 *
 * Owns: the memory, its caps and its stored form. Never: decides which virtual machine may be learned from; stores anything itself.
 * Invariant: at most 5,000 virtual machines a shard and 8 addresses each, however many show some.
 */
import { usableMacs } from '../../kubevirt/mac-address';
import { LEARNED_SHARDS, MAX_LEARNED_MACS_PER_VM, MAX_LEARNED_PER_SHARD } from './limits';

/** Where they are kept, in the manager's namespace, one ConfigMap a shard. */
export const LEARNED_MAC_CONFIG_MAPS: readonly string[] = Array.from(
  { length: LEARNED_SHARDS },
  (_, shard) => `virt-steward-learned-macs-${shard}`,
);

const NONE: readonly string[] = Object.freeze([]);

export class LearnedMacs {
  private readonly shards = Array.from({ length: LEARNED_SHARDS }, () => new Map<string, readonly string[]>());
  private readonly changed = new Set<number>();
  private refused = 0;

  /** @param maxPerShard virtual machines. @default MAX_LEARNED_PER_SHARD */
  constructor(private readonly maxPerShard: number = MAX_LEARNED_PER_SHARD) {}

  /** Virtual machines with learned addresses. */
  get size(): number {
    return this.shards.reduce((sum, shard) => sum + shard.size, 0);
  }

  /** How often something was not kept because its shard is full. */
  get rejections(): number {
    return this.refused;
  }

  macsOf(uid: string): readonly string[] {
    return this.shards[shardOf(uid)]!.get(uid) ?? NONE;
  }

  uids(): string[] {
    return this.shards.flatMap((shard) => [...shard.keys()]);
  }

  /** Replaces what is known of a virtual machine. @returns whether that was something else. */
  learn(uid: string, texts: Iterable<string | undefined>): boolean {
    const macs = usableMacs(texts).slice(0, MAX_LEARNED_MACS_PER_VM);
    const at = shardOf(uid);
    const shard = this.shards[at]!;
    const known = shard.get(uid);
    if (macs.length === 0 || (known !== undefined && known.join() === macs.join())) return false;
    if (known === undefined && shard.size >= this.maxPerShard) {
      this.refused++;
      return false;
    }
    shard.set(uid, macs);
    this.changed.add(at);
    return true;
  }

  /** @returns whether something was known. */
  forget(uid: string): boolean {
    const at = shardOf(uid);
    if (!this.shards[at]!.delete(uid)) return false;
    this.changed.add(at);
    return true;
  }

  /** Takes in what was stored; what has been learned since is newer and stays. @returns UIDs that were not known. */
  restore(stored: Readonly<Record<string, string>>): string[] {
    return Object.entries(stored)
      .filter(([uid]) => this.macsOf(uid).length === 0)
      .filter(([uid, list]) => this.learn(uid, list.split(',')))
      .map(([uid]) => uid);
  }

  /** The content of a shard as it is stored: UID to addresses joined by commas, sorted. */
  stored(shard: number): Record<string, string> {
    return Object.fromEntries([...this.shards[shard]!].sort(([a], [b]) => (a < b ? -1 : 1)).map(([uid, macs]) => [uid, macs.join(',')]));
  }

  /** Some shard differs from what was last taken. */
  get hasChanged(): boolean {
    return this.changed.size > 0;
  }

  /** The shards that have changed since this was last asked. */
  takeChanged(): number[] {
    const shards = [...this.changed].sort();
    this.changed.clear();
    return shards;
  }

  /** The shard has to be stored once more: it could not be. */
  markChanged(shard: number): void {
    this.changed.add(shard);
  }
}

/** UIDs are random, so any few bits of them spread evenly; FNV-1a does for whatever else is used as one. */
function shardOf(uid: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < uid.length; index++) hash = Math.imul(hash ^ uid.charCodeAt(index), 0x01000193);
  return (hash >>> 0) % LEARNED_SHARDS;
}
