/**
 * Keeps WolConfigs in the wake map and tells each config what it achieves.
 *
 * Owns: the status of a WolConfig except lastWake and agentProblems, its conditions Ready and MACConflict, and their Events.
 * Never: reads virtual machines itself; the wake map has counted them already.
 * Invariant: an invalid config contributes nothing, says why in Ready, and disturbs no other config.
 */
import {
  Cluster,
  Handler,
  keyOf,
  OnEvent,
  OnShutdown,
  OnStartup,
  OPERATOR_NAMESPACE,
  Reconcile,
  type ReconcileContext,
  type ResourceEvent,
  Secret,
  Triggers,
  timestampOf,
} from '../../framework';
import { VirtualMachine } from '../../kubevirt/virtual-machine';
import type { ConfigChange } from '../manager/config-ledger';
import { effectivePorts } from '../manager/effective-config';
import { WolConfig } from '../wol-config';
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
    this.cluster.onServedChange(VirtualMachine, () => {
      for (const config of this.cluster.store(WolConfig).list()) this.triggers.touch(WolConfig, keyOf(config));
    });
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

  @Reconcile(WolConfig, { minIntervalMs: STATUS_INTERVAL_MS })
  async reconcile(config: WolConfig, ctx: ReconcileContext<WolConfig>): Promise<void> {
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
    const ready = readyCondition(evaluation, this.virtualMachines(), this.wol.passwords.problemOf(name));
    ctx.status.condition(ready);
    ctx.status.condition(conflictCondition(counts.conflicts, conflicts));
    for (const { type, reason, note, vm } of configEvents(config, ready, conflicts)) {
      const about = vm === undefined ? config : objectOf(this.wol.map.targetOf(vm));
      if (about !== undefined) ctx.events[type === 'Normal' ? 'normal' : 'warning'](reason, note, about);
    }
  }

  private virtualMachines(): 'listed' | 'not served' | 'unavailable' {
    if (this.cluster.serves(VirtualMachine)) return 'listed';
    if (this.wol.sources.length > 0) return 'listed';
    return this.cluster.availability(VirtualMachine) === 'absent' ? 'not served' : 'unavailable';
  }
}
