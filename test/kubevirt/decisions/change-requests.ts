/**
 * Patches that virt-api writes to a VirtualMachine.
 *
 * Owns: the change request queue in the status, and the switch between on and off in the spec.
 * Never: decides whether the change is allowed.
 * Invariant: every patch tests the old value first, so that of two writers one loses; only a VM without any status gets it whole.
 */
import type { StateChangeRequest, VirtualMachine } from '../objects';
import type { PatchOperation, PatchWrite } from './answer';

const QUEUE = '/status/stateChangeRequests';

/** @returns `undefined` when requests are queued that these may not replace. Only a lone Stop replaces what is queued. */
export function queueRequests(vm: VirtualMachine, requests: readonly StateChangeRequest[], dryRun: boolean): PatchWrite | undefined {
  const queued = vm.status?.stateChangeRequests ?? [];
  const isLoneStop = requests.length === 1 && requests[0]?.action === 'Stop';
  const operations: PatchOperation[] = [];
  if (isEmptyStatus(vm)) {
    operations.push({ op: 'add', path: '/status', value: { stateChangeRequests: requests } });
  } else {
    if (queued.length > 0 && !isLoneStop) return undefined;
    operations.push({ op: 'test', path: QUEUE, value: vm.status?.stateChangeRequests ?? null });
    operations.push({ op: queued.length > 0 ? 'replace' : 'add', path: QUEUE, value: requests });
  }
  if (vm.status?.startFailure !== undefined) operations.push({ op: 'remove', path: '/status/startFailure' });
  return { resource: 'virtualmachines', subresource: 'status', operations, dryRun };
}

/** Switches the VM on or off in the field it uses: runStrategy if it has one, else running. */
export function switchRunning(vm: VirtualMachine, on: boolean, dryRun: boolean): PatchWrite {
  const [path, old, value] =
    vm.spec.runStrategy === undefined
      ? (['/spec/running', vm.spec.running, on] as const)
      : (['/spec/runStrategy', vm.spec.runStrategy, on ? 'Always' : 'Halted'] as const);
  const operations: PatchOperation[] = [
    { op: 'test', path, value: old ?? null },
    { op: old === undefined ? 'add' : 'replace', path, value },
  ];
  return { resource: 'virtualmachines', operations, dryRun };
}

/** A status whose fields all have their zero value counts as none, as it does for a Go struct. */
function isEmptyStatus(vm: VirtualMachine): boolean {
  return Object.values(vm.status ?? {}).every(isZero);
}

function isZero(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false || value === 0) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
