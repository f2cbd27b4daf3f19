/**
 * What a WolConfig's status says about agents and ports, put together from what is known of them.
 *
 * Owns: gathering. Never: writes; decides nothing itself, the pure functions of `deployment/` do.
 */
import type { WolConfigStatus, WolConfigStatusAgentProblem } from '../../api/wol/v1beta1';
import { Cluster, type ConditionInput, conditionOf, DaemonSet, inject, objectKey, singleton } from '../../framework';
import { DAEMON_SETS } from '../deployment/agent-environment';
import { daemonSetName, nameOf } from '../deployment/agent-names';
import { agentCondition, agentStatus, areAllReady, readyProblem } from '../deployment/agent-state';
import { recordedHealthPort } from '../deployment/health-ports';
import { ownershipOf } from '../deployment/ownership';
import { type PortUser, portCondition } from '../deployment/port-conflict';
import { effectivePorts, evaluateConfig } from '../manager/effective-config';
import { WOL_SETTINGS, type WolSettings } from '../settings';
import { AgentAccount } from '../trust/agent-account';
import { WolConfig } from '../wol-config';
import { AgentStates } from './agent-states';

export interface AgentReport {
  readonly status: WolConfigStatus['agentStatus'];
  readonly condition: ConditionInput;
  /** What keeps the config from being ready; `undefined` = nothing. */
  readonly problem: ConditionInput | undefined;
  readonly areAllReady: boolean;
}

@singleton()
export class AgentReports {
  constructor(
    private readonly cluster: Cluster,
    private readonly states: AgentStates,
    private readonly account: AgentAccount,
    @inject(WOL_SETTINGS) private readonly settings: WolSettings,
  ) {}

  of(config: WolConfig): AgentReport {
    const name = daemonSetName(nameOf(config));
    const state = this.states.of(nameOf(config)) ?? { kind: 'untouched' };
    const live = this.ownDaemonSet(config, name);
    return {
      status: live && agentStatus(live, recordedHealthPort(live)),
      condition: agentCondition(state, name, live, this.account.isMissing ? this.account.name : undefined),
      problem: readyProblem(state, name),
      areAllReady: live !== undefined && areAllReady(live),
    };
  }

  ports(config: WolConfig, problems: readonly WolConfigStatusAgentProblem[]): ConditionInput {
    return portCondition(userOf(config), this.others(config), problems);
  }

  private ownDaemonSet(config: WolConfig, name: string): DaemonSet | undefined {
    const live = this.cluster.store(DaemonSet, DAEMON_SETS).get(objectKey(this.settings.namespace, name));
    const kind = live && ownershipOf(live, config).kind;
    return kind === 'ours' || kind === 'adoptable' ? live : undefined;
  }

  private others(config: WolConfig): PortUser[] {
    const others = [...this.cluster.store(WolConfig).list()].filter((other) => nameOf(other) !== nameOf(config));
    return others.filter((other) => evaluateConfig(other).kind === 'effective').map(userOf);
  }
}

function userOf(config: WolConfig): PortUser {
  return { name: nameOf(config), ports: effectivePorts(config.spec) };
}

export interface AgentEventNote {
  readonly reason: string;
  readonly note: string;
}

/** Reasons that people are told of when a config comes to have them, by condition. */
const TOLD: Readonly<Record<string, readonly string[]>> = {
  Ready: ['AgentFailed'],
  AgentReady: ['AgentConflict', 'ImageNotAllowed'],
  PortConflict: ['BindFailed'],
};

/** Warnings about states that are entered now, by what the stored status says: a restart repeats none. */
export function agentEvents(config: WolConfig, conditions: readonly ConditionInput[]): AgentEventNote[] {
  return conditions
    .filter(({ type, reason }) => TOLD[type]?.includes(reason) && conditionOf(config, type)?.reason !== reason)
    .map(({ type, reason, message }) => ({ reason: type === 'PortConflict' ? type : reason, note: message }));
}
