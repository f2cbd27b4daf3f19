/** Read access to what an informer knows. Answers from the last complete state during outages. */
import type { KubernetesObject, ObjectKey } from '../kinds/object';

export interface StoreReader<T extends KubernetesObject = KubernetesObject> {
  /** True once the first list was complete; stays true through outages, and ends only when the kind itself leaves the cluster. */
  readonly synced: boolean;
  readonly size: number;
  get(key: ObjectKey): T | undefined;
  list(): IterableIterator<T>;
  /** Objects that the named index files under `value`. @throws {RangeError} when there is no such index. */
  by(index: string, value: string): readonly T[];
}
