/**
 * Writes what a pass found out into the status of its Machine, if that says anything new.
 *
 * Owns: gathering what the status shows beside the findings, and leaving out what the served schema does not keep.
 * Never: asks a cluster for anything; Events come from its cache.
 */
import { type KubeClient, keyOf, timestampOf } from '../../framework';
import type { NetworkConfiguration } from '../kinds';
import { Machine } from '../kinds';
import { storeOf } from '../network/mac-reservations';
import { isOver, isTrue } from '../status/conditions';
import { type EventProblem, eventProblem } from '../status/event-problems';
import { type Findings, type SeenMachine, type StatusFields, statusFields } from '../status/machine-status';
import type { MachineSituation } from '../status/phase';
import { addressLists, instanceDisks } from '../status/runtime-details';
import type { SupervisorApi } from '../supervisor-api';
import { type RemoteEvent, RemoteEventKind, RemoteInstance } from '../virtual-machine/remote-objects';
import { EVENTS_OF_VM, EVENTS_OF_VMI, type MachinePass } from './machine-pass-context';
import { configurationOf } from './network-step';
import type { StatusContests } from './status-contests';

/** @param situation where the pass got to, whatever it found there. */
export async function reportPass(pass: MachinePass, api: SupervisorApi, situation: MachineSituation['kind']): Promise<void> {
  const { findings, profile, machine } = pass;
  const { vm } = findings;
  if (vm !== undefined) findings.vmi = storeOf(pass.cluster, RemoteInstance)?.get(keyOf(vm));
  if (vm !== undefined) stateRestart(pass);
  const problem = situation === 'known' ? problemOf(pass) : undefined;
  const gathered: Findings = {
    profile,
    situation,
    conditions: { RemoteUnreachable: isOver('RemoteUnreachable'), ...findings.conditions },
    failure: findings.failure,
    problem,
    seen: seenMachine(pass),
  };
  const now = timestampOf(pass.clock.now());
  const tell = (note: string): void => pass.event('warning', CONTESTED, note);
  const outcome = await writeMachineStatus(
    { client: pass.local, api, contests: pass.contests, tell },
    machine,
    statusFields(machine, gathered, now),
  );
  if (typeof outcome === 'number') findings.lookAgainMs = Math.min(outcome, findings.lookAgainMs ?? outcome);
  else if (outcome !== undefined && outcome.metadata?.resourceVersion !== machine.metadata?.resourceVersion) pass.shown();
}

export const CONTESTED = 'StatusContested';

export interface StatusWriter {
  readonly client: KubeClient;
  readonly api: SupervisorApi;
  readonly contests: StatusContests;
  /** Of a contest that has begun, on the Machine. */
  readonly tell: (note: string) => void;
}

/**
 * Applies fields that differ; nothing is sent when only the time would.
 *
 * @returns what was written; a number = for how many ms nothing may be, since somebody else keeps writing the same fields.
 */
export async function writeMachineStatus(
  { client, api, contests, tell }: StatusWriter,
  machine: Machine,
  fields: StatusFields,
): Promise<Machine | number | undefined> {
  const heldMs = contests.look(machine);
  await contests.tellNew(machine, client, tell);
  if (heldMs > 0) return heldMs;
  const kept = keptFields(fields, api);
  const observedGeneration = api.keeps('machines', 'status.observedGeneration') ? machine.metadata?.generation : undefined;
  const written = await client.applyStatus(Machine, machine, { fields: kept, observedGeneration });
  if (written !== undefined) contests.wrote(machine, written);
  return written;
}

/** Fields that are not stored would differ for ever. */
function keptFields(fields: StatusFields, api: SupervisorApi): Record<string, unknown> {
  const known = Object.entries(fields).filter(([name]) => api.keeps('machines', `status.${name}`));
  return Object.fromEntries(
    known.map(([name, value]) => [name, Array.isArray(value) ? value.map((item) => keptItem(item, `status.${name}`, api)) : value]),
  );
}

function keptItem(item: unknown, path: string, api: SupervisorApi): unknown {
  if (typeof item !== 'object' || item === null) return item;
  return Object.fromEntries(Object.entries(item).filter(([name]) => api.keeps('machines', `${path}.${name}`)));
}

function seenMachine(pass: MachinePass): SeenMachine | undefined {
  const { findings, key, profile, settings, machine } = pass;
  const { vm, vmi, size } = findings;
  if (vm === undefined) return undefined;
  const running = vmi?.status?.phase === 'Running' ? vmi : undefined;
  const configuration: NetworkConfiguration | 'absent' | undefined =
    settings.ipSource === 'networkconfiguration' ? (configurationOf(pass) ?? 'absent') : undefined;
  return {
    cluster: key,
    vm,
    vmi,
    size,
    addresses: addressLists({ vmi: running, profile, configuration }),
    disks: disksOf(running, machine, findings.disks),
  };
}

/** As the guest has them, once its node tells that. */
function disksOf(running: RemoteInstance | undefined, machine: Machine, disks: MachinePass['findings']['disks']): SeenMachine['disks'] {
  const told = running === undefined ? [] : instanceDisks(running);
  return told.length > 0 ? told : shownDisks(machine, disks);
}

/** Disks of a stopped machine stay as the guest showed them, unless there are others now. */
function shownDisks({ status }: Machine, disks: MachinePass['findings']['disks']): SeenMachine['disks'] {
  const shown = status?.disks ?? [];
  if (disks === undefined) return shown;
  return disks.map((disk) => {
    const before = shown.find(({ name, pvcName }) => name === disk.name && pvcName === disk.pvcName);
    return before === undefined ? disk : { ...before, ...disk };
  });
}

/** KubeVirt says that a change waits for the next start. */
function stateRestart({ findings, machine, event }: MachinePass): void {
  const condition = findings.vm?.status?.conditions?.find(({ type }) => type === 'RestartRequired');
  if (condition?.status !== 'True') {
    findings.set('RestartRequired', isOver('RestartRequired'));
    return;
  }
  const message = `${condition.message ?? 'a change needs a restart'}; restart the VM to apply`;
  const shown = machine.status?.conditions?.find(({ type }) => type === 'RestartRequired');
  if (shown?.status !== 'True') event('normal', 'RestartRequired', message);
  findings.set('RestartRequired', isTrue('RestartRequired', message));
}

function problemOf(pass: MachinePass): EventProblem | undefined {
  const { vm, vmi } = pass.findings;
  if (vm === undefined || vmi?.status?.phase === 'Running' || vm.status?.ready === true) return undefined;
  // A machine that its user has stopped has nothing to explain.
  if (vmi === undefined && ['Stopped', 'Stopping', 'Terminating', undefined].includes(vm.status?.printableStatus)) return undefined;
  return eventProblem(vm, vmi, eventsAbout(pass));
}

function eventsAbout({ cluster, findings }: MachinePass): readonly RemoteEvent[] {
  const { vm, vmi } = findings;
  const [{ select, index }, about] = vmi === undefined ? [EVENTS_OF_VM, vm] : [EVENTS_OF_VMI, vmi];
  return storeOf(cluster, RemoteEventKind, select)?.by(index, about?.metadata?.uid ?? '') ?? [];
}
