/**
 * Counters of placements and credentials.
 *
 * Owns: names and labels. Never: a label that names a Machine. Series of a cluster go with it.
 */
import { Counter } from 'prom-client';
import { MetricsRegistry, singleton } from '../../framework';

@singleton()
export class ClusterMetrics {
  private readonly placements: Counter<'rule' | 'result'>;
  private readonly rotations: Counter<'cluster' | 'result'>;

  constructor(registry: MetricsRegistry) {
    this.placements = new Counter({
      name: 'steward_machines_placements_total',
      help: 'Placements that were written down, by their rule, and Machines that could not be placed, by the reason.',
      labelNames: ['rule', 'result'],
      registers: [registry],
    });
    this.rotations = new Counter({
      name: 'steward_machines_credential_rotations_total',
      help: 'Kubeconfigs that took the place of another one, and those that were refused.',
      labelNames: ['cluster', 'result'],
      registers: [registry],
    });
  }

  placed(rule: string): void {
    this.placements.inc({ rule, result: 'placed' });
  }

  /** @param reason of the condition `Placed`. */
  unplaced(reason: string): void {
    this.placements.inc({ rule: '', result: reason });
  }

  rotated(cluster: string, result: 'used' | 'refused'): void {
    this.rotations.inc({ cluster, result });
  }

  forget(cluster: string): void {
    for (const result of ['used', 'refused']) this.rotations.remove({ cluster, result });
  }
}
