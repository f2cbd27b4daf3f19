/**
 * What KubeVirt answers to PUT virtualmachineinstances/NAME/pause and /unpause.
 *
 * Owns: both tables, and the Paused condition that virt-handler would write. Never: talks to anything.
 * Invariant: the answer is 200 (not 202), and only a Running instance is touched.
 */
import { type Condition, conditionOf, phaseOf, type VirtualMachine, type VirtualMachineInstance } from '../objects';
import { type Answer, badRequest, conflict, type Decision, DONE, forbidden, notFound, type PatchWrite, refuse, write } from './answer';
import { parseRequestBody } from './request-body';

/** @param nowIso time of the new condition, RFC 3339. */
export function decidePause(name: string, vmi: VirtualMachineInstance | undefined, body: string, nowIso: string): Decision {
  const parsed = parseRequestBody(body);
  if (parsed.kind === 'malformed') return refuse(badRequest(parsed.why));
  if (vmi === undefined) return refuse(notFound('virtualmachineinstance', name));
  const refusal = pauseRefusal(vmi);
  if (refusal !== undefined) return refuse(refusal);
  if (parsed.options.dryRun) return refuse(DONE);
  return write(DONE, setConditions(vmi, [...(vmi.status?.conditions ?? []), pausedCondition(nowIso)]));
}

function pauseRefusal(vmi: VirtualMachineInstance): Answer | undefined {
  const { name } = vmi.metadata;
  if (phaseOf(vmi) !== 'Running') return conflict('virtualmachineinstance', name, 'VM is not running');
  if (vmi.spec.livenessProbe !== undefined) {
    return forbidden('virtualmachineinstance', name, 'Pausing VMIs with LivenessProbe is currently not supported');
  }
  if (conditionOf(vmi, 'Paused') !== undefined) return conflict('virtualmachineinstance', name, 'VMI is already paused');
  const migration = vmi.status?.migrationState;
  if (migration !== undefined && migration.completed !== true) {
    return conflict('virtualmachineinstance', name, `Cannot pause VM '${name}' because it is currently being migrated`);
  }
  return undefined;
}

/** @param vm the VM of the same name, if there is one: a snapshot of it in progress forbids the change. */
export function decideUnpause(
  name: string,
  vm: VirtualMachine | undefined,
  vmi: VirtualMachineInstance | undefined,
  body: string,
): Decision {
  if (vm?.status?.snapshotInProgress !== undefined) return refuse(conflict('virtualmachine', name, 'VM snapshot is in progress'));
  const parsed = parseRequestBody(body);
  if (parsed.kind === 'malformed') return refuse(badRequest(parsed.why));
  if (vmi === undefined) return refuse(notFound('virtualmachineinstance', name));
  if (phaseOf(vmi) !== 'Running') return refuse(conflict('virtualmachineinstance', name, 'VMI is not running'));
  if (conditionOf(vmi, 'Paused') === undefined) return refuse(conflict('virtualmachineinstance', name, 'VMI is not paused'));
  if (parsed.options.dryRun) return refuse(DONE);
  const others = (vmi.status?.conditions ?? []).filter((condition) => condition.type !== 'Paused');
  return write(DONE, setConditions(vmi, others));
}

/** The condition an instance carries while its guest stands still. */
export function pausedCondition(nowIso: string): Condition {
  return {
    type: 'Paused',
    status: 'True',
    reason: 'PausedByUser',
    message: 'VMI was paused by user',
    lastTransitionTime: nowIso,
    lastProbeTime: nowIso,
  };
}

function setConditions(vmi: VirtualMachineInstance, conditions: readonly Condition[]): PatchWrite {
  return {
    resource: 'virtualmachineinstances',
    operations: [
      { op: 'test', path: '/status/conditions', value: vmi.status?.conditions ?? null },
      { op: 'add', path: '/status/conditions', value: conditions },
    ],
    dryRun: false,
  };
}
