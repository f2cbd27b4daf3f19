/**
 * How long after a virtual machine has been created a packet wakes it.
 *
 * The agent drops no repetitions here, and a packet comes every two milliseconds from the moment the API server has answered: the first one
 * that the manager has an answer to starts the machine. So the figures hold a whole wake as well.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { aVm, testMac } from '../../test/harness/virtual-machines';
import { defineBenchmark, type Figure } from './benchmark';
import { PacketSource } from './packet-burst';
import { percentile } from './statistics';
import { StewardRig } from './steward-rig';

const NEW = 20;
const INTERVAL_MS = 2;
const GIVE_UP_MS = 15_000;
/** Between two of them, so that what KubeVirt does with the one before is over. */
const REST_MS = 1_000;

export const newVm = defineBenchmark({
  name: 'new-vm',
  measures: 'a virtual machine created in a large fleet to its start request, with packets coming all the time',
  options: { vms: { default: 10_000, min: 0, max: 100_000, description: 'virtual machines that are there already' } },
  run: ({ vms }, progress) =>
    StewardRig.use(progress, async (rig) => {
      const manager = await rig.manager(await rig.fleet(vms));
      const agent = await rig.agent(manager, ['--dedup-window=0s']);
      await rig.wakeAll(agent);
      await rig.managed(manager, vms);
      await pause(REST_MS);
      const delaysMs: number[] = [];
      for (let n = vms; n < vms + NEW; n++) {
        delaysMs.push(await untilStarted(rig, n, agent.udpPorts[0]!));
        progress(`started ${Math.round(delaysMs.at(-1)!)} ms after it was created`);
        await pause(REST_MS);
      }
      const figures: Figure[] = [
        { name: 'virtual machines there already', value: vms, unit: '' },
        {
          name: 'new virtual machine created to start request, median',
          value: percentile(delaysMs, 0.5),
          unit: 'ms',
          goal: { atMost: 100 },
        },
        { name: 'new virtual machine created to start request, longest of 20', value: percentile(delaysMs, 1), unit: 'ms' },
      ];
      return figures;
    }),
});

/** @returns Infinity when it is not started in time. */
async function untilStarted({ cluster }: StewardRig, n: number, port: number): Promise<number> {
  const source = await PacketSource.open(port, '127.0.1.1');
  try {
    await cluster.api.apply(aVm({ name: `vm-${n}`, mac: testMac(n) }));
    const createdMs = performance.now();
    for (;;) {
      const [call] = cluster.kubevirt.journal.calls({ verb: 'start', name: `vm-${n}` });
      if (call !== undefined) return call.receivedMs - createdMs;
      if (performance.now() - createdMs > GIVE_UP_MS) return Number.POSITIVE_INFINITY;
      await source.burst([testMac(n)]);
      await pause(INTERVAL_MS);
    }
  } finally {
    source.close();
  }
}
