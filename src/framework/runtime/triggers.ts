/**
 * Enqueues objects for causes that are no Kubernetes event: a change in memory, a report over the network.
 *
 * Owns: the way from a kind and key to its queue. Invariant: a touch before the operator works, or for a key that is not in the
 * store, is dropped; what becomes active looks at every object anyway.
 */
import { LOCAL_CLUSTER } from '../cluster/cluster';
import type { Kind } from '../kinds/kind';
import type { KubernetesObject, ObjectKey } from '../kinds/object';

export class Triggers {
  private readonly sinks = new Map<string, (key: ObjectKey) => void>();

  /**
   * Makes every `@Reconcile` handler of the kind look at this object soon. Inject this class to call it.
   * @param cluster where the object is. @default local
   */
  touch<T extends KubernetesObject>(kind: Kind<T>, key: ObjectKey, cluster: string = LOCAL_CLUSTER): void {
    this.sinks.get(`${cluster} ${kind.id}`)?.(key);
  }

  /** The runtime connects one sink for each kind and cluster. @returns disconnects it. */
  connect(kindId: string, sink: (key: ObjectKey) => void, cluster: string = LOCAL_CLUSTER): () => void {
    const id = `${cluster} ${kindId}`;
    this.sinks.set(id, sink);
    return () => {
      if (this.sinks.get(id) === sink) this.sinks.delete(id);
    };
  }
}
