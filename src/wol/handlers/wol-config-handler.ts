/**
 * Keeps WolConfigs in the wake map and tells each config what it achieves.
 *
 * Owns: the status of a WolConfig except lastWake and agentProblems, its conditions, and the Events about entering a state.
 * Never: reads virtual machines itself, the wake map has counted them already; deploys agents, AgentHandler does.
 * Invariant: an invalid config contributes nothing, says why in Ready, and disturbs no other config.
 */
import {
  ALL,
  Cluster,
  type ConditionInput,
  DaemonSet,
  Handler,
  keyOf,
  mapped,
  OnEvent,
  OnShutdown,
  OnStartup,
  OPERATOR_NAMESPACE,
  owned,
  Reconcile,
  type ReconcileContext,
  type ReconcileResult,
  type ResourceEvent,
  Secret,
  ServiceAccount,
  Triggers,
  timestampOf,
} from '../../framework';
import { VirtualMachine } from '../../kubevirt/virtual-machine';
import { DAEMON_SETS, SERVICE_ACCOUNTS } from '../deployment/agent-environment';
import type { ConfigChange } from '../manager/config-ledger';
import { type ConfigEvaluation, effectivePorts } from '../manager/effective-config';
import { WolConfig } from '../wol-config';
import { AgentProblems } from './agent-problems';
import { AgentReports, agentEvents } from './agent-report';
import { LastWakeWriter } from './last-wake-writer';
import { objectOf } from './wake-events';
import { WakeMetrics } from './wake-metrics';
import { configEvents } from './wol-config-events';
import { configStatus, conflictCondition, readyCondition } from './wol-config-status';
import { WolRuntime } from './wol-runtime';

/** A busy cluster changes counts many times a second; one write in this time is enough for people. */
const STATUS_INTERVAL_MS = 2_000;

@Handler({
  rbac: [
    {
      ...{ kind: Secret, verbs: ['get'], namespace: OPERATOR_NAMESPACE },
      why: 'SecureOn passwords, each Secret by the name in a WolConfig; a Secret elsewhere takes a right of its own',
    },
  ],
})
export class WolConfigHandler {
  constructor(
    private readonly wol: WolRuntime,
    private readonly cluster: Cluster,
    private readonly metrics: WakeMetrics,
    private readonly lastWake: LastWakeWriter,
    private readonly agents: AgentReports,
    private readonly agentProblems: AgentProblems,
    private readonly triggers: Triggers,
  ) {
    wol.map.onChange(({ config, counts }: ConfigChange) => {
      metrics.setCounts(config, counts);
      triggers.touch(WolConfig, config);
    });
    wol.passwords.onChange((config) => triggers.touch(WolConfig, config));
  }

  /** Whether KubeVirt is there concerns every config, also those that no virtual machine belongs to. */
  @OnStartup()
  followKubeVirt(): void {
    this.cluster.onServedChange(VirtualMachine, () => this.touchAll());
    let hadOthers = this.wol.hasOtherTargets();
    for (const source of this.wol.sources) {
      source.subscribe(() => {
        const hasOthers = this.wol.hasOtherTargets();
        if (hasOthers === hadOthers) return;
        hadOthers = hasOthers;
        this.touchAll();
      });
    }
  }

  private touchAll(): void {
    for (const config of this.cluster.store(WolConfig).list()) this.triggers.touch(WolConfig, keyOf(config));
  }

  @OnShutdown()
  close(): void {
    this.wol.close();
  }

  @OnEvent(WolConfig)
  index({ type, object }: ResourceEvent<WolConfig>): void {
    const name = object.metadata?.name ?? '';
    if (type !== 'DELETED') {
      this.wol.map.upsertConfig(object);
      const counts = this.wol.map.isUnderWay(name) ? undefined : this.wol.map.countsOf(name);
      if (counts !== undefined) this.metrics.setCounts(name, counts);
      this.wol.followConfig(name);
      return;
    }
    this.wol.map.removeConfig(name);
    this.wol.followConfig(name);
    this.metrics.forget(name);
    this.lastWake.forget(name);
  }

  @Reconcile(WolConfig, {
    minIntervalMs: STATUS_INTERVAL_MS,
    owns: [owned(DaemonSet, { select: DAEMON_SETS })],
    watches: [
      // Ports are shared, or not any more.
      mapped(WolConfig, () => ALL, { when: (now, old) => now.metadata?.generation !== old?.metadata?.generation }),
      mapped(WolConfig, (config) => [keyOf(config)], { when: haveProblemsChanged }),
      // That of agents may come or go.
      mapped(ServiceAccount, () => ALL, { select: SERVICE_ACCOUNTS }),
    ],
  })
  async reconcile(config: WolConfig, ctx: ReconcileContext<WolConfig>): Promise<ReconcileResult> {
    const name = config.metadata?.name ?? '';
    const evaluation = this.wol.map.evaluationOf(name);
    const counts = this.wol.map.countsOf(name);
    // The map tells again when it has gone through all virtual machines.
    if (evaluation === undefined || counts === undefined || this.wol.map.isUnderWay(name)) return;
    const conflicts = this.wol.map.conflictsOf(name);
    ctx.status.set({
      ...configStatus(counts, conflicts, effectivePorts(config.spec)),
      lastSync: timestampOf(ctx.clock.now()),
    });
    const agents = this.agents.of(config);
    const ready = withAgents(
      readyCondition(evaluation, this.virtualMachines(evaluation), this.wol.passwords.problemOf(name)),
      agents.problem,
    );
    const { problems, waitMs } = agents.areAllReady
      ? await this.agentProblems.clearDisproved(ctx.client, config)
      : { problems: config.status?.agentProblems ?? [], waitMs: undefined };
    const conditions = [ready, agents.condition, conflictCondition(counts.conflicts, conflicts), this.agents.ports(config, problems)];
    for (const condition of conditions) ctx.status.condition(condition);
    // Whatever it could not do is told here, so that the status describes this generation all the same.
    ctx.status.set({ agentStatus: agents.status, observedGeneration: config.metadata?.generation });
    for (const { reason, note } of agentEvents(config, conditions)) ctx.events.warning(reason, note);
    for (const { type, reason, note, vm } of configEvents(config, ready, conflicts)) {
      const about = vm === undefined ? config : objectOf(this.wol.map.targetOf(vm));
      if (about !== undefined) ctx.events[type === 'Normal' ? 'normal' : 'warning'](reason, note, about);
    }
    return waitMs === undefined ? undefined : { requeueAfterMs: waitMs };
  }

  /** A supervisor needs no KubeVirt of its own, as far as a config has machines of other clusters to wake. */
  private virtualMachines(evaluation: ConfigEvaluation): 'listed' | 'not served' | 'unavailable' {
    if (this.cluster.serves(VirtualMachine)) return 'listed';
    if (evaluation.kind === 'effective' && evaluation.config.includeRemote && this.wol.hasOtherTargets()) return 'listed';
    return this.cluster.availability(VirtualMachine) === 'absent' ? 'not served' : 'unavailable';
  }
}

/** Agents make a config unready only where nothing worse does. */
function withAgents(ready: ConditionInput, problem: ConditionInput | undefined): ConditionInput {
  return ready.status === 'True' && problem !== undefined ? problem : ready;
}

/** Written by whichever replica an agent reports to; no change of the spec comes with it. */
function haveProblemsChanged(now: WolConfig, old: WolConfig | undefined): boolean {
  return JSON.stringify(now.status?.agentProblems ?? []) !== JSON.stringify(old?.status?.agentProblems ?? []);
}
