/** Chooses the objects a handler gets to see: in this process, and on the API server. */
import { ABSENT, ConfigMap, Handler, type HandlerContext, Reconcile, Secret } from 'virt-steward/framework';

@Handler()
export class MessageOfTheDay {
  /**
   * Judged here, on cached objects; all parts have to hold. An object that stops matching is treated as gone: its timers and daemons
   * end, its finalizer is taken off.
   */
  @Reconcile(ConfigMap, {
    labels: { app: ['shop', 'blog'], 'example.org/quiet': ABSENT },
    annotations: { 'example.org/owner': /^team-/ },
    field: 'data.motd',
    when: (config) => config.immutable !== true,
  })
  async announce(config: ConfigMap, ctx: HandlerContext<ConfigMap>): Promise<void> {
    ctx.log.info('message of the day', { text: config.data?.['motd'] });
  }

  /**
   * Judged by the API server, so that nothing else is sent, cached, or, by name and namespace, allowed by the generated role. A watch
   * on Secrets is refused without both.
   */
  @Reconcile(Secret, { select: { namespaces: ['default'], fields: 'metadata.name=seen' } })
  async rotate(_secret: Secret, ctx: HandlerContext<Secret>): Promise<void> {
    ctx.log.info('a Secret to rotate');
  }
}

export const handlers = [MessageOfTheDay];
