/**
 * Keeps WolConfigs in the wake map and tells each config what it achieves.
 *
 * Owns: the status of a WolConfig except lastWake and agentProblems, its conditions Ready and MACConflict, and their Events.
 * Never: reads virtual machines itself; the wake map has counted them already.
 * Invariant: an invalid config contributes nothing, says why in Ready, and disturbs no other config.
 */
import { Cluster, Handler, OnEvent, Reconcile, type ReconcileContext, type ResourceEvent, Triggers, timestampOf } from '../../framework';
import { VirtualMachine } from '../../kubevirt';
import type { ConfigChange } from '../manager/config-ledger';
import { effectivePorts } from '../manager/effective-config';
import { WolConfig } from '../wol-config';
import { conflictCondition, configStatus, readyCondition } from './wol-config-status';
import { WolRuntime } from './wol-runtime';

/** A busy cluster changes counts many times a second; one write in this time is enough for people. */
const STATUS_INTERVAL_MS = 2_000;

@Handler()
export class WolConfigHandler {
  constructor(
    private readonly wol: WolRuntime,
    private readonly cluster: Cluster,
    triggers: Triggers,
  ) {
    wol.map.onChange((change: ConfigChange) => {
      wol.conflictNews.take(change);
      triggers.touch(WolConfig, change.config);
    });
  }

  @OnEvent(WolConfig)
  index({ type, object }: ResourceEvent<WolConfig>): void {
    if (type === 'DELETED') this.wol.map.removeConfig(object.metadata?.name ?? '');
    else this.wol.map.upsertConfig(object);
  }

  @Reconcile(WolConfig, { minIntervalMs: STATUS_INTERVAL_MS })
  async reconcile(config: WolConfig, ctx: ReconcileContext<WolConfig>): Promise<void> {
    const name = config.metadata?.name ?? '';
    const evaluation = this.wol.map.evaluationOf(name);
    const counts = this.wol.map.countsOf(name);
    if (evaluation === undefined || counts === undefined) return;
    const conflicts = this.wol.map.conflictsOf(name);
    ctx.status.set({
      ...configStatus(counts, conflicts, effectivePorts(config.spec)),
      lastSync: timestampOf(ctx.clock.now()),
    });
    ctx.status.condition(readyCondition(evaluation, this.virtualMachines()));
    ctx.status.condition(conflictCondition(counts.conflicts, conflicts));
  }

  private virtualMachines(): 'listed' | 'not served' | 'unavailable' {
    if (this.cluster.store(VirtualMachine).synced) return 'listed';
    return this.cluster.serves(VirtualMachine) ? 'unavailable' : 'not served';
  }
}
