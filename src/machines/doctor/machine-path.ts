/**
 * Every step from a Machine to its virtual machine, and the first that fails.
 *
 * Expected flow: definition -> machine -> provider -> placement -> cluster -> secret -> the conditions of the Machine in their order -> failure.
 * Guarantees: reads the supervisor only, with the rights of the caller; what the cluster of the Machine says is told by its status.
 */
import type { ClusterView } from '../../kubevirt/diagnosis/cluster-view';
import { type Finding, fail, ok, unchecked, warn } from '../../kubevirt/diagnosis/finding';
import { type ConfigName, clusterKey, parseReference } from '../clusters/cluster-key';
import { CONFIG_ANNOTATION } from '../keys';
import { KubevirtConfig, Machine } from '../kinds';
import { isOurs } from '../profile';
import type { MachinesSettings } from '../settings';
import { CONDITION_TYPES, type ConditionType, isFailing } from '../status/conditions';
import { clusterFindings, secretFindings } from './config-findings';
import { knownApi } from './definition-findings';

export interface MachinePathParts {
  readonly view: ClusterView;
  readonly settings: MachinesSettings;
  readonly nowMs: number;
}

const CHECKS: Readonly<Record<ConditionType, string>> = {
  SpecValid: 'spec',
  Placed: 'placement',
  RemoteUnreachable: 'reach',
  NetworkReady: 'network',
  StorageReady: 'disks',
  InfrastructureReady: 'vm',
  SpecInSync: 'changes',
  PlacementImmutable: 'placement',
  RestartRequired: 'changes',
  Deleting: 'deletion',
  Ready: 'ready',
};
const REMEDIES: Readonly<Partial<Record<ConditionType, string>>> = {
  SpecValid: 'correct the field that the message names',
  Placed: 'kubectl annotate machine NAME vitistack.io/kubevirt-config=CONFIG, or spec.kubevirtConfigRef',
  RemoteUnreachable: 'see "cluster"; it goes on by itself',
  NetworkReady: 'kubectl describe networkconfiguration of the same name',
  StorageReady: 'look at the storage classes and claims of that cluster',
  InfrastructureReady: 'docs/machines.md#objects-that-exist-already',
  SpecInSync: 'undo that change, or make a new Machine',
  PlacementImmutable: 'restore the old value, or make a new Machine: none is ever moved',
  RestartRequired: 'restart the virtual machine when it suits its user',
  Deleting: 'wait; docs/machines.md tells how remote objects are given up',
  Ready: 'start the virtual machine, or see the steps before',
};
/** What somebody may want so, or what passes by itself. */
const MILD: ReadonlySet<ConditionType> = new Set(['Ready', 'RestartRequired', 'Deleting', 'PlacementImmutable', 'SpecInSync']);

export async function machinePath(namespace: string, name: string, parts: MachinePathParts): Promise<Finding[]> {
  const { view, settings } = parts;
  const { api, finding } = await knownApi(view, settings);
  if (finding.outcome === 'fail') return [finding];
  const found = await view.get(Machine, name, namespace);
  if (found.kind === 'absent') {
    const remedy = 'kubectl get machines -A; the form is machine/NAMESPACE/NAME';
    return [finding, fail('machine', `Machine ${namespace}/${name} does not exist`, remedy)];
  }
  if (found.kind !== 'read') return [finding, unchecked('machine', `Machine ${namespace}/${name}`, found)];
  const machine = found.value;
  const { providerConfig, provider } = machine.spec ?? {};
  if (!isOurs(machine, api.profile)) {
    const text = `Machine ${namespace}/${name} is of the provider ${providerConfig?.name || provider}, so that virt-steward leaves it alone`;
    return [finding, fail('provider', text, 'leave spec.provider empty, or set it to kubevirt')];
  }
  const head = [finding, ok('machine', `Machine ${namespace}/${name} is ${machine.status?.phase || 'new'}, and of virt-steward`)];
  if ((machine.status?.conditions ?? []).length === 0) {
    const remedy = 'is a manager with the module machines running? kubectl get pods -A, and its log';
    return [...head, fail('machine', `no manager has looked at Machine ${namespace}/${name} yet`, remedy)];
  }
  return [...head, ...(await placementFindings(machine, parts, api)), ...conditionFindings(machine), ...failureFindings(machine)];
}

async function placementFindings(
  machine: Machine,
  parts: MachinePathParts,
  api: Awaited<ReturnType<typeof knownApi>>['api'],
): Promise<Finding[]> {
  const { name, namespace } = meantConfig(machine, api.home);
  // The condition says why not.
  if (name === '') return [];
  const key = clusterKey({ namespace, name }, api.home);
  const { name: recorded = '', rule = 'Recorded' } = machine.status?.kubevirtConfigRef ?? {};
  const placed =
    recorded === ''
      ? warn('placement', `it names ${key}, and is not placed yet`)
      : ok('placement', `it is placed on ${key}, by the rule ${rule}`);
  const config = await parts.view.get(KubevirtConfig, name, namespace === '' ? undefined : namespace);
  if (config.kind === 'absent') {
    return [placed, fail('cluster', `KubevirtConfig ${key} does not exist`, 'create it again with its Secret; the Machine waits for it')];
  }
  if (config.kind !== 'read') return [placed, unchecked('cluster', `KubevirtConfig ${key}`, config)];
  return [placed, ...clusterFindings(config.value, key), ...(await secretFindings(config.value, { ...parts, api }))];
}

/** Where it is placed; else where it says that it wants to be. The name is empty when it says nothing. */
function meantConfig({ metadata, spec, status }: Machine, home: string): ConfigName {
  const annotated = parseReference(metadata?.annotations?.[CONFIG_ANNOTATION] ?? '');
  const refs = [status?.kubevirtConfigRef, spec?.kubevirtConfigRef, annotated];
  const { name = '', namespace = home } = refs.find((ref) => (ref?.name ?? '') !== '') ?? {};
  return { name, namespace };
}

/** In the order in which they explain why a Machine is not ready. */
function conditionFindings({ metadata, status }: Machine): Finding[] {
  const conditions = status?.conditions ?? [];
  const stale = (status?.observedGeneration ?? 0) < (metadata?.generation ?? 1);
  const findings = CONDITION_TYPES.flatMap((type) => {
    const condition = conditions.find((candidate) => candidate.type === type);
    if (condition === undefined) return [];
    const { status: is = 'Unknown', reason = '', message = '' } = condition;
    const found = `${type} is ${is}: ${reason}${message === '' ? '' : `: ${message}`}`;
    const isBad = isFailing(type, { status: is as 'True' | 'False' | 'Unknown', reason, message });
    if (!isBad) return [ok(CHECKS[type], found)];
    return [(MILD.has(type) ? warn : fail)(CHECKS[type], found, REMEDIES[type] ?? 'kubectl describe machine')];
  });
  return stale ? [warn('changes', 'the last change of the spec has not been taken up yet', 'wait and ask again'), ...findings] : findings;
}

function failureFindings({ status }: Machine): Finding[] {
  const { failureReason = '', failureMessage = '', message = '', providerID = '', virtualMachineRef } = status ?? {};
  const vm =
    virtualMachineRef === undefined
      ? []
      : [ok('vm', `VirtualMachine ${virtualMachineRef.namespace}/${virtualMachineRef.name}${providerID === '' ? '' : `, ${providerID}`}`)];
  if (failureReason === '') return [...vm, ...(message === '' ? [] : [warn('waits', message, 'it goes on by itself once that is so')])];
  return [
    ...vm,
    fail('failure', `${failureReason} (${failureMessage})${message === '' ? '' : `: ${message}`}`, 'mend the first step that fails'),
  ];
}
