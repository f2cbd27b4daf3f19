/**
 * What KubeVirt answers to PUT virtualmachines/NAME/start.
 *
 * Owns: the start table. Never: talks to anything, reads a clock.
 * Invariant: the checks come in KubeVirt's order: VM exists, instance not active, no manual recovery required, body parses, run strategy;
 * a start never changes the run strategy of a Manual, RerunOnFailure, Once or WaitAsReceiver VM.
 */
import {
  effectiveStrategyOf,
  hasCondition,
  isActive,
  isFinal,
  phaseOf,
  type StateChangeRequest,
  type VirtualMachine,
  type VirtualMachineInstance,
} from '../objects';
import { ACCEPTED, badRequest, conflict, type Decision, internalError, notFound, refuse, write } from './answer';
import { queueRequests, switchRunning } from './change-requests';
import { parseRequestBody, type RequestOptions } from './request-body';

export const MANUAL_RECOVERY_TEXT = 'VM recovery required: Volume migration failed';
export const UNDERWAY_TEXT = 'unable to complete request: stop/start already underway';

/**
 * @param name of the VM asked for; it may not exist.
 * @param vmi the instance of that name, whoever owns it.
 * @param body the request body, undecoded.
 */
export function decideStart(name: string, vm: VirtualMachine | undefined, vmi: VirtualMachineInstance | undefined, body: string): Decision {
  if (vm === undefined) return refuse(notFound('virtualmachine', name));
  if (vmi !== undefined && isActive(vmi)) return refuse(conflict('virtualmachine', name, 'VM is already running'));
  if (hasCondition(vm, 'ManualRecoveryRequired')) return refuse(conflict('virtualmachine', name, MANUAL_RECOVERY_TEXT));
  const parsed = parseRequestBody(body);
  if (parsed.kind === 'malformed') return refuse(badRequest(parsed.why));
  const effective = effectiveStrategyOf(vm);
  if (effective.kind === 'invalid') return refuse(internalError(effective.why));
  return startByStrategy(effective.strategy, vm, vmi, parsed.options);
}

function startByStrategy(strategy: string, vm: VirtualMachine, vmi: VirtualMachineInstance | undefined, options: RequestOptions): Decision {
  const name = vm.metadata.name;
  const start: StateChangeRequest = options.paused ? { action: 'Start', data: { paused: 'true' } } : { action: 'Start' };
  switch (strategy) {
    case 'Halted':
      return options.paused ? queue(vm, [start], options) : write(ACCEPTED, switchRunning(vm, true, options.dryRun));
    case 'Manual':
      return queue(vm, vmi !== undefined && isFinal(vmi) ? [stopOf(vmi), start] : [start], options);
    case 'RerunOnFailure':
      if (vmi !== undefined && phaseOf(vmi) === 'Failed') {
        return refuse(conflict('virtualmachine', name, `${strategy} does not support starting VM from failed state`));
      }
      return queue(vm, vmi !== undefined && phaseOf(vmi) === 'Succeeded' ? [stopOf(vmi), start] : [start], options);
    case 'Always':
    case 'Once':
      return refuse(conflict('virtualmachine', name, `${strategy} does not support manual start requests`));
    default:
      // WaitAsReceiver and strategies KubeVirt does not know fall through its switch: accepted, nothing done.
      return refuse(ACCEPTED);
  }
}

function queue(vm: VirtualMachine, requests: readonly StateChangeRequest[], options: RequestOptions): Decision {
  const patch = queueRequests(vm, requests, options.dryRun);
  return patch === undefined ? refuse(internalError(UNDERWAY_TEXT)) : write(ACCEPTED, patch);
}

function stopOf(vmi: VirtualMachineInstance): StateChangeRequest {
  return { action: 'Stop', uid: vmi.metadata.uid ?? '' };
}
