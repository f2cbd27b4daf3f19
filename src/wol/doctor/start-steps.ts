/** The last steps: what the machine's state allows, whether the manager may ask for it, and whether KubeVirt answers. */

import { type Finding, fail, ok, unchecked, warn } from '../../kubevirt/diagnosis/finding';
import { decideWake, type WakeDecision } from '../../kubevirt/wake-decision';
import type { WakeReason } from '../../kubevirt/wake-reason';
import { currentStateOf, MISSING } from '../../kubevirt/wake-state';
import type { WakeRow } from '../view/wake-rows';
import type { DoctorContext } from './context';
import { callsServed } from './kubevirt-checks';
import { acceptingOf } from './policy-steps';
import { managerUser } from './rights-checks';

const REMEDIES: Readonly<Partial<Record<WakeReason, string>>> = {
  VMMissing: 'create the virtual machine, or correct the mapping',
  Terminating: 'wait until it is gone',
  NotStartable: 'set spec.runStrategy to Manual, and not spec.running as well',
  SkippedByPolicy: 'set spec.runStrategy of the machine to Manual, or spec.startPolicy of the WolConfig to Start',
  ManualRecoveryRequired: 'its owner has to recover it: kubectl describe vm',
  RerunByKubeVirt: 'wait for KubeVirt',
  AlwaysFailing: 'kubectl describe vm shows what keeps it from starting',
};

export async function startSteps(context: DoctorContext, row: WakeRow, source: string | undefined): Promise<Finding[]> {
  const [acting] = acceptingOf(row.governing, source);
  if (acting === undefined) return [];
  const decision = decideWake(row.target?.state() ?? MISSING, acting);
  const findings = [stateFinding(row, decision)];
  if (decision.kind === 'refuse' || decision.kind === 'already-running') return findings;
  return [...findings, await rightFinding(context, row, decision), await callsServed(context.view)];
}

function stateFinding({ vm, target }: WakeRow, decision: WakeDecision): Finding {
  const state = target?.state() ?? MISSING;
  const now = `${vm} is ${currentStateOf(state)}${state.vm === undefined ? '' : `, run strategy ${state.vm.strategy}`}`;
  const row = `(row ${decision.row} of docs/reference/waking.md)`;
  switch (decision.kind) {
    case 'refuse':
      return fail(
        'state',
        `${decision.reason}: ${decision.text}; ${now} ${row}`,
        REMEDIES[decision.reason] ?? 'see docs/reference/waking.md',
      );
    case 'already-running':
      return ok('state', `${now}: a packet does nothing, ${decision.text} ${row}`);
    case 'start':
      return state.vm?.strategy === 'Halted'
        ? warn('state', `${now}: a packet starts it, and KubeVirt then keeps it on (Always) ${row}`, 'run strategy Manual stays what it is')
        : ok('state', `${now}: a packet starts it ${row}`);
    default:
      return ok('state', `${now}: a packet is accepted, ${decision.text} ${row}`);
  }
}

async function rightFinding(context: DoctorContext, { target }: WakeRow, decision: WakeDecision): Promise<Finding> {
  const user = await managerUser(context);
  const resource = decision.kind === 'unpause' ? 'virtualmachineinstances/unpause' : 'virtualmachines/start';
  const question = { verb: 'update', group: 'subresources.kubevirt.io', resource, namespace: target?.namespace };
  const answer = await context.view.isAllowed(user, question);
  if (answer.kind !== 'read') return unchecked('right', `rights of ${user}`, answer);
  const right = `update ${resource}.subresources.kubevirt.io in ${target?.namespace}`;
  return answer.value
    ? ok('right', `${user} may ${right}`)
    : fail('right', `Forbidden: ${user} may not ${right}`, 'virt-steward rbac | kubectl apply -f -; another account: --service-account');
}
