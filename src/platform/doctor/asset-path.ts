/**
 * Why an asset is applied or not, step by step.
 *
 * Expected flow: module -> decision (what the manager's own code makes of the cluster now) -> manager (what it has written) -> told (Events).
 * Guarantees: nothing is written; a step that the caller may not look at is a `warn` that names the right.
 */
import { defineKind, type KubernetesObject } from '../../framework';
import type { ClusterView } from '../../kubevirt/diagnosis/cluster-view';
import { type Finding, fail, ok, unchecked, warn } from '../../kubevirt/diagnosis/finding';
import { rowFinding, type ToldRow } from './row-findings';
import { STATE_TEXT, writtenState } from './written-state';

interface ToldEvent extends KubernetesObject {
  type?: string;
  reason?: string;
  note?: string;
  action?: string;
  reportingController?: string;
  eventTime?: string;
}
const Event = defineKind<ToldEvent>('events.k8s.io/v1', 'Event', 'events', { scope: 'Namespaced', status: false });
const CONTROLLER = 'virt-steward';
/** Events that are told, newest first. */
const TOLD = 3;

export interface AssetPathParts {
  readonly view: ClusterView;
  /** Where the manager runs. */
  readonly namespace: string;
  /** What the manager's code decides now, for every key of the asset. @throws {Error} why that cannot be found out. */
  decide(): Promise<readonly ToldRow[]>;
}

export async function assetPath(name: string, { view, namespace, decide }: AssetPathParts): Promise<Finding[]> {
  const isOf = (key: string): boolean => key === name || key.startsWith(`${name}[`);
  const state = await writtenState(view, namespace);
  const decided = await decisions(name, decide);
  if (state.kind !== 'read') {
    const remedy = 'is a manager with the module platform running? kubectl get pods -A, and its log';
    const module =
      state.kind === 'absent'
        ? fail('module', `no manager has written ${STATE_TEXT} in ${namespace} yet`, remedy)
        : unchecked('module', STATE_TEXT, state);
    return [...decided, module];
  }
  const rows = state.value.rows.filter(({ key }) => isOf(key));
  const written = rows.map((row) => rowFinding('manager', row));
  const none = warn('manager', `the manager has written no row for ${name}`, 'wait 5 s and ask again; is it of this version?');
  const events = await eventFindings(view, [name, ...rows.map(({ key }) => key)]);
  return [...decided, ...(written.length > 0 ? written : [none]), ...events];
}

async function decisions(name: string, decide: AssetPathParts['decide']): Promise<Finding[]> {
  try {
    const rows = await decide();
    if (rows.length === 0) return [warn('decision', `${name} makes no object: its list is empty`, 'docs/platform/assets.md')];
    return rows.map((row) => rowFinding('decision', row));
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return [fail('decision', text, 'docs/platform.md says what the module needs')];
  }
}

/** Warnings of the manager about these keys; an Event bears its key in its action. */
async function eventFindings(view: ClusterView, keys: readonly string[]): Promise<Finding[]> {
  const events = await view.list(Event);
  if (events.kind === 'absent') return [];
  if (events.kind !== 'read') return [unchecked('told', 'Events', events)];
  const about = events.value
    .filter(({ type, reportingController }) => type === 'Warning' && reportingController === CONTROLLER)
    .filter(({ action = '' }) => keys.some((key) => action.endsWith(` ${key}`)))
    .sort((a, b) => ((a.eventTime ?? '') < (b.eventTime ?? '') ? 1 : -1))
    .slice(0, TOLD);
  if (about.length === 0) return [ok('told', 'no warning Event of the manager is about it')];
  return about.map(({ reason, note, eventTime = '' }) => warn('told', `${eventTime.slice(0, 19)} ${reason}: ${note}`));
}
