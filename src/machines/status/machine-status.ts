/**
 * The whole status of a Machine, from what one pass found out.
 *
 * Owns: which fields follow from which finding, and `Ready`. Never: reads or writes anything.
 * Invariant: a Machine that has recovered shows what one that never failed shows, but for times of transition.
 */
import type { MachineStatus } from '../../api/vitistack/v1alpha1';
import type { Machine } from '../kinds';
import type { ApiProfile } from '../profile';
import { bytesOf } from '../virtual-machine/quantity';
import type { RemoteInstance, RemoteVirtualMachine } from '../virtual-machine/remote-objects';
import type { Size } from '../virtual-machine/size';
import { type ConditionFinding, type ConditionFindings, firstFailing, isFalse, isTrue, mergedConditions } from './conditions';
import type { EventProblem } from './event-problems';
import type { Failure } from './failures';
import { factsOf, isRunning, type MachineSituation, phaseOf } from './phase';
import { type AddressLists, type DiskStatus, guestDetails, interfaceStatuses, interfacesDown, NO_ADDRESSES } from './runtime-details';

/** What is known of a virtual machine that was looked at in this pass. */
export interface SeenMachine {
  readonly cluster: string;
  readonly vm: RemoteVirtualMachine;
  readonly vmi: RemoteInstance | undefined;
  readonly addresses: AddressLists;
  readonly disks: readonly DiskStatus[];
  readonly size: Size | undefined;
}

export interface Findings {
  readonly profile: ApiProfile;
  readonly situation: MachineSituation['kind'];
  readonly conditions: ConditionFindings;
  readonly failure: Failure | undefined;
  /** Why it does not start, as far as Events tell. */
  readonly problem: EventProblem | undefined;
  readonly seen: SeenMachine | undefined;
}

/** Fields of the status to set; `undefined` takes one away, absent ones stay. */
export type StatusFields = { readonly [K in keyof MachineStatus]?: MachineStatus[K] | undefined };

/** @param now RFC 3339. */
export function statusFields({ status = {}, metadata = {} }: Machine, findings: Findings, now: string): StatusFields {
  const { seen, failure, problem } = findings;
  const phases = phasesOf(status, findings);
  const stated: ConditionFindings = { ...findings.conditions, ...(failure === undefined ? {} : { [failure.condition]: failure.finding }) };
  const ready = readiness(stated, findings, phases);
  const conditions = { ...stated, Ready: ready };
  const failed = failure ?? told(problem);
  return {
    ...phases,
    ...(seen === undefined ? unseenFields(status, findings) : seenFields(status, seen, findings.profile)),
    failureReason: failed?.failureReason,
    failureMessage: failed?.failureMessage,
    message: firstFailing(conditions)?.finding.message ?? (ready.status === 'True' ? '' : ready.message),
    conditions: mergedConditions(status.conditions ?? [], conditions, { now, generation: metadata.generation }),
    lastUpdated: now,
  };
}

function told(problem: EventProblem | undefined): { failureReason: string; failureMessage: string } | undefined {
  return problem && { failureReason: problem.reason, failureMessage: problem.text };
}

function phasesOf(status: MachineStatus, { profile, situation, failure, seen }: Findings): { phase: string; state: string } {
  const facts = seen && factsOf(seen.vm, seen.vmi);
  const isFailed = failure?.fatal === true && situation !== 'deleting' && situation !== 'unreachable' && !isRunning(facts);
  const kind = isFailed ? 'failed' : situation;
  const shown = { phase: status.phase ?? 'Pending', state: status.state ?? 'Pending' };
  if (kind === 'unreachable' && isUnbuilt(status)) return phaseOf({ kind: 'creating' }, profile) ?? shown;
  if (kind === 'known') return facts === undefined ? shown : (phaseOf({ kind, facts }, profile) ?? shown);
  return phaseOf({ kind }, profile) ?? shown;
}

/** It was placed on a cluster that nobody could ask since; what it showed before it was placed is over. */
function isUnbuilt({ virtualMachineRef, phase, kubevirtConfigRef }: MachineStatus): boolean {
  return virtualMachineRef === undefined && kubevirtConfigRef !== undefined && (phase === undefined || UNBUILT.has(phase));
}

const UNBUILT: ReadonlySet<string> = new Set(['Pending', 'Creating', 'Failed']);

function readiness(
  stated: ConditionFindings,
  { situation, problem }: Findings,
  { phase, state }: { phase: string; state: string },
): ConditionFinding {
  if (situation === 'unreachable') {
    return { status: 'Unknown', reason: 'RemoteUnreachable', message: stated.RemoteUnreachable?.message ?? '' };
  }
  if (situation === 'known' && phase === 'Running') return isTrue('Running');
  const failing = firstFailing(stated);
  if (failing !== undefined) return isFalse(failing.finding.reason, failing.finding.message);
  if (problem !== undefined) return isFalse(problem.reason, problem.text);
  return isFalse('NotRunning', `the virtual machine is ${state}`);
}

/** A virtual machine that is gone has no addresses; one that nobody can ask keeps what it had. */
function unseenFields({ networkInterfaces, ipAddresses }: MachineStatus, { situation }: Findings): StatusFields {
  if (situation !== 'creating' || ipAddresses === undefined) return {};
  return { ...NO_ADDRESSES, networkInterfaces: interfacesDown(networkInterfaces ?? []) };
}

function seenFields(status: MachineStatus, { cluster, vm, vmi, addresses, disks, size }: SeenMachine, profile: ApiProfile): StatusFields {
  const { namespace = '', name = '', uid, creationTimestamp } = vm.metadata ?? {};
  const isUp = vmi?.status?.phase === 'Running';
  const architecture = vmi?.spec?.architecture ?? vm.spec?.template?.spec?.architecture;
  return {
    virtualMachineRef: { namespace, name, ...(uid === undefined ? {} : { uid }) },
    provider: 'kubevirt',
    providerID: providerId(cluster, namespace, name),
    machineID: uid,
    creationTime: creationTimestamp,
    ...addresses,
    networkInterfaces: isUp ? interfaceStatuses(vmi, profile) : interfacesDown(status.networkInterfaces ?? []),
    disks: [...disks],
    ...(architecture === undefined ? {} : { architecture }),
    ...(size === undefined ? {} : { cpus: size.cores * size.sockets * size.threads, memory: bytesOf(size.memory) }),
    ...(isUp ? guestDetails(vmi) : {}),
  };
}

/** Where a virtual machine is, in one text; also the record of the placement where the status keeps no other. */
export function providerId(cluster: string, namespace: string, vm: string): string {
  return `kubevirt://${cluster}/${namespace}/${vm}`;
}
