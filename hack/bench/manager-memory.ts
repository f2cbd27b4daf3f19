/**
 * What a manager takes with a large fleet: memory at rest, and the time until it can wake all of it.
 *
 * API server, rights and WolConfig are real; the virtual machines come from a process in between, as large as an API server sends them.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { defineBenchmark, type Figure } from './benchmark';
import { rssMib } from './process-usage';
import { StewardRig } from './steward-rig';

/** Start-up garbage goes within some seconds. */
const SETTLE_MS = 10_000;
/** Goals of 100,000 virtual machines; fewer must not take more. */
const RSS_MIB = 150;
const READY_S = 30;

export const managerMemory = defineBenchmark({
  name: 'manager-memory',
  measures: 'manager with none, a tenth, and all of a large fleet: resident memory, time until all can be woken',
  options: { vms: { default: 100_000, min: 1_000, max: 1_000_000, description: 'virtual machines of about 4.7 kB each' } },
  run: ({ vms }, progress) =>
    StewardRig.use(progress, async (rig) => {
      await rig.wakeAll({ udpPorts: [9] });
      const figures: Figure[] = [];
      for (const objects of [0, 1_000, vms / 10, vms].filter((count, index, all) => all.indexOf(count) === index)) {
        progress(`a manager with ${objects} virtual machines`);
        figures.push(...(await measure(rig, objects)));
      }
      return figures;
    }),
});

async function measure(rig: StewardRig, objects: number): Promise<Figure[]> {
  const fleet = await rig.fleet(objects);
  const startedMs = performance.now();
  const manager = await rig.manager(fleet);
  await rig.managed(manager, objects);
  const seconds = (performance.now() - startedMs) / 1_000;
  await pause(SETTLE_MS);
  const rss = await rssMib(manager.process);
  await manager.process.stop();
  return [
    { name: `manager, ${objects} virtual machines, RSS`, value: rss, unit: 'MiB', goal: { atMost: RSS_MIB } },
    { name: `manager, ${objects} virtual machines, start to all wakeable`, value: seconds, unit: 's', goal: { atMost: READY_S } },
  ];
}
