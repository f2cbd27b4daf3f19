/**
 * The conditions of a Machine.
 *
 * Owns: their order of precedence, which of them say that something is wrong, and how they are merged into what is there.
 * Never: changes conditions of types that are not ours. Invariant: one entry a type of ours; lastTransitionTime moves with the status only.
 */
import type { MachineStatusCondition } from '../../api/vitistack/v1alpha1';
import { CONDITION_MESSAGE_CHARS, maskMessage } from '../../framework';

/** In the order in which they explain why a Machine is not ready. */
export const CONDITION_TYPES = [
  'SpecValid',
  'Placed',
  'RemoteUnreachable',
  'NetworkReady',
  'StorageReady',
  'InfrastructureReady',
  'SpecInSync',
  'PlacementImmutable',
  'RestartRequired',
  'Deleting',
  'Ready',
] as const;
export type ConditionType = (typeof CONDITION_TYPES)[number];

/** Reasons of `Deleting` while it is True. */
export const DELETION_STEPS = [
  'Stopping',
  'DeletingVirtualMachine',
  'WaitingForVirtualMachine',
  'DeletingDisks',
  'DeletingNetwork',
  'DeletingNetworkConfiguration',
  'DeletingLegacyDisks',
  'WaitingForCluster',
] as const;
export type DeletionStep = (typeof DELETION_STEPS)[number];

/** They are there only once they were True, and then say False; True is bad news. With the reason that goes with False. */
const NEWS: Readonly<Partial<Record<ConditionType, string>>> = {
  RemoteUnreachable: 'Reachable',
  PlacementImmutable: 'AsPlaced',
  RestartRequired: 'NotRequired',
  Deleting: 'NotDeleting',
};

export interface ConditionFinding {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

/** What one pass found out; types that it did not get to are absent and stay as they are. */
export type ConditionFindings = Readonly<Partial<Record<ConditionType, ConditionFinding>>>;

export function isTrue(reason: string, message = ''): ConditionFinding {
  return { status: 'True', reason, message };
}

export function isFalse(reason: string, message: string): ConditionFinding {
  return { status: 'False', reason, message };
}

/** Bad news that is over, or never was. */
export function isOver(type: ConditionType): ConditionFinding {
  return { status: 'False', reason: NEWS[type] ?? 'AsExpected', message: '' };
}

/** The first condition that says that something is wrong, `Ready` aside. */
export function firstFailing(
  findings: ConditionFindings,
): { readonly type: ConditionType; readonly finding: ConditionFinding } | undefined {
  for (const type of CONDITION_TYPES) {
    const finding = findings[type];
    if (type !== 'Ready' && finding !== undefined && isFailing(type, finding)) return { type, finding };
  }
  return undefined;
}

function isFailing(type: ConditionType, { status }: ConditionFinding): boolean {
  return NEWS[type] === undefined ? status !== 'True' : status === 'True';
}

export interface ConditionStamp {
  /** RFC 3339. */
  readonly now: string;
  readonly generation: number | undefined;
}

/** What is there with what was found: ours in their order of precedence, then those of others in theirs. */
export function mergedConditions(
  current: readonly MachineStatusCondition[],
  findings: ConditionFindings,
  stamp: ConditionStamp,
): MachineStatusCondition[] {
  const own = CONDITION_TYPES.flatMap((type) => {
    const old = current.find((condition) => condition.type === type);
    const finding = findings[type];
    // Bad news that never was.
    if (old === undefined && NEWS[type] !== undefined && finding?.status !== 'True') return [];
    return stated(type, finding, old, stamp) ?? old ?? [];
  });
  return [...own, ...current.filter(({ type }) => ownType(type) === undefined)];
}

function stated(
  type: ConditionType,
  finding: ConditionFinding | undefined,
  old: MachineStatusCondition | undefined,
  { now, generation }: ConditionStamp,
): MachineStatusCondition | undefined {
  if (finding === undefined) return undefined;
  const isSame = old?.status === finding.status && old.lastTransitionTime !== undefined;
  return {
    type,
    status: finding.status,
    reason: finding.reason,
    message: maskMessage(finding.message, CONDITION_MESSAGE_CHARS),
    lastTransitionTime: isSame ? (old.lastTransitionTime ?? now) : now,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
}

function ownType(type: string | undefined): ConditionType | undefined {
  return CONDITION_TYPES.find((own) => own === type);
}

/** The findings that a status shows already, for what a pass did not look at. */
export function shownFindings(conditions: readonly MachineStatusCondition[]): ConditionFindings {
  const shown: Partial<Record<ConditionType, ConditionFinding>> = {};
  for (const { type, status, reason = '', message = '' } of conditions) {
    const own = ownType(type);
    if (own === undefined || shown[own] !== undefined) continue;
    shown[own] = { status: status as ConditionFinding['status'], reason, message };
  }
  return shown;
}

export function readyStatus(conditions: readonly MachineStatusCondition[] | undefined): string | undefined {
  return conditions?.find(({ type }) => type === 'Ready')?.status;
}

const STALE_MESSAGES: ReadonlySet<string> = new Set(['KubevirtConfigError', 'NetworkConfigurationError']);

/** A condition that the older operator appended with every failure and never took away. */
function isStale({ type, reason = '', message = '' }: MachineStatusCondition): boolean {
  return type === 'Unknown' && (STALE_MESSAGES.has(message) || reason.startsWith('Failed to get '));
}

export interface StatusPatchOperation {
  readonly op: 'test' | 'replace' | 'remove';
  readonly path: string;
  readonly value?: unknown;
}

/** Takes them away in one write that fails when somebody else wrote; `undefined` when there are none. */
export function staleConditionsPatch(conditions: readonly MachineStatusCondition[]): readonly StatusPatchOperation[] | undefined {
  const kept = conditions.filter((condition) => !isStale(condition));
  if (kept.length === conditions.length) return undefined;
  const path = '/status/conditions';
  return [
    { op: 'test', path, value: conditions },
    { op: 'replace', path, value: kept },
  ];
}
