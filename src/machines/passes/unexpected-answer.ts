/**
 * What a Machine says when an API server answers a call in a way that no step of a pass has words of its own for.
 *
 * Owns: to which condition such an answer belongs, and whether it is a failure. Never: retries; speaks of a server that did not answer.
 * Invariant: a pass that such an answer has ended shows it.
 */
import { ApiError } from '../../framework';
import { type ConditionFinding, type ConditionType, isFalse, isTrue } from '../status/conditions';
import { createFailure, type Failure, networkFailure, storageFailure } from '../status/failures';
import { untilGivenUpText } from './machine-deletion';
import type { PassFindings, PassStep } from './pass-findings';
import { causeText, isRefusal } from './remote-answers';

/** They pass by themselves, or belong to the connection, which speaks for itself. */
const PASSING = [401, 408, 409, 410, 429];

/** The server has answered, and what it said stays for a while. */
export function isLasting(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status >= 400 && !PASSING.includes(error.status);
}

/** States an answer. @returns whether nothing is left to do before somebody changes something. */
export function stateAnswer(findings: PassFindings, error: ApiError): boolean {
  const cause = causeText(error);
  const failure = findings.vm === undefined && isRefusal(error) && error.status !== 404 ? failureOf(findings.step, cause) : undefined;
  if (failure !== undefined) {
    findings.failure = failure;
    return true;
  }
  const [type, finding] = findingOf(findings.step, cause, findings.vm !== undefined);
  findings.set(type, finding);
  return false;
}

function failureOf(step: PassStep, cause: string): Failure | undefined {
  switch (step) {
    case 'network':
      return networkFailure(cause);
    case 'storage':
      return storageFailure('StorageError', cause);
    case 'building':
      return createFailure(cause);
    default:
      return undefined;
  }
}

function findingOf(step: PassStep, cause: string, isThere: boolean): [ConditionType, ConditionFinding] {
  switch (step) {
    case 'spec':
      return ['SpecValid', isFalse('MachineClassError', cause)];
    case 'network':
      return ['NetworkReady', isFalse('NetworkConfigurationError', cause)];
    case 'storage':
      return ['StorageReady', isFalse('StorageError', cause)];
    default:
      return ['InfrastructureReady', isFalse(isThere || step === 'finding' ? 'UpdateRejected' : 'Creating', cause)];
  }
}

/** States why a deletion does not get on. */
export function stateObstacle(findings: PassFindings, key: string, error: ApiError): void {
  const text = untilGivenUpText(`waiting for cluster ${key}: ${causeText(error)}`);
  findings.set('Deleting', isTrue('WaitingForCluster', text));
  const reason = error.status === 403 ? 'Forbidden' : error.status >= 500 ? 'ServerError' : undefined;
  if (reason !== undefined) findings.set('RemoteUnreachable', isTrue(reason, text));
}
