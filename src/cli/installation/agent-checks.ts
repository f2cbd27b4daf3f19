/** Whether every WolConfig has all its agents. */
import { DaemonSet } from '../../framework';
import { type Finding, fail, ok, unchecked } from '../../kubevirt/diagnosis/finding';
import { daemonSetName } from '../../wol/deployment/agent-names';
import { WolConfig } from '../../wol/wol-config';
import { parseModules } from '../module-names';
import type { InstallCheck, InstallContext } from './context';

const CHECK = 'agents';

export const agentChecks: InstallCheck = async (context) => {
  if (!parseModules('--modules', context.installation.settings.text('modules')).includes('wol')) return [];
  const configs = await context.view.list(WolConfig);
  if (configs.kind === 'absent') return [];
  if (configs.kind !== 'read') return [unchecked(CHECK, 'WolConfigs', configs)];
  if (configs.value.length === 0) return [ok(CHECK, 'there is no WolConfig yet, so there are none')];
  return Promise.all(configs.value.map((config) => agentFinding(context, config)));
};

async function agentFinding({ view, namespace }: InstallContext, { metadata }: WolConfig): Promise<Finding> {
  const { name = '' } = metadata ?? {};
  const daemonSet = await view.get(DaemonSet, daemonSetName(name), namespace);
  const remedy = `kubectl describe wolconfig ${name}`;
  if (daemonSet.kind === 'absent') return fail(CHECK, `WolConfig ${name} has no DaemonSet`, remedy);
  if (daemonSet.kind !== 'read') return unchecked(CHECK, `agents of WolConfig ${name}`, daemonSet);
  const { desiredNumberScheduled: wanted = 0, numberReady: ready = 0, observedGeneration = 0 } = daemonSet.value.status ?? {};
  const found = `WolConfig ${name}: ${ready} of ${wanted} agents are ready`;
  const isCurrent = observedGeneration >= (daemonSet.value.metadata?.generation ?? 0);
  return ready >= wanted && isCurrent ? ok(CHECK, found) : fail(CHECK, found, remedy);
}
