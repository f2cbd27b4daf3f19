/** What WolConfigs say about themselves, and which of them nobody looks after. */
import type { Condition } from '../../framework';
import { type Finding, fail, ok, unchecked, warn } from '../../kubevirt/diagnosis/finding';
import { nameOf } from '../deployment/agent-names';
import { WolConfig } from '../wol-config';
import type { Check } from './context';

const CHECK = 'config';

/** By condition and reason; else the conditions' own words have to do. */
const REMEDIES: Readonly<Record<string, string>> = {
  InvalidConfig: 'kubectl edit wolcfg %s',
  KubeVirtMissing: 'install KubeVirt; the manager notices by itself',
  MappingFailed: 'see the log of the manager, and "rights" here',
  SecretUnavailable: 'mend the Secret of spec.secureOn, or the right of the manager to get it; it is read again within 60 s',
  AgentConflict: 'delete or rename the DaemonSet that the message names',
  ImageNotAllowed: 'name another image, or start the manager with --allowed-agent-images',
  AgentFailed: 'see the message; it is tried again by itself',
  NotReady: 'kubectl get pods -A -l app=wol-agent; kubectl describe shows why one is not ready',
  NoNodes: 'spec.agent.nodeSelector and tolerations have to match a node',
  DaemonSetMissing: 'see why the WolConfig is not ready, and the log of the manager that leads',
  WaitingForGarbageCollection: 'wait; if it stays, delete the DaemonSet',
  BindFailed: 'free the port on that node, or choose another one in spec.wolPorts',
  Conflict: 'virt-steward wake --list --config %s shows who wins; take the address from all but one machine, or map it by mode Explicit',
};

/** Reasons of AgentReady that follow from the DaemonSet alone. */
const COUNTED: ReadonlySet<string> = new Set(['NotReady', 'NoNodes', 'DaemonSetMissing', 'ServiceAccountMissing']);

export const configChecks: Check = async ({ view }) => {
  const result = await view.list(WolConfig);
  if (result.kind === 'absent') return [];
  if (result.kind !== 'read') return [unchecked(CHECK, 'WolConfigs', result)];
  if (result.value.length === 0) return [warn(CHECK, 'there is no WolConfig, so no packet wakes anything', 'create one: examples/wol')];
  return result.value.flatMap(findingsOf);
};

/** Every condition that is not as it should be; one line when all are. */
export function findingsOf(config: WolConfig): Finding[] {
  const name = nameOf(config);
  const { conditions = [], observedGeneration = 0 } = config.status ?? {};
  if (conditions.length === 0) {
    const remedy = 'is a manager running? kubectl get pods -A, and "endpoints" here';
    return [fail(CHECK, `WolConfig ${name}: no manager has looked at it yet`, remedy)];
  }
  const stale: Finding[] =
    observedGeneration < (config.metadata?.generation ?? 1)
      ? [
          warn(
            CHECK,
            `WolConfig ${name}: its last change has not been taken up yet`,
            'wait 2 s and ask again; if it stays, look for the manager that leads',
          ),
        ]
      : [];
  const problems = conditions.flatMap((condition) => conditionFinding(name, condition));
  if (problems.length + stale.length > 0) return [...stale, ...problems];
  const { managedVMs = 0, managedMACs = 0, wolPorts = [] } = config.status ?? {};
  return [ok(CHECK, `WolConfig ${name}: ${managedMACs} addresses wake ${managedVMs} virtual machines on port ${wolPorts.join(', ')}`)];
}

function conditionFinding(config: string, { type, status, reason = '', message = '' }: Condition): Finding[] {
  const found = `WolConfig ${config}: ${reason}${message === '' ? '' : `: ${message}`}`;
  const remedy = (REMEDIES[reason] ?? 'kubectl describe wolcfg %s').replace('%s', config);
  switch (`${type}=${status}`) {
    case 'Ready=False':
    case 'PortConflict=True':
      return [fail(CHECK, found, remedy)];
    case 'AgentReady=False':
      // How many are ready is what the check of agents tells, with the nodes that lack one.
      return COUNTED.has(reason) ? [] : [fail('agents', found, remedy)];
    case 'MACConflict=True':
      return [warn(CHECK, found, remedy)];
    case 'Ready=Unknown':
    case 'AgentReady=Unknown':
      return [warn(CHECK, found, 'wait and ask again')];
    default:
      return [];
  }
}
