/** Merges status conditions by type, pure. */
import type { Condition } from '../kinds/object';
import { maskMessage } from '../logging/mask';

/** A condition as it is stated; times and generation are added. */
export type ConditionInput = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** Longest message, in characters. */
export const CONDITION_MESSAGE_CHARS = 1_024;
/** @source metav1.Condition, validation of `reason` */
const REASON = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/;
const MAX_REASON_CHARS = 1_024;

/** Whether the API server takes it as the reason of a condition: one word. */
export function isConditionReason(reason: unknown): reason is string {
  return typeof reason === 'string' && reason.length <= MAX_REASON_CHARS && REASON.test(reason);
}

export interface ConditionStamp {
  /** RFC 3339 with whole seconds. */
  readonly now: string;
  /** Generation of the object that was looked at. */
  readonly observedGeneration: number | undefined;
}

/**
 * Merges by `type`; order is kept, new types come last. `lastTransitionTime` moves only when `status` does.
 * @throws {RangeError} for a reason the API server would refuse.
 */
export function mergeConditions(
  current: readonly Condition[],
  changes: readonly ConditionInput[],
  { now, observedGeneration }: ConditionStamp,
): Condition[] {
  const merged = new Map(current.map((condition) => [condition.type, condition]));
  for (const { type, status, reason, message } of changes) {
    if (!isConditionReason(reason)) throw new RangeError(`reason of condition ${type} is "${reason}"; allowed: one CamelCase word`);
    const old = merged.get(type);
    merged.set(type, {
      ...old,
      type,
      status,
      reason,
      message: maskMessage(message, CONDITION_MESSAGE_CHARS),
      lastTransitionTime: old !== undefined && old.status === status ? old.lastTransitionTime : now,
      ...(observedGeneration === undefined ? {} : { observedGeneration }),
    });
  }
  return [...merged.values()];
}

/** The condition of a type in an object's status. */
export function conditionOf(object: object, type: string): Condition | undefined {
  const { conditions } = ((object as { status?: unknown }).status ?? {}) as { conditions?: Condition[] };
  return conditions?.find((condition) => condition.type === type);
}
