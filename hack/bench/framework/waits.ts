/** How long changes wait for their run, as the handlers of a probe see it. */
import { type KubernetesObject, keyOf, type ObjectKey } from '../../../src/framework/kinds/object';
import { percentile } from '../statistics';
import type { WaitAnswer } from './probe';

const BYTES_PER_MIB = 1_048_576;

export class Waits {
  private readonly changed = new Map<string, number>();
  private waitsMs: number[] = [];

  saw(cluster: string, object: KubernetesObject): void {
    const key = `${cluster} ${keyOf(object)}`;
    // Changes fold; the oldest that is not yet handled counts.
    if (!this.changed.has(key)) this.changed.set(key, performance.now());
  }

  ran(cluster: string, of: ObjectKey): void {
    const key = `${cluster} ${of}`;
    const sinceMs = this.changed.get(key);
    if (sinceMs === undefined) return;
    this.changed.delete(key);
    this.waitsMs.push(performance.now() - sinceMs);
  }

  /** Begins anew. */
  forget(): void {
    this.waitsMs = [];
  }

  /** What was measured since the last call. */
  take(): WaitAnswer {
    const waits = this.waitsMs;
    this.waitsMs = [];
    const rssMib = process.memoryUsage().rss / BYTES_PER_MIB;
    return { runs: waits.length, waitP50Ms: percentile(waits, 0.5), waitP99Ms: percentile(waits, 0.99), rssMib };
  }
}
