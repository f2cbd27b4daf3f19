/**
 * Keeps one ConfigMap for each Motto, and never touches one that is not provably its own.
 *
 * Ours is what carries our owner reference, our managed-by label, or that of the operator we succeed.
 */
import {
  ConfigMap,
  defineKind,
  Handler,
  type KubernetesObject,
  keyOf,
  mapped,
  Reconcile,
  type ReconcileContext,
} from 'virt-steward/framework';

export interface Motto extends KubernetesObject {
  spec?: { text: string };
}
export const Motto = defineKind<Motto>('example.org/v1', 'Motto', 'mottos', {
  scope: 'Namespaced',
  observedGeneration: true,
  conditions: true,
});

const MANAGED_BY = 'app.kubernetes.io/managed-by';
/** Its managed-by label and its field manager. */
const PREDECESSOR = 'motto-operator';

@Handler({ rbac: [{ kind: ConfigMap, verbs: ['create', 'patch'], why: 'one ConfigMap of the same name for each Motto' }] })
export class MottoHandler {
  @Reconcile(Motto, {
    // A child that is changed or deleted wakes its owner.
    owns: [ConfigMap],
    // One that is in our way belongs to nobody here, so it is mapped by name: when it goes, its place is ours.
    watches: [mapped(ConfigMap, (map) => [keyOf(map)])],
  })
  async reconcile(motto: Motto, ctx: ReconcileContext<Motto>): Promise<void> {
    const { namespace, name } = motto.metadata!;
    // An object of our predecessor: what it applied becomes ours first, so that fields we do not want go with the next line.
    const found = ctx.cluster.store(ConfigMap).get(ctx.key);
    if (found?.metadata?.labels?.[MANAGED_BY] === PREDECESSOR) await ctx.client.migrateFieldManager(ConfigMap, found, [PREDECESSOR]);
    // For a stranger this throws NotOursError: nothing is written, and Ready becomes False with the reason NotOurs.
    await ctx.client.applyChild(motto, ConfigMap, { metadata: { namespace, name }, data: { text: motto.spec?.text ?? '' } });

    ctx.status.condition({ type: 'Ready', status: 'True', reason: 'Kept', message: `in ConfigMap ${name}` });
  }
}

export const handlers = [MottoHandler];
export const options = { adoptedManagers: [PREDECESSOR] };
