/**
 * The status virt-controller gives a VirtualMachine.
 *
 * Owns: created, ready, runStrategy, the head of the request queue, startFailure, the conditions it mirrors, printableStatus.
 * Never: touches other fields or conditions of the status; talks to anything.
 * Invariant: the same input gives the same status, so that a steady VM is never written.
 */
import {
  type Condition,
  conditionOf,
  effectiveStrategyOf,
  firstRequest,
  hasCondition,
  isDeleting,
  isFinal,
  phaseOf,
  type StartFailure,
  timestampOf,
  type VirtualMachine,
  type VirtualMachineInstance,
  type VirtualMachineStatus,
} from '../objects';
import type { CompiledTimings } from './timings';

/** KubeVirt's defaultMaxCrashLoopBackoffDelaySeconds. */
const MAX_START_BACKOFF_SECONDS = 300;
/** Instance conditions that are shown on the VM; all others of the VM are left alone. */
const MIRRORED = ['Paused', 'LiveMigratable', 'AgentConnected'];

/** @param nowMs wall clock. */
export function nextVmStatus(
  vm: VirtualMachine,
  vmi: VirtualMachineInstance | undefined,
  nowMs: number,
  timings: CompiledTimings,
): VirtualMachineStatus {
  const old = vm.status ?? {};
  const effective = effectiveStrategyOf(vm);
  const strategy = effective.kind === 'strategy' ? effective.strategy : undefined;
  const created = vmi !== undefined;
  const startFailure = nextStartFailure(vm, vmi, strategy, nowMs, timings);
  const requests = old.stateChangeRequests?.slice(isFirstRequestDone(vm, vmi) ? 1 : 0) ?? [];
  const { stateChangeRequests: _requests, startFailure: _failure, runStrategy: oldStrategy, ...kept } = old;
  // The strategy is shown only once the VM was started: its absence tells that a strategy is fresh.
  const shownStrategy = oldStrategy !== undefined || created ? strategy : undefined;
  return {
    ...kept,
    created,
    ready: vmi !== undefined && hasCondition(vmi, 'Ready'),
    ...(shownStrategy === undefined ? {} : { runStrategy: shownStrategy }),
    ...(requests.length === 0 ? {} : { stateChangeRequests: requests }),
    ...(startFailure === undefined ? {} : { startFailure }),
    conditions: nextConditions(old.conditions ?? [], vmi, timestampOf(nowMs)),
    printableStatus: printableStatusOf(vm, vmi, strategy, startFailure),
  };
}

function isFirstRequestDone(vm: VirtualMachine, vmi: VirtualMachineInstance | undefined): boolean {
  const request = firstRequest(vm);
  if (request === undefined) return false;
  if (request.action === 'Stop') return vmi === undefined || request.uid !== vmi.metadata.uid;
  return vmi !== undefined && !isDeleting(vmi) && !isFinal(vmi);
}

function nextStartFailure(
  vm: VirtualMachine,
  vmi: VirtualMachineInstance | undefined,
  strategy: string | undefined,
  nowMs: number,
  timings: CompiledTimings,
): StartFailure | undefined {
  const old = vm.status?.startFailure ?? undefined;
  const restarts = strategy === 'Always' || strategy === 'RerunOnFailure' || strategy === 'Once';
  const hasRun = vmi?.status?.phaseTransitionTimestamps?.some((entry) => entry.phase === 'Running') === true;
  if (hasRun || !restarts) return undefined;
  if (vmi === undefined || !isFinal(vmi) || old?.lastFailedVMIUID === vmi.metadata.uid) return old;
  const consecutiveFailCount = (old?.consecutiveFailCount ?? 0) + 1;
  const delaySeconds = Math.min(timings.startFailureBackoffSeconds * consecutiveFailCount ** 2, MAX_START_BACKOFF_SECONDS);
  return {
    consecutiveFailCount,
    lastFailedVMIUID: vmi.metadata.uid ?? '',
    retryAfterTimestamp: timestampOf(nowMs + delaySeconds * 1_000),
  };
}

function nextConditions(old: readonly Condition[], vmi: VirtualMachineInstance | undefined, nowIso: string): readonly Condition[] {
  const kept = old.filter((condition) => condition.type !== 'Ready' && !MIRRORED.includes(condition.type));
  const mirrored = MIRRORED.flatMap((type) => {
    const condition = vmi === undefined ? undefined : conditionOf(vmi, type);
    return condition === undefined ? [] : [condition];
  });
  return [readyCondition(old, vmi, nowIso), ...mirrored, ...kept];
}

function readyCondition(old: readonly Condition[], vmi: VirtualMachineInstance | undefined, nowIso: string): Condition {
  const before = old.find((condition) => condition.type === 'Ready');
  const source = vmi === undefined ? undefined : conditionOf(vmi, 'Ready');
  const fresh: Condition =
    source ??
    (vmi === undefined
      ? { type: 'Ready', status: 'False', reason: 'VMINotExists', message: 'VMI does not exist' }
      : { type: 'Ready', status: 'False', reason: 'VMIConditionMissing', message: 'VMI is missing the Ready condition' });
  if (before !== undefined && before.status === fresh.status && before.reason === fresh.reason) return before;
  return { ...fresh, lastTransitionTime: source?.lastTransitionTime ?? nowIso };
}

/** What `kubectl get vm` shows; the first statement that holds wins. */
export function printableStatusOf(
  vm: VirtualMachine,
  vmi: VirtualMachineInstance | undefined,
  strategy: string | undefined,
  startFailure: StartFailure | undefined,
): string {
  if (isDeleting(vm)) return 'Terminating';
  if (vmi !== undefined && !isFinal(vmi)) return statusOfLive(vmi);
  if (startFailure !== undefined && (strategy === 'Always' || strategy === 'RerunOnFailure' || strategy === 'Once'))
    return 'CrashLoopBackOff';
  return 'Stopped';
}

function statusOfLive(vmi: VirtualMachineInstance): string {
  const phase = phaseOf(vmi);
  if (isDeleting(vmi)) return 'Stopping';
  if (vmi.status?.migrationState !== undefined && vmi.status.migrationState.completed !== true) return 'Migrating';
  if (phase === 'Running') return hasCondition(vmi, 'Paused') ? 'Paused' : 'Running';
  const synchronized = conditionOf(vmi, 'Synchronized');
  if (synchronized?.status === 'False' && synchronized.reason === 'FailedPvcNotFound') return 'ErrorPvcNotFound';
  const scheduled = conditionOf(vmi, 'PodScheduled');
  if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable') return 'ErrorUnschedulable';
  if (synchronized?.status === 'False' && (synchronized.reason === 'ErrImagePull' || synchronized.reason === 'ImagePullBackOff'))
    return synchronized.reason;
  if (phase === '' || phase === 'Pending' || phase === 'Scheduling' || phase === 'Scheduled') return 'Starting';
  return phase === 'WaitingForSync' ? 'WaitingForReceiver' : 'Unknown';
}
