/**
 * The wake map of a cluster as its objects give it, by the manager's own code, for somebody who looks from outside.
 *
 * Owns: reading the objects and putting them into a map. Never: starts a machine; the targets of this map refuse to.
 * Caveats: machines of other clusters are known to managers only; a caller who may see one namespace sees no conflict with another one,
 * which `lacks` says.
 */
import { ConfigMap, keyOf } from '../../framework';
import type { CallOutcome } from '../../kubevirt/call-outcome';
import type { ClusterView } from '../../kubevirt/diagnosis/cluster-view';
import type { Reading } from '../../kubevirt/diagnosis/reading';
import { VirtualMachine } from '../../kubevirt/virtual-machine';
import { VirtualMachineInstance } from '../../kubevirt/virtual-machine-instance';
import { LEARNED_MAC_CONFIG_MAPS, LearnedMacs } from '../manager/learned-macs';
import { LocalWakeTargets } from '../manager/local-wake-targets';
import { WakeMap } from '../manager/wake-map';
import { WolConfig } from '../wol-config';

const CONFIGS = 'WolConfigs';
const MACHINES = 'virtual machines';

export interface WakeMapView {
  readonly map: WakeMap;
  readonly targets: LocalWakeTargets;
  /** As stored, by name. */
  readonly configs: ReadonlyMap<string, WolConfig>;
  /** What is missing in the picture, one line each; empty = it is what a manager sees of this cluster. */
  readonly lacks: readonly string[];
  /** WolConfigs or virtual machines were not to be seen at all: that the map is empty says nothing. */
  readonly isBlind: boolean;
}

export interface WakeMapViewOptions {
  /** Where the manager runs: learned addresses are kept there. */
  readonly operatorNamespace: string;
  /** What to fall back to when the caller may not list every namespace. */
  readonly namespace?: string | undefined;
  /** `--watch-namespaces` of the manager, where it is known. @default all */
  readonly watchNamespaces?: readonly string[];
}

export async function wakeMapView(
  view: ClusterView,
  { operatorNamespace, namespace, watchNamespaces = [] }: WakeMapViewOptions,
): Promise<WakeMapView> {
  const lacks: string[] = [];
  const unseen = new Set<string>();
  const noted = <T>(result: Reading<T[]>, what: string): T[] => {
    if (result.kind === 'read') return result.value;
    lacks.push(lackText(result, what));
    if (result.kind !== 'absent') unseen.add(what);
    return [];
  };
  const everywhere = async <T>(list: (scope?: string) => Promise<Reading<T[]>>, what: string): Promise<T[]> => {
    const all = await list();
    if (all.kind !== 'denied' || namespace === undefined) return noted(all, what);
    lacks.push(`${what} of other namespaces are not seen: you may not ${all.right}`);
    return noted(await list(namespace), what);
  };
  const [configs, vms, vmis] = await Promise.all([
    view.list(WolConfig),
    everywhere((scope) => view.list(VirtualMachine, { namespace: scope }), MACHINES),
    everywhere((scope) => view.list(VirtualMachineInstance, { namespace: scope }), 'instances'),
  ]);
  const objects = noted(configs, CONFIGS);
  const learned = new LearnedMacs();
  if (objects.some(({ spec }) => spec?.learnRuntimeMACs === true)) await restoreLearned(view, operatorNamespace, learned, lacks);
  const map = new WakeMap({ watchNamespaces, learnedMacsOf: ({ cluster, uid }) => (cluster === '' ? learned.macsOf(uid) : []) });
  const targets = new LocalWakeTargets({ start: refuse, unpause: refuse }, () => true);
  for (const vm of vms) targets.upsertVm(VirtualMachine.trim?.(vm) ?? vm);
  for (const vmi of vmis) targets.upsertVmi(vmi);
  map.attach(targets);
  for (const config of objects) map.upsertConfig(config);
  return {
    map,
    targets,
    configs: new Map(objects.map((config) => [keyOf(config), config])),
    lacks,
    isBlind: unseen.has(CONFIGS) || unseen.has(MACHINES),
  };
}

async function restoreLearned(view: ClusterView, namespace: string, learned: LearnedMacs, lacks: string[]): Promise<void> {
  for (const name of LEARNED_MAC_CONFIG_MAPS) {
    const stored = await view.get(ConfigMap, name, namespace);
    if (stored.kind === 'read') learned.restore(stored.value.data ?? {});
    else if (stored.kind !== 'absent') {
      lacks.push(lackText(stored, 'learned addresses'));
      return;
    }
  }
}

function lackText<T>(result: Exclude<Reading<T>, { kind: 'read' }>, what: string): string {
  if (result.kind === 'absent') return `the cluster serves no ${what}`;
  return result.kind === 'denied' ? `${what} are not seen: you may not ${result.right}` : `${what} cannot be read: ${result.text}`;
}

/** Whoever looks must not change anything. */
function refuse(): Promise<CallOutcome> {
  throw new TypeError('a view of the wake map starts nothing');
}
