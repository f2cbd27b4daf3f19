/**
 * Counters of the module, and how long a remote change takes to show.
 *
 * Owns: names, labels and buckets. Never: a label that names a Machine. Series of a cluster come with zeros and go with it.
 */
import { Counter, Histogram } from 'prom-client';
import { MetricsRegistry, singleton } from '../../framework';
import { ClusterLabels } from '../observability/cluster-labels';
import { AUTOMATIC_RULES, PLACEMENT_PROBLEMS } from '../placement/placement-rules';

const ROTATIONS = ['used', 'refused'] as const;
const RULES = ['Spec', 'Annotation', ...AUTOMATIC_RULES] as const;
/** Changes show after at least 100 ms, in which those of a burst become one; a cluster may be away for minutes. */
const LATENCY_SECONDS = [0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5, 5, 10, 30, 60];

@singleton()
export class ClusterMetrics {
  private readonly placements: Counter<'rule' | 'result'>;
  private readonly rotations: Counter<'cluster' | 'result'>;
  private readonly adoptions: Counter<'cluster'>;
  private readonly orphans: Counter<'cluster'>;
  private readonly latencies: Histogram<'cluster'>;
  /** Labels whose series are there. */
  private readonly declared = new Set<string>();

  constructor(
    registry: MetricsRegistry,
    private readonly labels: ClusterLabels,
  ) {
    const registers = [registry];
    const labelNames = ['cluster'] as const;
    this.placements = new Counter({
      name: 'steward_machines_placements_total',
      help: 'Placements that were written down, by their rule, and Machines that could not be placed, by the reason.',
      labelNames: ['rule', 'result'],
      registers,
    });
    this.rotations = new Counter({
      name: 'steward_machines_credential_rotations_total',
      help: 'Kubeconfigs that took the place of another one, and those that were refused.',
      labelNames: ['cluster', 'result'],
      registers,
    });
    this.adoptions = new Counter({
      name: 'steward_machines_adoptions_total',
      help: 'Virtual machines that were taken over as they were found.',
      ...{ labelNames, registers },
    });
    this.orphans = new Counter({
      name: 'steward_machines_orphaned_total',
      help: 'Machines that were deleted while their remote objects were given up.',
      ...{ labelNames, registers },
    });
    this.latencies = new Histogram({
      name: 'steward_machines_status_latency_seconds',
      help: 'Time from a change on a remote cluster, as its watch told it, to the answer to the write of the status that shows it.',
      buckets: LATENCY_SECONDS,
      ...{ labelNames, registers },
    });
    for (const rule of RULES) this.placements.inc({ rule, result: 'placed' }, 0);
    for (const result of PLACEMENT_PROBLEMS) this.placements.inc({ rule: '', result }, 0);
  }

  placed(rule: string): void {
    this.placements.inc({ rule, result: 'placed' });
  }

  /** @param reason of the condition `Placed`. */
  unplaced(reason: string): void {
    this.placements.inc({ rule: '', result: reason });
  }

  rotated(key: string, result: (typeof ROTATIONS)[number]): void {
    this.rotations.inc({ cluster: this.labels.of(key), result });
  }

  adopted(key: string): void {
    this.adoptions.inc({ cluster: this.labels.of(key) });
  }

  orphaned(key: string): void {
    this.orphans.inc({ cluster: this.labels.of(key) });
  }

  statusWritten(key: string, seconds: number): void {
    this.latencies.observe({ cluster: this.labels.of(key) }, seconds);
  }

  /** A cluster is known: its first adoption is an increase then and no new series. */
  declare(key: string): void {
    const cluster = this.labels.add(key);
    // A histogram at zero takes away what was observed.
    if (this.declared.has(cluster)) return;
    this.declared.add(cluster);
    for (const result of ROTATIONS) this.rotations.inc({ cluster, result }, 0);
    for (const counter of [this.adoptions, this.orphans]) counter.inc({ cluster }, 0);
    this.latencies.zero({ cluster });
  }

  /** The cluster is gone. What is counted for several together stays. */
  forget(key: string): void {
    if (this.labels.of(key) !== key) return;
    for (const result of ROTATIONS) this.rotations.remove({ cluster: key, result });
    for (const metric of [this.adoptions, this.orphans, this.latencies]) metric.remove({ cluster: key });
    this.declared.delete(key);
    this.labels.forget(key);
  }
}
