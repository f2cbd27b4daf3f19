/**
 * What virt-controller does next for one VirtualMachine.
 *
 * Owns: the behaviour of each run strategy. Never: talks to anything, reads a clock.
 * Invariant: at most one change at a time; only the first queued request counts; a finished instance is deleted before the next is created.
 */
import {
  effectiveStrategyOf,
  firstRequest,
  hasCondition,
  isDeleting,
  isFinal,
  phaseOf,
  type VirtualMachine,
  type VirtualMachineInstance,
  VM_CONTROLLER_FINALIZER,
} from '../objects';

export type VmAction =
  | { readonly kind: 'none' }
  | { readonly kind: 'wait'; readonly forMs: number }
  | { readonly kind: 'addFinalizer' }
  | { readonly kind: 'removeFinalizer' }
  | { readonly kind: 'adopt'; readonly vmi: VirtualMachineInstance }
  | { readonly kind: 'start' }
  | { readonly kind: 'switchOn' }
  | { readonly kind: 'stop'; readonly vmi: VirtualMachineInstance; readonly thenQueueStart: boolean };

const NOTHING: VmAction = { kind: 'none' };
const START: VmAction = { kind: 'start' };

/**
 * @param vmi the instance that this VM controls, or could adopt.
 * @param nowMs wall clock, for the backoff after failed starts.
 */
export function nextVmAction(vm: VirtualMachine, vmi: VirtualMachineInstance | undefined, nowMs: number): VmAction {
  const hasFinalizer = vm.metadata.finalizers?.includes(VM_CONTROLLER_FINALIZER) === true;
  if (isDeleting(vm)) {
    if (vmi === undefined || vm.metadata.finalizers?.includes('orphan') === true)
      return hasFinalizer ? { kind: 'removeFinalizer' } : NOTHING;
    return stop(vmi);
  }
  if (!hasFinalizer) return { kind: 'addFinalizer' };
  if (vmi !== undefined && !isControlled(vmi)) return { kind: 'adopt', vmi };
  const effective = effectiveStrategyOf(vm);
  return effective.kind === 'invalid' ? NOTHING : byStrategy(effective.strategy, vm, vmi, nowMs);
}

function byStrategy(strategy: string, vm: VirtualMachine, vmi: VirtualMachineInstance | undefined, nowMs: number): VmAction {
  const startRequested = firstRequest(vm)?.action === 'Start';
  switch (strategy) {
    case 'Always':
      if (vmi === undefined) return startUnlessBackingOff(vm, nowMs);
      return isFinal(vmi) || isStopRequested(vm, vmi) ? stop(vmi) : NOTHING;
    case 'RerunOnFailure':
      if (vmi !== undefined) return isFinal(vmi) || isStopRequested(vm, vmi) ? stop(vmi, phaseOf(vmi) === 'Failed') : NOTHING;
      // A strategy the status does not show yet was freshly set: that alone starts the VM once.
      return startRequested || vm.status?.runStrategy !== strategy ? startUnlessBackingOff(vm, nowMs) : NOTHING;
    case 'Manual':
      if (vmi !== undefined) return isStopRequested(vm, vmi) ? stop(vmi) : NOTHING;
      return startRequested ? startUnlessUnrecovered(vm) : NOTHING;
    case 'Halted':
      if (vmi !== undefined) return stop(vmi);
      return startRequested ? { kind: 'switchOn' } : NOTHING;
    case 'Once':
    case 'WaitAsReceiver':
      return vmi === undefined ? startUnlessUnrecovered(vm) : NOTHING;
    default:
      return NOTHING;
  }
}

function isControlled(vmi: VirtualMachineInstance): boolean {
  return vmi.metadata.ownerReferences?.some((owner) => owner.controller === true) === true;
}

function isStopRequested(vm: VirtualMachine, vmi: VirtualMachineInstance): boolean {
  const request = firstRequest(vm);
  return request?.action === 'Stop' && request.uid === vmi.metadata.uid;
}

function stop(vmi: VirtualMachineInstance, thenQueueStart = false): VmAction {
  return isDeleting(vmi) ? NOTHING : { kind: 'stop', vmi, thenQueueStart };
}

function startUnlessBackingOff(vm: VirtualMachine, nowMs: number): VmAction {
  const retryAfter = vm.status?.startFailure?.retryAfterTimestamp;
  const leftMs = retryAfter === undefined ? 0 : Date.parse(retryAfter) - nowMs;
  return leftMs > 0 ? { kind: 'wait', forMs: leftMs } : startUnlessUnrecovered(vm);
}

function startUnlessUnrecovered(vm: VirtualMachine): VmAction {
  return hasCondition(vm, 'ManualRecoveryRequired') ? NOTHING : START;
}
