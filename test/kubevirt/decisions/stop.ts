/**
 * What KubeVirt answers to PUT virtualmachines/NAME/stop and /restart.
 *
 * Owns: both tables. Never: talks to anything.
 * Invariant: a shorter grace period is written to the instance before the VM is touched, even where the VM is then refused.
 */
import { effectiveStrategyOf, hasCondition, isFinal, type VirtualMachine, type VirtualMachineInstance } from '../objects';
import { ACCEPTED, badRequest, conflict, type Decision, internalError, notFound, type PatchWrite, refuse, write } from './answer';
import { queueRequests, switchRunning } from './change-requests';
import { parseRequestBody, type RequestOptions } from './request-body';
import { MANUAL_RECOVERY_TEXT, UNDERWAY_TEXT } from './start';

export const NOT_RUNNING_TEXT = 'VM is not running';

/** Parameters as for `decideStart`; the body may hold `gracePeriod` in seconds. */
export function decideStop(name: string, vm: VirtualMachine | undefined, vmi: VirtualMachineInstance | undefined, body: string): Decision {
  const parsed = parseRequestBody(body);
  if (parsed.kind === 'malformed') return refuse(badRequest(parsed.why));
  if (vm === undefined) return refuse(notFound('virtualmachine', name));
  const effective = effectiveStrategyOf(vm);
  if (effective.kind === 'invalid') return refuse(internalError(effective.why));

  const options = parsed.options;
  const live = vmi !== undefined && !isFinal(vmi) ? vmi : undefined;
  const first = live !== undefined && options.gracePeriod !== undefined ? [gracePatch(live, options.gracePeriod, options.dryRun)] : [];
  const then = stopByStrategy(effective.strategy, vm, live, options);
  return { writes: [...first, ...then.writes], answer: then.answer };
}

function stopByStrategy(strategy: string, vm: VirtualMachine, live: VirtualMachineInstance | undefined, options: RequestOptions): Decision {
  const name = vm.metadata.name;
  switch (strategy) {
    case 'Halted': {
      if (live === undefined) return refuse(conflict('virtualmachine', name, NOT_RUNNING_TEXT));
      const old = live.spec.terminationGracePeriodSeconds;
      if (options.gracePeriod === undefined || (old !== undefined && options.gracePeriod >= old)) {
        return refuse(conflict('virtualmachine', name, `${strategy} only supports manual stop requests with a shorter graceperiod`));
      }
      return queueStop(vm, live, options);
    }
    case 'Manual':
    case 'RerunOnFailure':
      return live === undefined ? refuse(conflict('virtualmachine', name, NOT_RUNNING_TEXT)) : queueStop(vm, live, options);
    case 'Always':
    case 'Once':
      return write(ACCEPTED, switchRunning(vm, false, options.dryRun));
    default:
      return refuse(ACCEPTED);
  }
}

function queueStop(vm: VirtualMachine, vmi: VirtualMachineInstance, options: RequestOptions): Decision {
  const patch = queueRequests(vm, [{ action: 'Stop', uid: vmi.metadata.uid ?? '' }], options.dryRun);
  return patch === undefined ? refuse(internalError(UNDERWAY_TEXT)) : write(ACCEPTED, patch);
}

function gracePatch(vmi: VirtualMachineInstance, gracePeriod: number, dryRun: boolean): PatchWrite {
  const path = '/spec/terminationGracePeriodSeconds';
  const old = vmi.spec.terminationGracePeriodSeconds;
  return {
    resource: 'virtualmachineinstances',
    operations: [
      { op: 'test', path, value: old ?? null },
      { op: old === undefined ? 'add' : 'replace', path, value: gracePeriod },
    ],
    dryRun,
  };
}

/** Parameters as for `decideStart`; the body may hold `gracePeriodSeconds`, of which KubeVirt takes only 0. */
export function decideRestart(
  name: string,
  vm: VirtualMachine | undefined,
  vmi: VirtualMachineInstance | undefined,
  body: string,
): Decision {
  const parsed = parseRequestBody(body);
  if (parsed.kind === 'malformed') return refuse(badRequest(parsed.why));
  const grace = parsed.options.gracePeriodSeconds ?? 0;
  if (grace > 0) return refuse(badRequest('For force restart, only gracePeriod=0 is supported for now'));
  if (grace < 0) return refuse(badRequest('gracePeriod has to be greater or equal to 0'));
  if (vm === undefined) return refuse(notFound('virtualmachine', name));
  if (hasCondition(vm, 'VolumesChange')) return refuse(conflict('virtualmachine', name, MANUAL_RECOVERY_TEXT));
  const effective = effectiveStrategyOf(vm);
  if (effective.kind === 'invalid') return refuse(internalError(effective.why));
  if (effective.strategy === 'Halted' || effective.strategy === 'Once') {
    return refuse(conflict('virtualmachine', name, `RunStrategy ${effective.strategy} does not support manual restart requests`));
  }
  if (vmi === undefined) return refuse(conflict('virtualmachine', name, `${NOT_RUNNING_TEXT}: Halted`));
  const requests = [{ action: 'Stop', uid: vmi.metadata.uid ?? '' }, { action: 'Start' }] as const;
  const patch = queueRequests(vm, requests, parsed.options.dryRun);
  return patch === undefined ? refuse(internalError(UNDERWAY_TEXT)) : write(ACCEPTED, patch);
}
