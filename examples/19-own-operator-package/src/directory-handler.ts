/** A handler that virt-steward does not have: one ConfigMap for each WolConfig, which tells the help desk whom to call. */
import { ConfigMap, Handler, OPERATOR_NAMESPACE, owned, Reconcile, type ReconcileContext } from 'virt-steward/framework';
import { WolConfig } from 'virt-steward/wol';
import { CONTACT } from './contact-handler';
import { NAMESPACE } from './settings';

@Handler({ rbac: [{ kind: ConfigMap, verbs: ['create', 'patch'], namespace: OPERATOR_NAMESPACE, why: 'the directory of the help desk' }] })
export class DirectoryHandler {
  @Reconcile(WolConfig, { owns: [owned(ConfigMap, { select: { namespaces: [NAMESPACE] } })], failure: { condition: 'InDirectory' } })
  async reconcile(config: WolConfig, ctx: ReconcileContext<WolConfig>): Promise<void> {
    const name = `contact-${config.metadata?.name}`;
    const contact = config.metadata?.annotations?.[CONTACT] ?? 'nobody';
    await ctx.client.applyChild(config, ConfigMap, { metadata: { namespace: NAMESPACE, name }, data: { contact } });
  }
}
