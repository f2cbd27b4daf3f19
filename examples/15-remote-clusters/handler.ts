/**
 * Shows each Banner on every cluster of a fleet, as a ConfigMap.
 *
 * Clusters come and go with the kubeconfigs in a Secret. Losing one never slows another: each has connections, caches and
 * limits of its own, and what could not be done there is done when it is back.
 */
import {
  ALL,
  type Cluster,
  ClusterRegistry,
  ConfigMap,
  clusterChanges,
  defineKind,
  Handler,
  type HandlerContext,
  type KubernetesObject,
  mapped,
  OnDelete,
  OnEvent,
  Reconcile,
  type ReconcileContext,
  type ReconcileResult,
  type ResourceEvent,
  Secret,
} from 'virt-steward/framework';

export interface Banner extends KubernetesObject {
  spec?: { text: string };
  /** By name of the cluster: `Shown`, or why not. */
  status?: { clusters?: Record<string, string> };
}
export const Banner = defineKind<Banner>('example.org/v1', 'Banner', 'banners', { scope: 'Cluster', conditions: true });

/** One Secret with a kubeconfig for each cluster, by name: nobody gets the right to read others. */
const KUBECONFIGS = { namespaces: ['fleet'], fields: 'metadata.name=kubeconfigs' };
const BANNER = 'example.org/banner';
const BANNERS = { namespaces: ['default'], labels: BANNER };

@Handler()
export class FleetHandler {
  constructor(private readonly clusters: ClusterRegistry) {}

  /** On every replica, so that a standby knows the fleet already. */
  @OnEvent(Secret, { select: KUBECONFIGS })
  async follow({ type, object }: ResourceEvent<Secret>): Promise<void> {
    const configs = type === 'DELETED' ? {} : (object.data ?? {});
    const left = this.clusters.remotes().filter(({ name }) => configs[name] === undefined);
    await Promise.all([
      ...left.map(({ name }) => this.clusters.disengage(name)),
      // Resolves before it is connected, and does nothing for equal content. What would run a command or read a file here is refused.
      ...Object.entries(configs).map(([name, config]) => this.clusters.engage(name, Buffer.from(config, 'base64'))),
    ]);
  }
}

@Handler()
export class BannerHandler {
  @Reconcile(Banner, {
    watches: [
      clusterChanges(() => ALL),
      mapped(ConfigMap, (map) => [map.metadata!.labels![BANNER]!], { clusters: 'remotes', select: BANNERS }),
    ],
  })
  async reconcile(banner: Banner, ctx: ReconcileContext<Banner>): Promise<ReconcileResult> {
    const remotes = ctx.clusters.remotes();
    const states = await Promise.all(remotes.map(async (cluster) => [cluster.name, await this.show(banner, cluster, ctx)] as const));
    const missing = states.filter(([, state]) => state !== 'Shown').length;

    ctx.status.set({ clusters: Object.fromEntries(states) });
    ctx.status.condition({
      type: 'Ready',
      status: missing === 0 ? 'True' : 'False',
      reason: missing === 0 ? 'ShownEverywhere' : 'NotEverywhere',
      message: `shown on ${remotes.length - missing} of ${remotes.length} clusters`,
    });
    return missing === 0 ? undefined : { requeueAfterMs: 10_000 };
  }

  /** One cluster's trouble must not keep the banner from the others, so it becomes text instead of an error. */
  private async show(banner: Banner, cluster: Cluster, ctx: ReconcileContext<Banner>): Promise<string> {
    const { state } = cluster.health;
    if (state !== 'Ready') return state;
    const metadata = { namespace: 'default', name: `banner-${ctx.key}`, labels: { [BANNER]: ctx.key } };
    try {
      // Not `cluster.client`: this one aborts with the run and writes nothing once another replica leads.
      await ctx.clientOf(cluster).applyIfChanged(ConfigMap, { metadata, data: { text: banner.spec?.text ?? '' } });
      return 'Shown';
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Owner references do not reach into other clusters; a finalizer does what they would. */
  @OnDelete(Banner, { finalizer: 'example.org/banner' })
  async takeDown(_banner: Banner, ctx: HandlerContext<Banner>): Promise<ReconcileResult> {
    const left = ctx.clusters.remotes().map(async (cluster) => {
      if (cluster.health.state !== 'Ready') return true;
      const client = ctx.clientOf(cluster);
      const map = await client.find(ConfigMap, `default/banner-${ctx.key}`);
      if (map?.metadata?.labels?.[BANNER] === ctx.key)
        await client.delete(ConfigMap, `default/banner-${ctx.key}`, { uid: map.metadata.uid! });
      return false;
    });
    return (await Promise.all(left)).includes(true) ? { requeueAfterMs: 10_000 } : undefined;
  }
}

export const handlers = [FleetHandler, BannerHandler];
