/**
 * The value of the label `cluster` in metrics of the module: the cluster key for 200 clusters at a time, `other` for those beyond.
 *
 * Owns: which clusters have a name. Invariant: a cluster keeps its label from when it comes until it is gone; what is no cluster, or not any
 * more, has none of its own, however often it is asked for.
 */
import { singleton } from '../../framework';

const NAMED_CLUSTERS = 200;
export const OTHER_CLUSTERS = 'other';

@singleton()
export class ClusterLabels {
  private readonly named = new Set<string>();

  /** @param key empty for what belongs to no cluster, which has a label of its own. */
  of(key: string): string {
    return key === '' || this.named.has(key) ? key : OTHER_CLUSTERS;
  }

  /** There is such a cluster. @returns its label. */
  add(key: string): string {
    if (this.named.size < NAMED_CLUSTERS) this.named.add(key);
    return this.of(key);
  }

  forget(key: string): void {
    this.named.delete(key);
  }
}
