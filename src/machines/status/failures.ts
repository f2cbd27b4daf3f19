/**
 * Failures as a Machine's status tells them.
 *
 * Owns: the exact texts, which scripts of users match, and which failures mean that nothing can be made of the Machine.
 */
import type { ConditionFinding, ConditionType } from './conditions';

export interface Failure {
  readonly failureReason: string;
  readonly failureMessage: string;
  /** Phase and state are Failed while no instance runs. */
  readonly fatal: boolean;
  /** Where the cause is told. */
  readonly condition: ConditionType;
  readonly finding: ConditionFinding;
}

const failure = (
  failureReason: string,
  failureMessage: string,
  condition: ConditionType,
  conditionReason: string,
  message: string,
  status: ConditionFinding['status'] = 'False',
): Failure => ({ failureReason, failureMessage, fatal: true, condition, finding: { status, reason: conditionReason, message } });

/** Of a Machine that is not placed. @param reason of the condition `Placed`. */
export function placementFailure(reason: string, cause: string): Failure {
  return failure('Failed to get or create KubeVirt client from config', 'KubevirtConfigError', 'Placed', reason, cause);
}

export function networkFailure(cause: string, reason = 'NetworkConfigurationError'): Failure {
  return failure('Failed to get network configuration in current namespace', 'NetworkConfigurationError', 'NetworkReady', reason, cause);
}

export function classFailure(className: string, text: string): Failure {
  return failure(`Failed to get MachineClass '${className}'`, text, 'SpecValid', 'MachineClassError', text);
}

export function specFailure(text: string): Failure {
  return failure('InvalidMachineSpec', text, 'SpecValid', 'InvalidSpec', text);
}

export function notOwnedFailure(text: string): Failure {
  return failure('VirtualMachineNotOwned', text, 'InfrastructureReady', 'VirtualMachineNotOwned', text);
}

/** @param answer the server's message. */
export function createFailure(answer: string): Failure {
  return failure('Failed to create VirtualMachine in remote cluster', answer, 'InfrastructureReady', 'CreateRejected', answer);
}

/** @param reason of the condition `StorageReady`. */
export function storageFailure(reason: string, text: string): Failure {
  return failure('Failed to prepare storage for VirtualMachine', text, 'StorageReady', reason, text);
}
