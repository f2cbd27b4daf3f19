/**
 * Enqueues objects for causes that are no Kubernetes event: a change in memory, a report over the network.
 *
 * Owns: the way from a kind and key to its queue. Invariant: a touch before the operator works, or for a key that is not in the
 * store, is dropped; what becomes active looks at every object anyway.
 */
import type { Kind } from '../kinds/kind';
import type { KubernetesObject, ObjectKey } from '../kinds/object';

export class Triggers {
  private readonly sinks = new Map<string, (key: ObjectKey) => void>();

  /** Makes every `@Reconcile` handler of the kind look at this object soon. Inject this class to call it. */
  touch<T extends KubernetesObject>(kind: Kind<T>, key: ObjectKey): void {
    this.sinks.get(kind.id)?.(key);
  }

  /** The runtime connects one sink a kind. */
  connect(kindId: string, sink: (key: ObjectKey) => void): void {
    this.sinks.set(kindId, sink);
  }
}
