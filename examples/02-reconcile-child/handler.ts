/** Keeps one ConfigMap for each Greeting, whatever happens to either of them. */
import { ConfigMap, defineKind, Handler, type KubernetesObject, Reconcile, type ReconcileContext } from 'virt-steward/framework';

export interface Greeting extends KubernetesObject {
  spec: { name: string };
}
export const Greeting = defineKind<Greeting>('example.org/v1', 'Greeting', 'greetings', { scope: 'Namespaced' });

@Handler({ rbac: [{ kind: ConfigMap, verbs: ['create', 'patch'], why: 'one ConfigMap for each Greeting' }] })
export class GreetingHandler {
  /** `owns`: a ConfigMap that is changed or deleted wakes the Greeting it belongs to. */
  @Reconcile(Greeting, { owns: [ConfigMap] })
  async reconcile(greeting: Greeting, ctx: ReconcileContext<Greeting>): Promise<void> {
    const { namespace, name } = greeting.metadata!;
    // Says what should be, not what to do: server-side apply creates, corrects, or finds that nothing differs and writes nothing.
    const { changed } = await ctx.client.applyChild(greeting, ConfigMap, {
      metadata: { namespace, name: `greeting-${name}` },
      data: { text: `Hello, ${greeting.spec.name}!` },
    });
    if (changed) ctx.log.info('the ConfigMap was written');
  }
}

export const handlers = [GreetingHandler];
