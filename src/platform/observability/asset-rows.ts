/**
 * What is shown of each key of the catalog: in the status ConfigMap, by `virt-steward render --output status`, by `doctor`.
 *
 * Owns: the words. Invariant: pure.
 */
import type { BaselineStatus } from '../baseline/outcome';

export type RowStatus =
  | 'INCLUDED'
  | 'EXCLUDED'
  /** Not wanted: activation, switch or condition. */
  | 'FILTERED'
  /** Something that it needs is not there. */
  | 'MISSING'
  /** Nothing is written until somebody corrects something, or until it is allowed again. */
  | 'HELD'
  | 'PAUSED'
  | 'UNMANAGED'
  /** Waits for its turn. */
  | 'PENDING'
  /** The object is somebody else's. */
  | 'CONFLICT'
  | 'ERROR';

const OF_STATUS: Readonly<Record<BaselineStatus, RowStatus>> = {
  InSync: 'INCLUDED',
  Applied: 'INCLUDED',
  Excluded: 'EXCLUDED',
  InvalidExclusions: 'HELD',
  Paused: 'PAUSED',
  Unmanaged: 'UNMANAGED',
  InvalidPatch: 'HELD',
  NamespaceMissing: 'MISSING',
  RolloutPending: 'PENDING',
  Throttled: 'HELD',
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
  Transient: 'PENDING',
};

export function rowStatusOf(status: BaselineStatus): RowStatus {
  return OF_STATUS[status];
}

export interface AssetRow {
  /** `name`, or `name[item]`. */
  readonly key: string;
  /** `group/Kind/namespace/name`; empty while it is not known. */
  readonly identity: string;
  readonly status: RowStatus;
  /** CamelCase; empty when the status says it all. */
  readonly reason: string;
}
