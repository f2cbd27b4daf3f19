/**
 * The shipped handler of WolConfigs, with a rule of our own: a WolConfig says whom to call about it.
 *
 * Overrides `reconcile`, which keeps its registration; inherits everything else. A `@Handler` class takes the place of its base.
 */
import { Handler, type ReconcileContext, type ReconcileResult } from 'virt-steward/framework';
import { type WolConfig, WolConfigHandler } from 'virt-steward/wol';

export const CONTACT = 'acme.example/contact';

@Handler()
export class ContactHandler extends WolConfigHandler {
  override async reconcile(config: WolConfig, ctx: ReconcileContext<WolConfig>): Promise<ReconcileResult> {
    const result = await super.reconcile(config, ctx);
    const contact = config.metadata?.annotations?.[CONTACT];
    ctx.status.condition({
      type: 'Contactable',
      status: contact === undefined ? 'False' : 'True',
      reason: contact === undefined ? 'NoContact' : 'ContactNamed',
      message: contact === undefined ? `set the annotation ${CONTACT}` : `call ${contact}`,
    });
    return result;
  }
}
