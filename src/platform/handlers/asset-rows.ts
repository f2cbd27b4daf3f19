/**
 * How each key stands: what people are shown, and what other keys wait for.
 *
 * Owns: one row a key. Never: writes; who shows rows listens. Invariant: rows go when their key goes.
 */
import type { BaselineOutcome, Target } from '../baseline/outcome';
import type { CatalogAsset } from '../catalog';

/** Words of the column status. */
export type RowStatus =
  | 'INCLUDED'
  | 'EXCLUDED'
  /** Not wanted: allowlist, switch, condition. */
  | 'FILTERED'
  /** A kind, namespace or object that it needs is not there. */
  | 'MISSING'
  | 'HELD'
  | 'PAUSED'
  | 'UNMANAGED'
  /** Waits: for a pool, for another asset, for facts. */
  | 'PENDING'
  | 'CONFLICT'
  | 'ERROR';

export interface AssetRow {
  readonly key: string;
  readonly asset: CatalogAsset;
  readonly status: RowStatus;
  /** CamelCase. */
  readonly reason: string;
  /** One line; empty = the reason says it. */
  readonly message: string;
  /** Of the object it rendered to last. */
  readonly target: Target | undefined;
  /** How the run of the algorithm ended; `undefined` when there was none. */
  readonly outcome: BaselineOutcome | undefined;
  /** RFC 3339, of the last change of status or reason. */
  readonly since: string;
  /** Of the last run. */
  readonly seconds: number;
}

export type RowChange = Omit<AssetRow, 'since'>;

const STATUS: Readonly<Record<BaselineOutcome['status'], RowStatus>> = {
  InSync: 'INCLUDED',
  Applied: 'INCLUDED',
  Excluded: 'EXCLUDED',
  InvalidExclusions: 'HELD',
  Paused: 'PAUSED',
  Unmanaged: 'UNMANAGED',
  InvalidPatch: 'HELD',
  NamespaceMissing: 'MISSING',
  RolloutPending: 'PENDING',
  Throttled: 'ERROR',
  SchemaMismatch: 'ERROR',
  Rejected: 'ERROR',
  DryRunUnsupported: 'ERROR',
  Forbidden: 'ERROR',
  ApplyFailed: 'ERROR',
  RenderFailed: 'ERROR',
  Conflict: 'CONFLICT',
  TargetAbsent: 'MISSING',
  ForeignManager: 'CONFLICT',
  Terminating: 'PENDING',
  CRDMissing: 'MISSING',
  Transient: 'ERROR',
};

export function rowStatusOf({ status }: BaselineOutcome): RowStatus {
  return STATUS[status];
}

export class AssetRows {
  private readonly rows = new Map<string, AssetRow>();
  private readonly listeners = new Set<(row: AssetRow, before: AssetRow | undefined) => void>();
  /** Keys that were in sync, or not wanted, at least once since the leader began. */
  private readonly settled = new Set<string>();

  constructor(private readonly now: () => string) {}

  /** Listeners are told inline after each run. */
  onRow(listener: (row: AssetRow, before: AssetRow | undefined) => void): void {
    this.listeners.add(listener);
  }

  set(change: RowChange): AssetRow {
    const before = this.rows.get(change.key);
    const isSame = before?.status === change.status && before.reason === change.reason;
    const row: AssetRow = { ...change, since: isSame ? before.since : this.now() };
    this.rows.set(row.key, row);
    if (row.status === 'FILTERED' || row.status === 'EXCLUDED' || isInSync(row)) this.settled.add(row.key);
    for (const listener of this.listeners) listener(row, before);
    return row;
  }

  get(key: string): AssetRow | undefined {
    return this.rows.get(key);
  }

  list(): readonly AssetRow[] {
    return [...this.rows.values()];
  }

  /** Whether there are instances of the asset, and all of them are in sync. */
  isInSync(asset: string): boolean {
    const rows = this.list().filter((row) => row.asset.name === asset);
    return rows.length > 0 && rows.every(isInSync);
  }

  hasSettled(key: string): boolean {
    return this.settled.has(key);
  }

  remove(key: string): void {
    this.rows.delete(key);
    this.settled.delete(key);
  }

  /** Another process led meanwhile. */
  clear(): void {
    this.rows.clear();
    this.settled.clear();
  }
}

function isInSync({ outcome }: Pick<AssetRow, 'outcome'>): boolean {
  return outcome?.status === 'InSync' || outcome?.status === 'Applied';
}
