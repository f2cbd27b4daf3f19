/**
 * Agents: one DaemonSet a config, a ready one on each node, none of kubevirt-wol in the way, no packets lost in the kernel.
 */
import { DaemonSet, Namespace, Node, Pod, ServiceAccount } from '../../framework';
import { type Finding, fail, ok, unchecked, warn } from '../../kubevirt/diagnosis/finding';
import { valueOr } from '../../kubevirt/diagnosis/reading';
import { APP, APP_LABEL, agentLabels, CONFIG_LABEL, daemonSetName, HEALTH_PORT_ANNOTATION } from '../deployment/agent-names';
import { isWrittenByUs } from '../deployment/ownership';
import type { EffectiveConfig } from '../manager/effective-config';
import type { Check, DoctorContext } from './context';

const CHECK = 'agents';
const NAMED = 5;
/** Agents whose metrics are read: enough to show what is wrong with the nodes of one kind. */
const MAX_ASKED = 20;
/** How long a packet that was heard proves that one can be. */
const RECENTLY_MS = 600_000;
/** What an agent asks for, in bytes. */
const WANTED_BUFFER = 4 * 1_048_576;
const ENFORCE = 'pod-security.kubernetes.io/enforce';

export const agentChecks: Check = async (context) => {
  const configs = context.seen.map.effectiveConfigs();
  const own = await Promise.all(configs.map((config) => daemonSetFindings(context, config.name)));
  return [...own.flat(), ...(await olderAgents(context)), await podSecurity(context), ...(await receptionFindings(context))];
};

/** Of one config in force. */
export async function daemonSetFindings(context: DoctorContext, config: string): Promise<Finding[]> {
  const { view, namespace } = context;
  const name = daemonSetName(config);
  const result = await view.get(DaemonSet, name, namespace);
  if (result.kind === 'absent') {
    return [
      fail(
        CHECK,
        `WolConfig ${config}: there is no DaemonSet ${namespace}/${name}`,
        'see the conditions of the WolConfig, and the log of the manager that leads',
      ),
    ];
  }
  if (result.kind !== 'read') return [byCondition(context, config) ?? unchecked(CHECK, `DaemonSet ${namespace}/${name}`, result)];
  const { desiredNumberScheduled: desired = 0, numberReady: ready = 0 } = result.value.status ?? {};
  if (desired > 0 && ready >= desired) return [ok(CHECK, `WolConfig ${config}: ${ready} of ${desired} agents are ready`)];
  const nodes = await nodesWithoutAgent(context, config, result.value);
  const where =
    nodes.length === 0
      ? ''
      : `; none on ${nodes.slice(0, NAMED).join(', ')}${nodes.length > NAMED ? ` and ${nodes.length - NAMED} more` : ''}`;
  const remedy =
    desired === 0
      ? 'the DaemonSet controller has scheduled none yet, or no node matches spec.agent.nodeSelector and tolerations'
      : `kubectl -n ${namespace} describe pods -l ${CONFIG_LABEL}=${agentLabels(config)[CONFIG_LABEL]}`;
  const found = `WolConfig ${config}: ${ready} of ${desired} agents are ready${where}`;
  const missing = await missingAccount(context, result.value);
  if (missing !== undefined) {
    const create = `kubectl -n ${namespace} create serviceaccount ${missing}`;
    return [fail(CHECK, `${found}; ServiceAccount ${namespace}/${missing}, which their pods run as, does not exist`, create)];
  }
  return [ready > 0 ? warn(CHECK, found, remedy) : fail(CHECK, found, remedy)];
}

/** Without it the DaemonSet controller makes no pod, and only an Event on the DaemonSet tells. */
async function missingAccount({ view, namespace }: DoctorContext, { spec }: DaemonSet): Promise<string | undefined> {
  const template = spec?.['template'] as { spec?: { serviceAccountName?: string } } | undefined;
  const name = template?.spec?.serviceAccountName;
  if (name === undefined) return undefined;
  return (await view.get(ServiceAccount, name, namespace)).kind === 'absent' ? name : undefined;
}

/** What the config says of its agents, for callers who may not see DaemonSets. */
function byCondition({ seen: { configs } }: DoctorContext, config: string): Finding | undefined {
  const condition = configs.get(config)?.status?.conditions?.find(({ type }) => type === 'AgentReady');
  if (condition === undefined) return undefined;
  const found = `WolConfig ${config}: ${condition.reason}: ${condition.message}`;
  return condition.status === 'True' ? ok(CHECK, found) : fail(CHECK, found, `kubectl describe wolcfg ${config}`);
}

/** Nodes that the DaemonSet selects, without a ready pod of it; empty when the caller may not see nodes or pods. */
async function nodesWithoutAgent({ view, namespace }: DoctorContext, config: string, daemonSet: DaemonSet): Promise<string[]> {
  const selector =
    (daemonSet.spec?.['template'] as { spec?: { nodeSelector?: Record<string, string> } } | undefined)?.spec?.nodeSelector ?? {};
  const [nodes, pods] = await Promise.all([
    view.list(Node),
    view.list(Pod, { namespace, labels: `${APP_LABEL}=${APP},${CONFIG_LABEL}=${agentLabels(config)[CONFIG_LABEL]}` }),
  ]);
  if (nodes.kind !== 'read' || pods.kind !== 'read') return [];
  const served = new Set(pods.value.filter(isReady).map(({ spec }) => spec?.nodeName));
  return nodes.value
    .filter(({ metadata }) => Object.entries(selector).every(([key, value]) => metadata?.labels?.[key] === value))
    .map(({ metadata }) => metadata?.name ?? '')
    .filter((name) => !served.has(name));
}

function isReady({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
}

/** They hold the port without sharing it, and are beyond the manager's rights. */
async function olderAgents({ view, namespace }: DoctorContext): Promise<Finding[]> {
  const result = await view.list(DaemonSet, { labels: `${APP_LABEL}=${APP}` });
  if (result.kind !== 'read') return [unchecked('older-agents', 'agents of kubevirt-wol in other namespaces', result)];
  const foreign = result.value.filter(({ metadata }) => metadata?.namespace !== namespace);
  if (foreign.length === 0) return [ok('older-agents', 'no agents of kubevirt-wol in other namespaces')];
  const others = new Set(foreign.filter(isWrittenByUs).map(({ metadata }) => metadata?.namespace ?? ''));
  const ours = [...others].map((place) => {
    const remedy = `--operator-namespace ${place} looks at that one; two that serve one WolConfig get into each other's way`;
    return warn('older-agents', `agents of a virt-steward in namespace ${place}`, remedy);
  });
  return [...ours, ...foreign.filter((daemonSet) => !isWrittenByUs(daemonSet)).map(olderAgent)];
}

function olderAgent({ metadata }: DaemonSet): Finding {
  const { namespace = '', name = '' } = metadata ?? {};
  const remedy = `stop that operator, then: kubectl -n ${namespace} delete daemonset ${name}`;
  return fail(
    'older-agents',
    `DaemonSet ${namespace}/${name} looks like agents of kubevirt-wol, which hold their port for themselves`,
    remedy,
  );
}

async function podSecurity({ view, namespace }: DoctorContext): Promise<Finding> {
  const check = 'pod-security';
  const result = await view.get(Namespace, namespace);
  if (result.kind === 'absent')
    return fail(check, `namespace ${namespace} does not exist`, '--operator-namespace says where the manager runs');
  if (result.kind !== 'read') return unchecked(check, `namespace ${namespace}`, result);
  const level = result.value.metadata?.labels?.[ENFORCE];
  if (level === 'baseline' || level === 'restricted') {
    const remedy = `kubectl label namespace ${namespace} ${ENFORCE}=privileged --overwrite`;
    return fail(check, `namespace ${namespace} enforces "${level}", which refuses agents: they use the network of the host`, remedy);
  }
  const found =
    level === undefined
      ? 'has no Pod Security level of its own, so that of the cluster counts (usually privileged)'
      : `enforces "${level}"`;
  return ok(check, `namespace ${namespace} ${found}, which admits agents`);
}

/** What agents say themselves about lost packets. */
async function receptionFindings({ view, namespace }: DoctorContext): Promise<Finding[]> {
  const check = 'reception';
  const pods = await view.list(Pod, { namespace, labels: `${APP_LABEL}=${APP}` });
  if (pods.kind !== 'read') return [unchecked(check, `agents in ${namespace}`, pods)];
  const daemonSets = valueOr(await view.list(DaemonSet, { namespace, labels: `${APP_LABEL}=${APP}` }), []);
  const ports = new Map(
    daemonSets.map(({ metadata }) => [metadata?.labels?.[CONFIG_LABEL], Number(metadata?.annotations?.[HEALTH_PORT_ANNOTATION])]),
  );
  const asked = pods.value.filter(isReady).slice(0, MAX_ASKED);
  const findings: Finding[] = [];
  for (const { metadata, spec } of asked) {
    const port = ports.get(metadata?.labels?.[CONFIG_LABEL]);
    if (port === undefined || Number.isNaN(port)) continue;
    const text = await view.podText(namespace, metadata?.name ?? '', port, '/metrics');
    if (text.kind === 'denied') return [unchecked(check, 'metrics of agents', text)];
    if (text.kind !== 'read') findings.push(unchecked(check, `agent on ${spec?.nodeName}`, text));
    else findings.push(...receptionOf(spec?.nodeName ?? '', text.value));
  }
  if (findings.length > 0) return findings;
  return asked.length === 0 ? [] : [ok(check, `${asked.length} agents have lost no packet in the kernel and have a large receive buffer`)];
}

/** @param text metrics in Prometheus' format. */
export function receptionOf(node: string, text: string): Finding[] {
  const values = (name: string): number[] =>
    [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? ([0-9.e+]+)$`, 'gm'))].map(([, value]) => Number(value));
  const drops = values('wol_agent_kernel_drops_total').reduce((sum, value) => sum + value, 0);
  const buffer = Math.min(...values('wol_agent_receive_buffer_bytes'));
  const remedy = `on the node: sysctl -w net.core.rmem_max=${WANTED_BUFFER}, then restart its agent`;
  const findings: Finding[] = [];
  if (drops > 0) findings.push(warn('reception', `node ${node}: the kernel has dropped ${drops} packets since the agent started`, remedy));
  if (buffer < WANTED_BUFFER)
    findings.push(warn('reception', `node ${node}: the receive buffer has ${buffer} bytes, ${WANTED_BUFFER} were asked for`, remedy));
  return findings;
}

/**
 * Whether a packet can be heard at all: the agents of the governing configs. Where one was heard a moment ago, agents that are not ready
 * are not what keeps the machine from waking.
 */
export async function hearing(context: DoctorContext, governing: readonly EffectiveConfig[]): Promise<Finding[]> {
  const found = await Promise.all(
    governing.map(async ({ name }) => {
      const last = context.seen.configs.get(name)?.status?.lastWake;
      const wasHeard = last?.node !== undefined && context.nowMs - Date.parse(last.time) < RECENTLY_MS;
      const findings = await daemonSetFindings(context, name);
      return wasHeard ? findings.map((finding) => softened(finding, `yet node ${last.node} reported a packet at ${last.time}`)) : findings;
    }),
  );
  // One that hears it is enough, whichever of them that is.
  const hears = governing.filter((_, index) => found[index]?.every(({ outcome }) => outcome !== 'fail'));
  if (hears.length === 0) return found.flat();
  const evidence = `yet agents of WolConfig ${hears.map(({ name }) => name).join(', ')} hear packets for the same address`;
  return found.flat().map((finding) => softened(finding, evidence));
}

function softened(finding: Finding, evidence: string): Finding {
  return finding.outcome === 'fail' ? { ...finding, outcome: 'warn', found: `${finding.found}; ${evidence}` } : finding;
}
