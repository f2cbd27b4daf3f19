/** Finds cached objects by something other than their name, and counts them as they come and go. */
import {
  Handler,
  type HandlerContext,
  Index,
  keyOf,
  Node,
  OnEvent,
  Pod,
  Reconcile,
  type ReconcileResult,
  type ResourceEvent,
} from 'virt-steward/framework';

const BY_NODE = 'node';

@Handler()
export class NodeDrain {
  private readonly evicted = new Map<string, number>();

  /** Kept up to date by the cache: a key, several, or none. Pure, or the index is wrong. */
  @Index(Pod, BY_NODE)
  nodeOf(pod: Pod): string | undefined {
    return pod.spec?.nodeName;
  }

  /**
   * Called inline for every change, on every replica, before any queue: for state in memory, which the first list after a start
   * builds anew. Nothing is retried, so nothing here may fail or wait.
   */
  @OnEvent(Pod)
  count({ type, object }: ResourceEvent<Pod>): void {
    const node = object.spec?.nodeName;
    if (type === 'DELETED' && node !== undefined) this.evicted.set(node, (this.evicted.get(node) ?? 0) + 1);
  }

  /** What is kept for an object goes with it. */
  @OnEvent(Node)
  forget({ type, object }: ResourceEvent<Node>): void {
    if (type === 'DELETED') this.evicted.delete(keyOf(object));
  }

  /** Tells how far the draining of a node is, until it is empty. */
  @Reconcile(Node, { when: (node) => node.spec?.unschedulable === true })
  async report(_node: Node, ctx: HandlerContext<Node>): Promise<ReconcileResult> {
    const pods = ctx.cluster.store(Pod).by(BY_NODE, ctx.key);
    ctx.log.info('node is being drained', { left: pods.length, gone: this.evicted.get(ctx.key) ?? 0 });
    return pods.length === 0 ? undefined : { requeueAfterMs: 10_000 };
  }
}

export const handlers = [NodeDrain];
