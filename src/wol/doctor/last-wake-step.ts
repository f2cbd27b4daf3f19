/** What the cluster remembers of the last wake of a machine, when that was no success. */
import { defineKind, type KubernetesObject } from '../../framework';
import type { ClusterView } from '../../kubevirt/diagnosis/cluster-view';
import { type Finding, warn } from '../../kubevirt/diagnosis/finding';
import { valueOr } from '../../kubevirt/diagnosis/reading';
import { decisionNow, type WakeRow } from '../view/wake-rows';
import type { DoctorContext } from './context';

interface Event extends KubernetesObject {
  reason?: string;
  message?: string;
  lastTimestamp?: string | null;
  eventTime?: string | null;
}
const Event = defineKind<Event>('v1', 'Event', 'events', { scope: 'Namespaced', status: false });

const NO_SUCCESS: ReadonlySet<string> = new Set(['Refused', 'Failed', 'Skipped']);
const REASONS: ReadonlySet<string> = new Set(['WakeRefused', 'WakeFailed', 'WakeSkipped']);
/** Where the API server keeps Events about objects without a namespace. */
const CLUSTER_EVENTS = 'default';

export async function lastWakeFindings({ view, seen }: DoctorContext, row: WakeRow): Promise<Finding[]> {
  const { governing, vm, target } = row;
  // It runs, so whatever went wrong then is over.
  if (decisionNow(row).kind === 'already-running') return [];
  const findings = await Promise.all(
    governing.map(async ({ name }) => {
      const last = seen.configs.get(name)?.status?.lastWake;
      if (last === undefined || last.vm !== vm || !NO_SUCCESS.has(last.result)) return [];
      const why = await reasonOf(view, vm, name, target?.namespace);
      const found = `the last wake of ${vm} that WolConfig ${name} tells of, at ${last.time}, was ${last.result.toLowerCase()}${why === undefined ? '' : `: ${why}`}`;
      return [warn('last-wake', found, why === undefined ? `kubectl describe wolcfg ${name}; kubectl describe vm` : undefined)];
    }),
  );
  return findings.flat();
}

/** The newest Event about it, on the config or on the machine; `undefined` when the caller may not see any. */
async function reasonOf(view: ClusterView, vm: string, config: string, namespace: string | undefined): Promise<string | undefined> {
  const about = (kind: string, name: string): string => `involvedObject.kind=${kind},involvedObject.name=${name}`;
  const lists = await Promise.all([
    view.list(Event, { namespace: CLUSTER_EVENTS, fields: about('WolConfig', config) }),
    view.list(Event, { namespace: namespace ?? CLUSTER_EVENTS, fields: about('VirtualMachine', vm.slice(vm.indexOf('/') + 1)) }),
  ]);
  const events = lists
    .flatMap((list) => valueOr(list, []))
    .filter(({ reason, message }) => REASONS.has(reason ?? '') && message?.includes(vm));
  const [newest] = events.sort((a, b) => (timeOf(a) < timeOf(b) ? 1 : -1));
  return newest?.message;
}

function timeOf({ lastTimestamp, eventTime, metadata }: Event): string {
  return lastTimestamp ?? eventTime ?? metadata?.creationTimestamp ?? '';
}
