/**
 * Wake-on-LAN as a whole: every figure that people compare, beside its goal and beside that of the older operator.
 *
 * Owns: which benchmarks that takes, with which options, and what the older operator was measured at on a machine of this kind.
 */
import { type Benchmark, defineBenchmark, type Figure } from './benchmark';
import { burst } from './burst';
import { duplicates } from './duplicates';
import { flood } from './flood';
import { managerMemory } from './manager-memory';
import { newVm } from './new-vm';
import { outage } from './outage';
import { figureTable } from './report';
import { wakeLatency } from './wake-latency';
import { wakeMap } from './wake-map';

interface Part {
  readonly benchmark: Benchmark;
  /** What its figures are about, in front of their names. */
  readonly title: string;
  /** Others than the defaults. */
  readonly options?: Readonly<Record<string, number>>;
  /** Of the older operator, by figure. */
  readonly older?: Readonly<Record<string, string>>;
}

const LOST = { 'reports at the manager': '2 to 16 % of them' };
const LATENCY = {
  'packet sent to start request at KubeVirt, p50': '4.4 to 8.4 ms',
  'packet sent to start request at KubeVirt, p99': '15 to 43 ms',
};

const PARTS: readonly Part[] = [
  { benchmark: wakeLatency, title: 'latency, TLS, 10,000 VMs, 5 a second', options: { vms: 10_000, rate: 5 }, older: LATENCY },
  { benchmark: wakeLatency, title: 'the same, 20 a second', options: { vms: 10_000, rate: 20, wakes: 500 }, older: LATENCY },
  { benchmark: newVm, title: 'new VM', older: { 'new virtual machine created to start request, median': '77 to 100 ms' } },
  { benchmark: burst, title: 'burst of 10', options: { packets: 10 }, older: LOST },
  { benchmark: burst, title: 'burst of 100', options: { packets: 100 }, older: LOST },
  { benchmark: burst, title: 'burst of 1,000', older: LOST },
  { benchmark: burst, title: 'burst of 10,000', options: { packets: 10_000, bursts: 3 } },
  { benchmark: flood, title: 'flood, 10,000 a second', options: { rate: 10_000 } },
  { benchmark: flood, title: 'flood, as fast as one sender can' },
  { benchmark: duplicates, title: 'duplicates' },
  { benchmark: outage, title: 'manager away for 5 s', older: { 'virtual machines started': 'none' } },
  {
    benchmark: managerMemory,
    title: 'memory',
    older: {
      'manager, 0 virtual machines, RSS': '50 MiB',
      'manager, 1000 virtual machines, RSS': '78 MiB',
      'manager, 10000 virtual machines, RSS': '280 MiB',
    },
  },
  { benchmark: wakeMap, title: 'wake map' },
];

export const wol = defineBenchmark({
  name: 'wol',
  measures: 'Wake-on-LAN as a whole, beside the older operator: latency, bursts, flood, repetitions, an outage, memory; some 15 minutes',
  options: {},
  run: async (_, progress) => {
    const figures: Figure[] = [];
    for (const { benchmark, title, options, older = {} } of PARTS) {
      progress(title);
      const measured = await benchmark.run({ ...defaultsOf(benchmark), ...options }, progress);
      const named = measured.map((figure) => ({ ...figure, name: `${title}: ${figure.name}`, ...olderOf(older[figure.name]) }));
      // The run is long: whoever ends it early has what was measured so far.
      progress(figureTable(named));
      figures.push(...named);
    }
    return figures;
  },
});

function defaultsOf({ options }: Benchmark): Record<string, number> {
  return Object.fromEntries(Object.entries(options).map(([name, option]) => [name, option.default]));
}

function olderOf(older: string | undefined): Pick<Figure, 'older'> {
  return older === undefined ? {} : { older };
}
