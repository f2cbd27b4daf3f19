/** How a run for one key ended, for whoever reports it and decides when to look again. */
import type { ObjectKey } from '../../framework';
import type { Identity } from '../overrides/exclusions';

export type BaselineStatus =
  | 'InSync'
  | 'Applied'
  /** Taken out by the administrator. */
  | 'Excluded'
  /** Nothing may be written to anything until the exclusions can be read. */
  | 'InvalidExclusions'
  | 'Paused'
  | 'Unmanaged'
  | 'InvalidPatch'
  | 'NamespaceMissing'
  | 'RolloutPending'
  | 'Throttled'
  | 'SchemaMismatch'
  | 'Rejected'
  | 'DryRunUnsupported'
  | 'Forbidden'
  | 'ApplyFailed'
  | 'RenderFailed'
  /** An object of somebody else that the asset does not take over. */
  | 'Conflict'
  | 'TargetAbsent'
  | 'ForeignManager'
  | 'Terminating'
  /** The kind is not served any more. */
  | 'CRDMissing'
  | 'Transient';

export interface Customizations {
  readonly patch: boolean;
  readonly ignore: boolean;
  readonly unmanaged: boolean;
}

export const NO_CUSTOMIZATIONS: Customizations = { patch: false, ignore: false, unmanaged: false };

export interface BaselineOutcome {
  readonly status: BaselineStatus;
  /** CamelCase, where the status alone does not say it. */
  readonly reason?: string;
  /** One line without secrets. */
  readonly message?: string;
  /** 1 in sync, 0 failed, held or throttled; `undefined` = there is nothing to say. */
  readonly compliance: 0 | 1 | undefined;
  /** Look again then; otherwise when something changes, or at the next resync. */
  readonly retryAfterMs?: number;
  readonly isPaused: boolean;
  readonly isContested: boolean;
  readonly customizations: Customizations;
  /** Something was written. */
  readonly wrote: boolean;
}

/** What identifies the object that a key renders to. */
export interface Target extends Identity {
  readonly apiVersion: string;
  readonly key: ObjectKey;
  /** `group/Kind/namespace/name`: of everything that is remembered of the object. */
  readonly id: string;
}
