/** Cleans up outside of the cluster before an object may go. */
import {
  defineKind,
  Handler,
  type HandlerContext,
  type KubernetesObject,
  OnDelete,
  Reconcile,
  type ReconcileContext,
  type ReconcileResult,
} from 'virt-steward/framework';
import { Billboard } from './billboard';

export interface Greeting extends KubernetesObject {
  spec: { name: string };
}
export const Greeting = defineKind<Greeting>('example.org/v1', 'Greeting', 'greetings', { scope: 'Namespaced' });

@Handler()
export class BillboardHandler {
  /** Injected by its class. Import it as a value: of an `import type` nothing is left at run time. */
  constructor(private readonly billboard: Billboard) {}

  /** The finalizer of `takeDown` is on the object before this runs for the first time. */
  @Reconcile(Greeting)
  async show({ spec }: Greeting, ctx: ReconcileContext<Greeting>): Promise<void> {
    await this.billboard.put(ctx.key, `Hello, ${spec.name}!`);
  }

  /** Runs while the object is Terminating. The finalizer is taken off once this has succeeded; a throw is retried. */
  @OnDelete(Greeting, { finalizer: 'example.org/billboard' })
  async takeDown(_greeting: Greeting, ctx: HandlerContext<Greeting>): Promise<ReconcileResult> {
    if (await this.billboard.takeDown(ctx.key)) return;
    ctx.log.info('somebody keeps the file');
    return { requeueAfterMs: 5_000 }; // not finished: the finalizer stays
  }
}

export const handlers = [BillboardHandler];
