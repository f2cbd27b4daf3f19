/**
 * What of `virt-steward wake` needs a cluster: finding a machine's address, waiting for it, listing.
 *
 * Owns: the order of the steps, the output and the exit code. Never: writes to the cluster; a packet is all that is sent.
 * Caveat: it takes the rights that the help names and no others, so it knows no flag of the manager: with --watch-namespaces
 * it shows machines as woken that this manager leaves alone. `virt-steward doctor` knows.
 */
import type { Clock, KubeClient } from '../../framework';
import { ClusterView } from '../../kubevirt/diagnosis/cluster-view';
import { runWake, type WakeDependencies } from '../sender/run-wake';
import type { ListRequest, MachineRequest } from '../sender/wake-request';
import { chooseMachine } from './choose-machine';
import { type WaitEnd, waitUntilRunning } from './wait-until-running';
import { listedWake, requirements, unwakeableTable, wakeTable } from './wake-list';
import { type WakeMapView, wakeMapView } from './wake-map-view';
import { unwakeableRows, wakeRows } from './wake-rows';

export interface ClusterWakeDependencies extends WakeDependencies {
  readonly client: KubeClient;
  readonly clock: Clock;
  /** Where the manager runs. */
  readonly operatorNamespace: string;
  readonly signal: AbortSignal;
  /** Takes one line that is not the result. */
  warn(line: string): void;
}

const EXIT_CODES: Readonly<Record<WaitEnd, number>> = { running: 0, refused: 1, gone: 1, timeout: 1, interrupted: 130 };

/** @returns exit code: 0 done, 1 nothing sent or it does not run, 130 interrupted. */
export async function runClusterWake(request: MachineRequest | ListRequest, dependencies: ClusterWakeDependencies): Promise<number> {
  const view = new ClusterView(dependencies.client);
  const { operatorNamespace, warn } = dependencies;
  const namespace = request.kind === 'list' ? request.namespace : 'name' in request.machine ? request.machine.namespace : undefined;
  const seen = await wakeMapView(view, { operatorNamespace, namespace });
  for (const lack of seen.lacks) warn(`warning: ${lack}`);
  return request.kind === 'list' ? list(request, seen, dependencies) : wakeMachine(request, seen, view, dependencies);
}

function list(request: ListRequest, { map, configs, lacks, isBlind }: WakeMapView, { print, warn }: ClusterWakeDependencies): number {
  const { config, namespace, unwakeable, output } = request;
  if (config !== undefined && !configs.has(config) && !isBlind) {
    warn(`error: there is no WolConfig ${config}; there are: ${[...configs.keys()].join(', ') || 'none'}`);
    return 1;
  }
  const isIn = (vm: string): boolean => namespace === undefined || vm.startsWith(`${namespace}/`);
  const missing = unwakeableRows(map).filter((row) => isIn(row.vm) && (config === undefined || row.config === config));
  const wakes = wakeRows(map)
    .filter((row) => isIn(row.vm) && (config === undefined || row.governing.some(({ name }) => name === config)))
    .map((row) => listedWake(row, configs));
  const rows = unwakeable ? missing : wakes;
  const cannotTell = isBlind && rows.length === 0;
  if (output === 'json') print(JSON.stringify({ items: rows, lacks }, undefined, 2));
  if (cannotTell) {
    warn('error: it cannot be told what a packet wakes; ask for the rights that the warnings name');
    return 1;
  }
  if (output === 'json') return 0;
  if (rows.length === 0) warn(unwakeable ? 'every virtual machine in scope is woken by some packet' : 'no packet wakes anything');
  else for (const line of unwakeable ? unwakeableTable(missing) : wakeTable(wakes)) print(line);
  return 0;
}

async function wakeMachine(
  request: MachineRequest,
  seen: WakeMapView,
  view: ClusterView,
  dependencies: ClusterWakeDependencies,
): Promise<number> {
  const { print, warn, clock, signal } = dependencies;
  const choice = chooseMachine(seen, request);
  const asked = 'mac' in request.machine ? request.machine.mac : `${request.machine.namespace}/${request.machine.name}`;
  if (choice.kind === 'none' && seen.isBlind) {
    warn(`error: it cannot be told what wakes ${asked}, so nothing was sent; ask for the rights that the warnings name`);
    return 1;
  }
  if (choice.kind === 'none') {
    warn(`error: ${choice.text}, so nothing was sent; "virt-steward doctor ${asked}" tells why`);
    return 1;
  }
  const { row, mac, ports } = choice;
  const [acting] = row.governing;
  print(`${row.vm}: ${mac}, port ${ports.join(', ')}, WolConfig ${row.governing.map(({ name }) => name).join(', ')}`);
  const needed = request.sending.password === undefined ? requirements(row, seen.configs) : [];
  for (const text of needed) warn(`note: the packet needs ${text}`);
  const sent = await runWake({ ...request.sending, mac, ports }, dependencies);
  if (sent !== 0 || request.waitMs === undefined) return sent;
  const [namespace = '', name = ''] = row.vm.split('/');
  const end = await waitUntilRunning({
    ...{ view, clock, signal, print, namespace, name, mac },
    configs: row.governing.flatMap((config) => seen.configs.get(config.name) ?? []),
    unpauses: acting?.unpause ?? false,
    timeoutMs: request.waitMs,
  });
  if (end === 'refused' || end === 'timeout') warn(`"virt-steward doctor ${row.vm}" tells why`);
  return EXIT_CODES[end];
}
