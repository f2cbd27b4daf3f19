/**
 * The state of the whole module, as conditions, from its rows and from what is known beside them.
 *
 * Owns: types, reasons and messages. Invariant: pure; equal facts give equal text, so that nothing is written for it.
 */
import type { ConditionInput } from '../../framework';
import type { AssetRow, RowStatus } from './asset-rows';

export interface ModuleFacts {
  readonly rows: readonly AssetRow[];
  readonly activation: { readonly active: boolean; readonly reason: string; readonly message: string };
  /** What the administrator has to correct before anything is written; empty when there is nothing. */
  readonly invalidExclusions: string;
  /** Identities of objects that no asset renders. */
  readonly orphans: readonly string[];
}

const MAX_NAMES = 10;

export function moduleConditions({ rows, activation, invalidExclusions, orphans }: ModuleFacts): ConditionInput[] {
  const of = (...statuses: RowStatus[]): readonly AssetRow[] => rows.filter(({ status }) => statuses.includes(status));
  const failed = of('ERROR', 'CONFLICT');
  const held = of('HELD');
  const rollout = rows.filter(({ status, reason }) => status === 'PENDING' && isRolloutReason(reason));
  const apart = [...failed, ...held, ...of('PENDING')];
  return [
    { type: 'Active', status: activation.active ? 'True' : 'False', reason: activation.reason, message: activation.message },
    activation.active
      ? state('Compliant', apart.length === 0, apart.length === 0 ? 'InSync' : 'NotInSync', listed('not in sync', apart))
      : { type: 'Compliant', status: 'Unknown', reason: 'Inactive', message: 'nothing is applied' },
    invalidExclusions === ''
      ? state('Degraded', failed.length > 0, failed.length > 0 ? 'AssetsFailed' : 'AsExpected', listed('failed', failed))
      : { type: 'Degraded', status: 'True', reason: 'InvalidExclusions', message: invalidExclusions },
    state('RolloutPending', rollout.length > 0, rollout[0]?.reason ?? 'NothingPending', listed('waiting', rollout)),
    state('Paused', of('PAUSED').length > 0, of('PAUSED').length > 0 ? 'PausedObjects' : 'NothingPaused', listed('paused', of('PAUSED'))),
    missing(of('MISSING')),
    orphanCondition(orphans),
  ];
}

const ROLLOUT_REASONS = ['PoolPaused', 'PoolDegraded', 'PoolUpdating', 'PoolSettling', 'PoolsUnknown', 'Manual'];

function isRolloutReason(reason: string): boolean {
  return ROLLOUT_REASONS.includes(reason);
}

function missing(rows: readonly AssetRow[]): ConditionInput {
  const isMissing = rows.length > 0;
  return state('DependenciesMissing', isMissing, isMissing ? 'Missing' : 'NothingMissing', listed('waiting for what they need', rows));
}

function orphanCondition(orphans: readonly string[]): ConditionInput {
  const names = [...orphans].sort();
  const message = names.length === 0 ? '' : `${names.length} left behind: ${shortened(names)}`;
  return state('OrphansPresent', names.length > 0, names.length > 0 ? 'LeftBehind' : 'NoOrphans', message);
}

function state(type: string, isTrue: boolean, reason: string, message: string): ConditionInput {
  return { type, status: isTrue ? 'True' : 'False', reason, message };
}

function listed(what: string, rows: readonly AssetRow[]): string {
  if (rows.length === 0) return '';
  const names = rows.map(({ key, reason }) => (reason === '' ? key : `${key} (${reason})`)).sort();
  return `${names.length} ${what}: ${shortened(names)}`;
}

function shortened(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES).join(', ');
  return names.length > MAX_NAMES ? `${shown} and ${names.length - MAX_NAMES} more` : shown;
}
