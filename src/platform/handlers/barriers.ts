/**
 * Who goes first: the golden configuration before everything else, and lower orders before higher ones within a group.
 *
 * Owns: the decision whether a key waits. Never: holds a worker; a key that waits is told when it need not any more.
 * Invariant: nobody waits for the first asset longer than ten seconds, and nobody for its success.
 */
import type { Clock } from '../../framework';
import type { CatalogAsset } from '../catalog';
import type { AssetKeys } from './asset-keys';
import type { KeyStates } from './key-states';

const FIRST_MS = 10_000;

export interface Waiting {
  readonly reason: 'Order';
  readonly message: string;
  /** It need not wait longer than this. */
  readonly retryAfterMs?: number;
}

export class Barriers {
  /** Monotonic milliseconds since when keys of order 0 owe a run, by key. */
  private readonly owed = new Map<string, number>();
  /** Keys that were told to wait. */
  private readonly waiting = new Set<string>();

  constructor(
    private readonly keys: AssetKeys,
    private readonly states: KeyStates,
    private readonly clock: Clock,
  ) {}

  /** The keys of order 0 have something to do that the others depend on. */
  owe(keys: Iterable<string>): void {
    for (const key of keys) if (this.keys.assetOf(key)?.order === 0) this.owed.set(key, this.clock.monotonicMs());
  }

  /** @returns `undefined` = it is its turn. */
  waits(key: string, asset: CatalogAsset): Waiting | undefined {
    const waiting = this.forFirst(asset) ?? this.forGroup(asset);
    if (waiting === undefined) this.waiting.delete(key);
    else this.waiting.add(key);
    return waiting;
  }

  /** A run of the key has ended. @returns keys that may go on now. */
  ended(key: string, asset: CatalogAsset): readonly string[] {
    const wasOwed = this.owed.delete(key);
    const isFirst = asset.order === 0 && wasOwed;
    const isGroup = asset.group !== undefined && this.states.hasSettled(key);
    if (!isFirst && !isGroup) return [];
    return [...this.waiting].filter((other) => isFirst || this.keys.assetOf(other)?.group === asset.group);
  }

  /** Of the keys that wait, those whose asset requires another one. */
  get waitingKeys(): ReadonlySet<string> {
    return this.waiting;
  }

  clear(): void {
    this.owed.clear();
    this.waiting.clear();
  }

  private forFirst(asset: CatalogAsset): Waiting | undefined {
    if (asset.order === 0) return undefined;
    const nowMs = this.clock.monotonicMs();
    for (const [key, sinceMs] of this.owed) {
      const leftMs = sinceMs + FIRST_MS - nowMs;
      if (leftMs > 0) return { reason: 'Order', message: `waits for the run of ${key}`, retryAfterMs: leftMs };
    }
    return undefined;
  }

  private forGroup(asset: CatalogAsset): Waiting | undefined {
    if (asset.group === undefined) return undefined;
    for (const key of this.keys.all()) {
      const other = this.keys.assetOf(key)!;
      if (other.group !== asset.group || other.order >= asset.order || other.order === 0 || this.states.hasSettled(key)) continue;
      return { reason: 'Order', message: `waits for ${key}, which comes before it in the group ${asset.group}` };
    }
    return undefined;
  }
}
