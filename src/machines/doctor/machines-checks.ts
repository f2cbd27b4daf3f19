/** How the machines module stands: its API, its clusters, its Machines. */
import { type Finding, fail, ok, unchecked, warn } from '../../kubevirt/diagnosis/finding';
import { keyOfConfig } from '../clusters/cluster-key';
import { KubevirtConfig, Machine } from '../kinds';
import { isOurs } from '../profile';
import { clusterFindings, secretFindings } from './config-findings';
import { knownApi } from './definition-findings';
import type { MachinePathParts } from './machine-path';

/** Machines that are named; the rest is counted. */
const NAMED = 5;

export async function machinesChecks(parts: MachinePathParts): Promise<Finding[]> {
  const { view, settings } = parts;
  const { api, finding } = await knownApi(view, settings);
  if (finding.outcome !== 'ok') return [finding];
  const configs = await view.list(KubevirtConfig);
  if (configs.kind === 'denied' || configs.kind === 'failed') return [finding, unchecked('cluster', 'KubevirtConfigs', configs)];
  const known = configs.kind === 'read' ? configs.value : [];
  const where = api.profile === 'first' ? ` in namespace '${api.home}'` : '';
  const none = `No KubevirtConfig resources found${where}. Please create at least one KubevirtConfig.`;
  if (known.length === 0) return [finding, warn('cluster', none, 'virt-steward kubeconfig --apply makes one')];
  const clusters = await Promise.all(
    known.map(async (config) => [
      ...clusterFindings(config, keyOfConfig(config, api.home)),
      ...(await secretFindings(config, { ...parts, api })),
    ]),
  );
  return [finding, ...clusters.flat(), ...(await machineFindings(parts, (machine) => isOurs(machine, api.profile)))];
}

async function machineFindings({ view }: MachinePathParts, isOurMachine: (machine: Machine) => boolean): Promise<Finding[]> {
  const machines = await view.list(Machine);
  if (machines.kind === 'absent') return [];
  if (machines.kind !== 'read') return [unchecked('machines', 'Machines', machines)];
  const own = machines.value.filter(isOurMachine);
  const failed = own.filter(({ status }) => status?.phase === 'Failed');
  const running = own.filter(({ status }) => status?.phase === 'Running').length;
  const summary = `${own.length} Machines, of which ${running} run and ${failed.length} have failed`;
  const named = failed.slice(0, NAMED).map(({ metadata, status }) => {
    const key = `${metadata?.namespace}/${metadata?.name}`;
    return fail('machines', `Machine ${key}: ${status?.failureReason}: ${status?.message}`, `virt-steward doctor machine/${key}`);
  });
  return [ok('machines', summary), ...named];
}
