/** The smallest operator: it logs every WolConfig when it appears and when it changes. */
import { defineKind, Handler, type KubernetesObject, Reconcile, type ReconcileContext } from 'virt-steward/framework';

/** Only the fields this operator reads; the objects themselves keep every field. */
export interface WolConfig extends KubernetesObject {
  spec?: { discoveryMode?: string };
}
export const WolConfig = defineKind<WolConfig>('wol.pillon.org/v1beta1', 'WolConfig', 'wolconfigs', { scope: 'Cluster' });

@Handler()
export class WolConfigLogger {
  @Reconcile(WolConfig)
  async reconcile(config: WolConfig, ctx: ReconcileContext<WolConfig>): Promise<void> {
    ctx.log.info('a WolConfig is there', { mode: config.spec?.discoveryMode ?? 'All' });
  }
}

export const handlers = [WolConfigLogger];
