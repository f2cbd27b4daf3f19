/**
 * Every step from a packet to a start, for one machine or address.
 *
 * Expected flow: address -> config -> port -> owner -> agents -> manager -> source -> password -> state -> right -> kubevirt.
 * Guarantees: steps come in this order, so the first that fails is the first that a packet fails at; a step that rests on a failed one
 * is left out. What became of the last wake comes after them. What a step decides is decided by the manager's own code.
 */

import { type Finding, fail, ok, warn } from '../../kubevirt/diagnosis/finding';
import { isUsableMac } from '../../kubevirt/mac-address';
import type { WakeTarget } from '../../kubevirt/wake-target';
import type { WakeMap } from '../manager/wake-map';
import { unwakeableRows, type WakeRow, wakeRows } from '../view/wake-rows';
import { hearing } from './agent-checks';
import { agentsArePlain, connectionChecks } from './connection-checks';
import type { DoctorContext } from './context';
import type { DoctorOptions } from './doctor-options';
import { lastWakeFindings } from './last-wake-step';
import { passwordFinding, sourceFindings } from './policy-steps';
import { tokenReviewFindings } from './rights-checks';
import { startSteps } from './start-steps';
import { whyNotClaimed, whyNotWatched } from './why-not-claimed';

/** What senders take when nobody says a port. */
const USUAL_PORT = 9;

export type PathOptions = Pick<DoctorOptions, 'port' | 'source'> & { readonly subject: NonNullable<DoctorOptions['subject']> };

export async function wakePath(context: DoctorContext, options: PathOptions): Promise<Finding[]> {
  const lacks = context.seen.lacks.map((lack) => warn('map', lack, 'what follows from it is not checked; ask for the right'));
  const { row, findings } = 'mac' in options.subject ? byMac(context, options.subject.mac, options.port) : byName(context, options);
  if (row === undefined) return [...lacks, ...findings];
  const { governing } = row;
  const path = [...lacks, ...findings, ...(await hearing(context, governing)), ...(await managerFindings(context))];
  path.push(...sourceFindings(context, row, options.source), ...(await passwordFinding(context, row)));
  return [...path, ...(await startSteps(context, row, options.source)), ...(await lastWakeFindings(context, row))];
}

interface Found {
  readonly row: WakeRow | undefined;
  readonly findings: Finding[];
}

function byMac({ seen: { map, targets } }: DoctorContext, mac: string, port: number | undefined): Found {
  if (!isUsableMac(mac))
    return failed(
      fail('address', `${mac} can belong to no machine: all zeros, broadcast or multicast`, 'give the machine another address'),
    );
  const declaring = [...targets.targets()].filter(({ macs }) => macs.includes(mac));
  const rows = wakeRows(map).filter((row) => row.mac === mac);
  const row = rows.find(({ channels }) => channels.includes(port ?? USUAL_PORT)) ?? (port === undefined ? rows[0] : undefined);
  if (row !== undefined) {
    const unwatched = row.target === undefined ? whyNotWatched(map, row.vm, row.vm.split('/')[0] ?? '') : undefined;
    const address = ok('address', `${mac} is a usable address`);
    return unwatched === undefined
      ? { row, findings: [address, ...ownerFindings(row, port)] }
      : { row: undefined, findings: [address, unwatched] };
  }
  const usable = ok(
    'address',
    `${mac} is a usable address${declaring.length === 0 ? '' : `, declared by ${declaring.map(keyText).join(', ')}`}`,
  );
  if (rows.length > 0) return { row: undefined, findings: [usable, otherPort(mac, port ?? USUAL_PORT, rows)] };
  if (declaring.length === 0) {
    const remedy =
      'declare it in spec.template.spec.domain.devices.interfaces[].macAddress, map it by mode Explicit, or set learnRuntimeMACs';
    return failed(fail('address', `no virtual machine declares ${mac}, and no WolConfig maps it`, remedy));
  }
  return { row: undefined, findings: [usable, ...declaring.map((target) => whyNotClaimed(map, target))] };
}

function byName({ seen }: DoctorContext, { subject, port }: PathOptions): Found {
  const key = 'name' in subject ? `${subject.namespace}/${subject.name}` : '';
  const { map, targets } = seen;
  const target = [...targets.targets()].find((known) => keyText(known) === key);
  const all = wakeRows(map).filter(({ vm }) => vm === key);
  const rows = target === undefined ? [] : all;
  if (target === undefined) {
    const mapping = all[0]?.governing.map(({ name }) => name).join(', ');
    const why = mapping === undefined ? '' : `, though WolConfig ${mapping} maps an address to it`;
    return failed(
      fail('machine', `VirtualMachine ${key} is not there, or not seen${why}`, 'kubectl get vm -A; the form is NAMESPACE/NAME'),
    );
  }
  const unwatched = whyNotWatched(map, key, target.scope.namespace);
  if (unwatched !== undefined) return failed(unwatched);
  const row = rows.find(({ channels }) => port === undefined || channels.includes(port));
  if (row !== undefined) {
    const addresses = rows.map(({ mac, channels }) => `${mac} on ${channels.join(', ')}`).join('; ');
    return { row, findings: [ok('machine', `VirtualMachine ${key} is woken by ${addresses}`), ...ownerFindings(row, port)] };
  }
  const machine = ok('machine', `VirtualMachine ${key} declares ${target.macs.join(', ') || 'no usable MAC address'}`);
  if (rows.length > 0) return { row: undefined, findings: [machine, otherPort(key, port ?? USUAL_PORT, rows)] };
  return { row: undefined, findings: [machine, notWoken(map, target)] };
}

/** It is in the scope of a config and yet nothing wakes it, or in no scope at all. */
function notWoken(map: WakeMap, target: WakeTarget): Finding {
  const key = keyText(target);
  const claim = unwakeableRows(map).find(({ vm }) => vm === key);
  if (claim === undefined) return whyNotClaimed(map, target);
  const found = `WolConfig ${claim.config} covers ${key}, but no packet wakes it: ${claim.why}`;
  return target.macs.length === 0
    ? fail(
        'address',
        found,
        'declare spec.template.spec.domain.devices.interfaces[].macAddress, map an address by mode Explicit, or set learnRuntimeMACs',
      )
    : fail('owner', found, 'take the address from the other machine, or map it to this one by mode Explicit');
}

function ownerFindings(row: WakeRow, port: number | undefined): Finding[] {
  const { mac, vm, governing, precedence, source, losers, channels } = row;
  const configs = governing.map(({ name }) => name).join(', ');
  const where = port === undefined ? `port ${channels.join(', ')}` : `port ${port}`;
  const config = ok('config', `WolConfig ${configs} (${precedence}) covers ${vm}, address ${mac} ${source}`);
  const isUsual = port !== undefined || channels.includes(USUAL_PORT);
  const listening = isUsual
    ? ok('port', `WolConfig ${configs} listens on ${where}`)
    : warn('port', `WolConfig ${configs} listens on ${where}, not on ${USUAL_PORT}, which most senders use`, 'send to that port');
  const lost =
    losers.length === 0
      ? []
      : [warn('owner', `${losers.join(', ')} claim ${mac} as well and have lost it`, 'take the address from all but one')];
  return [config, listening, ...lost, ...(lost.length === 0 ? [ok('owner', `nobody else claims ${mac}`)] : [])];
}

function otherPort(what: string, port: number, rows: readonly WakeRow[]): Finding {
  const known = rows.map(({ channels, governing }) => `${channels.join(', ')} (WolConfig ${governing.map(({ name }) => name).join(', ')})`);
  const remedy = `send to that port, or add ${port} to spec.wolPorts of the WolConfig`;
  return fail('port', `no WolConfig that covers ${what} listens on port ${port}; packets for it are heard on ${known.join('; ')}`, remedy);
}

/** Only what keeps reports from arriving; details are in `virt-steward doctor`. */
async function managerFindings(context: DoctorContext): Promise<Finding[]> {
  const reviews = (await agentsArePlain(context)) ? [] : await tokenReviewFindings(context);
  const problems = [...(await connectionChecks(context)).filter(({ outcome }) => outcome === 'fail'), ...reviews];
  return problems.length > 0 ? problems : [ok('manager', 'nothing is seen that would keep agents from reaching a manager')];
}

function failed(finding: Finding): Found {
  return { row: undefined, findings: [finding] };
}

function keyText({ cluster, namespace, name }: WakeTarget): string {
  return cluster === '' ? `${namespace}/${name}` : `${cluster}:${namespace}/${name}`;
}
