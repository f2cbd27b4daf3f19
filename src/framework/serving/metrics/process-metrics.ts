/** What runs, whether it leads, and what went wrong outside any handler. */
import { Counter, collectDefaultMetrics, Gauge, type Registry } from 'prom-client';

export interface BuildFacts {
  readonly version: string;
  /** Names of the modules that run. */
  readonly modules: readonly string[];
}

export class ProcessMetrics {
  private readonly rejections: Counter;
  private readonly leaders: Gauge<'name'>;

  constructor(registry: Registry, { version, modules }: BuildFacts) {
    const registers = [registry];
    collectDefaultMetrics({ register: registry });
    const build = new Gauge({
      name: 'steward_build_info',
      help: 'Always 1; the labels tell what runs.',
      labelNames: ['version', 'node', 'modules'],
      registers,
    });
    build.set({ version, node: process.versions.node, modules: modules.join(',') }, 1);
    this.rejections = new Counter({
      name: 'steward_unhandled_rejections_total',
      help: 'Promises that were rejected and that nobody waited for.',
      registers,
    });
    this.leaders = new Gauge({
      name: 'leader_election_master_status',
      help: 'Whether this process leads; name is that of the Lease.',
      labelNames: ['name'],
      registers,
    });
  }

  unhandledRejection(): void {
    this.rejections.inc();
  }

  /** @param name of the Lease. */
  setLeading(name: string, isLeading: boolean): void {
    this.leaders.set({ name }, isLeading ? 1 : 0);
  }
}
