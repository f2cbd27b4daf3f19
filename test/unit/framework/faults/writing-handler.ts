/** A handler that writes in every way there is, for tests of answers that are lost or refused. */
import { Handler, isOperatorError, OnDelete, Reconcile, type ReconcileContext } from '../../../../src/framework';
import { ConfigMap } from '../../../../src/framework/kinds/core-kinds';
import { Part } from './world';

/** A POST, an apply, a finalizer and a status for every part. */
@Handler({ rbac: [{ kind: ConfigMap, verbs: ['create', 'patch'], why: 'two maps for each part' }] })
export class Sample {
  @Reconcile(Part)
  async reconcile(part: Part, ctx: ReconcileContext<Part>): Promise<void> {
    const { name, namespace } = part.metadata!;
    const posted: ConfigMap = { metadata: { name: `posted-${name}`, namespace: namespace! } };
    await ctx.client.create(ConfigMap, posted).catch((error: unknown) => {
      if (!isOperatorError(error, 'ALREADY_EXISTS')) throw error;
    });
    const metadata = { name: `applied-${name}`, namespace: namespace! };
    await ctx.client.applyChild(part, ConfigMap, { metadata, data: { size: String(part.spec?.size) } });
    ctx.status.set({ size: part.spec?.size });
  }

  @OnDelete(Part, { finalizer: 'example.org/sample' })
  async clean(): Promise<void> {}
}
