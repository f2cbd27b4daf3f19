/**
 * The value of the label `cluster` in metrics of the module: the cluster key for 200 clusters at a time, `other` for those beyond.
 *
 * Owns: which clusters have a name. Invariant: a cluster keeps its label from when it is first named until it is gone.
 */
import { singleton } from '../../framework';

const NAMED_CLUSTERS = 200;
export const OTHER_CLUSTERS = 'other';

@singleton()
export class ClusterLabels {
  private readonly named = new Set<string>();

  /** @param key empty for what belongs to no cluster, which has a label of its own. */
  of(key: string): string {
    if (key === '' || this.named.has(key)) return key;
    if (this.named.size >= NAMED_CLUSTERS) return OTHER_CLUSTERS;
    this.named.add(key);
    return key;
  }

  forget(key: string): void {
    this.named.delete(key);
  }
}
