/**
 * Tells each NodePool how many of its nodes are ready.
 *
 * A node is no child of its pool: a label names the pool. `mapped` turns a change of a node into the keys of the pools it concerns.
 */
import {
  ALL,
  ConfigMap,
  conditionOf,
  defineKind,
  Handler,
  Index,
  type KubernetesObject,
  mapped,
  Node,
  Reconcile,
  type ReconcileContext,
} from 'virt-steward/framework';

export interface NodePool extends KubernetesObject {
  spec?: { minReady?: number };
  status?: { nodes?: number; ready?: number };
}
export const NodePool = defineKind<NodePool>('example.org/v1', 'NodePool', 'nodepools', {
  scope: 'Cluster',
  observedGeneration: true,
  conditions: true,
});

export const POOL_LABEL = 'example.org/pool';
/** One ConfigMap that concerns every pool. Watching one name needs the right to that one name only. */
const DEFAULTS = { namespaces: ['default'], fields: 'metadata.name=nodepool-defaults' };

const poolOf = (node: Node): string[] => [node.metadata?.labels?.[POOL_LABEL] ?? []].flat();
const isReady = (node: Node): boolean => conditionOf(node, 'Ready')?.status === 'True';

/** The kubelet reports every few seconds; only these changes are news to a pool. */
const isNews = (now: Node, old: Node | undefined): boolean =>
  old === undefined || isReady(now) !== isReady(old) || poolOf(now).join() !== poolOf(old).join();

@Handler()
export class NodePoolHandler {
  @Index(Node, 'pool')
  pool(node: Node): readonly string[] {
    return poolOf(node);
  }

  @Reconcile(NodePool, { watches: [mapped(Node, poolOf, { when: isNews }), mapped(ConfigMap, () => ALL, { select: DEFAULTS })] })
  async reconcile(pool: NodePool, ctx: ReconcileContext<NodePool>): Promise<void> {
    const nodes = ctx.cluster.store(Node).by('pool', ctx.key);
    const ready = nodes.filter(isReady).length;
    const defaults = ctx.cluster.store(ConfigMap, DEFAULTS).get('default/nodepool-defaults');
    const wanted = pool.spec?.minReady ?? Number(defaults?.data?.['minReady'] ?? 1);

    ctx.status.set({ nodes: nodes.length, ready });
    ctx.status.condition({
      type: 'Ready',
      status: ready >= wanted ? 'True' : 'False',
      reason: ready >= wanted ? 'EnoughNodes' : 'TooFewNodes',
      message: `${ready} of ${nodes.length} nodes are ready, ${wanted} wanted`,
    });
  }
}

export const handlers = [NodePoolHandler];
