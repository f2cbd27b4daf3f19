/** What a store change looks like to `@OnEvent` handlers, indexes and the queue. */
import type { KubernetesObject } from '../kinds/object';

export type ResourceEventType = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface ResourceEvent<T extends KubernetesObject = KubernetesObject> {
  readonly type: ResourceEventType;
  /** The object as it is now; for DELETED the last state known. Shared with the cache: do not mutate. */
  readonly object: T;
  /** The state before; absent for ADDED. */
  readonly old: T | undefined;
  /** Part of the first list of this informer. */
  readonly initial: boolean;
  /** Found only by comparing a new list with the store: intermediate and final state are unknown. */
  readonly lost: boolean;
  /** Name of the cluster the object lives in; `local` for the one the process runs in. */
  readonly cluster: string;
}
