/**
 * What the framework costs by itself: the work queue, the first list of a large collection, the cache, the watch.
 *
 * Every measurement runs in a process of its own; the server of the collection is another one, so that on two cores neither waits.
 */
import { defineBenchmark, type Figure, type Goal } from './benchmark';
import { type InformerAnswer, probe, withListServer } from './framework/probe';
import { servedVm } from './sample-vm';

const KIB = 1_024;

export const framework = defineBenchmark({
  name: 'framework',
  measures: 'work queue, first list, heap per cached object, event-loop delay and watch throughput',
  options: {
    objects: { default: 100_000, min: 1_000, max: 1_000_000, description: 'objects of about 4.7 kB in the collection' },
    keys: { default: 100_000, min: 1_000, max: 10_000_000, description: 'keys through the work queue' },
    events: { default: 30_000, min: 1_000, max: 1_000_000, description: 'changes through the watch' },
  },
  run: async ({ objects, keys, events }, progress) => {
    progress(`${keys} keys through the work queue`);
    const queue = await probe('queue-probe', [keys]);
    progress(`${objects} parsed objects in a Map`);
    const parsed = await probe('parsed-objects-probe', [objects]);
    const sync = async (mode: string, changes = 0): Promise<InformerAnswer> => {
      progress(`${objects} objects and ${changes} changes through an informer (${mode})`);
      return withListServer({ objects, events: changes }, (port) => probe('informer-probe', [port, changes, mode]));
    };
    const full = await sync('default');
    const withLastApplied = await sync('with-last-applied');
    const metadata = await sync('metadata');
    const wol = await sync('wol');
    const watch = await sync('default', events);
    const figures: Figure[] = [
      { name: 'queue: CPU for a key with nothing to do', value: (queue.cpuMs * 1_000) / keys, unit: 'us', goal: { atMost: 200 } },
      { name: 'queue: all keys done in', value: queue.wallMs, unit: 'ms' },
      { name: 'size of an object as JSON', value: JSON.stringify(servedVm(0, 1)).length / KIB, unit: 'KiB' },
      { name: 'first list: complete after', value: full.syncMs / 1_000, unit: 's', goal: { atMost: 10 } },
      { name: 'first list: CPU', value: full.syncCpuMs / 1_000, unit: 's' },
      { name: 'first list: event-loop delay, p99', value: full.loopDelayP99Ms, unit: 'ms', goal: { atMost: 50 } },
      { name: 'first list: event-loop delay, longest', value: full.loopDelayMaxMs, unit: 'ms', goal: { atMost: 300 } },
      heap('as it came, in a Map', parsed, { atMost: 7.4 }),
      heap('without managedFields', withLastApplied, { atMost: 5 }),
      heap('also without last-applied (default)', full, { atMost: 4.1 }),
      heap('metadata only', metadata, { atMost: 1.8 }),
      heap('trimmed for Wake-on-LAN', wol),
      { name: 'watch: changes stored', value: watch.eventsPerSecond, unit: '1/s', goal: { atLeast: 2_000 } },
      { name: 'watch: CPU for a change', value: watch.cpuMsPerEvent * 1_000, unit: 'us' },
    ];
    return figures;
  },
});

function heap(name: string, { heapBytesPerObject }: { heapBytesPerObject: number }, goal?: Goal): Figure {
  return { name: `heap per object: ${name}`, value: heapBytesPerObject / KIB, unit: 'KiB', ...(goal === undefined ? {} : { goal }) };
}
