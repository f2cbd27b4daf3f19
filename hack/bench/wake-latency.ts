/**
 * How long a wake takes: from the packet on the wire to KubeVirt's answer to the start request.
 *
 * Every wake goes through agent, manager and a real API server to the stand-in for KubeVirt. The stand-in runs in this process, so
 * sending and arrival are taken on one clock. What virt-controller does after a start loads the same machine.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { poll } from '../../test/harness/poll';
import { aVm, testMac } from '../../test/harness/virtual-machines';
import { defineBenchmark, type Figure } from './benchmark';
import { PacketSource } from './packet-burst';
import { cpuSeconds } from './process-usage';
import { Scrape } from './scrape';
import { histogramQuantile, percentile } from './statistics';
import { StewardRig } from './steward-rig';

/** Wakes before the measured ones: connections and compiled code are warm, as in a manager that has been up for a while. */
const WARM_UP = 20;

export const wakeLatency = defineBenchmark({
  name: 'wake-latency',
  measures: 'a magic packet received to the start request sent and answered, p50 and p99',
  options: {
    wakes: { default: 300, min: 1, max: 10_000, description: 'virtual machines, each woken once' },
    vms: { default: 0, min: 0, max: 100_000, description: 'further virtual machines, which nobody wakes' },
    rate: { default: 5, min: 1, max: 200, description: 'wakes a second; from about 20 on two cores wait for each other' },
  },
  run: ({ wakes, rate, vms }, progress) =>
    StewardRig.use(progress, async (rig) => {
      const manager = await rig.manager(vms === 0 ? {} : await rig.fleet(vms));
      const agent = await rig.agent(manager);
      await rig.wakeAll(agent);
      const all = WARM_UP + wakes;
      progress(`creating ${all} virtual machines`);
      await rig.create(Array.from({ length: all }, (_, n) => aVm({ name: `vm-${n}`, mac: testMac(vms + n) })));
      await rig.managed(manager, all + vms);
      const { journal } = rig.cluster.kubevirt;
      const started = (count: number): Promise<boolean> =>
        poll(`${count} starts`, () => journal.calls({ verb: 'start' }).length >= count, { timeoutMs: 60_000 });

      const source = await PacketSource.open(agent.udpPorts[0]!, '127.0.1.1');
      const sentMs = new Map<string, number>();
      const wake = async (n: number): Promise<void> => {
        sentMs.set(`vm-${n}`, performance.now());
        await source.burst([testMac(vms + n)]);
      };
      progress(`waking ${WARM_UP} to warm up, then ${wakes} at ${rate} a second`);
      for (let n = 0; n < WARM_UP; n++) await wake(n);
      await started(WARM_UP);
      const warm = new Scrape(await manager.metrics());
      const cpuBefore = await Promise.all([cpuSeconds(manager.process), cpuSeconds(agent.process)]);
      const beginMs = performance.now();
      for (let n = 0; n < wakes; n++) {
        await pause(Math.max(0, beginMs + (n * 1_000) / rate - performance.now()));
        await wake(WARM_UP + n);
      }
      await started(all);
      source.close();
      const [managerCpu, agentCpu] = [
        (await cpuSeconds(manager.process)) - cpuBefore[0]!,
        (await cpuSeconds(agent.process)) - cpuBefore[1]!,
      ];

      const calls = journal.calls({ verb: 'start' }).filter(({ name }) => Number(name.slice('vm-'.length)) >= WARM_UP);
      const arrivedMs = calls.map(({ name, receivedMs }) => receivedMs - sentMs.get(name)!);
      const answeredMs = calls.map(({ name, answeredMs: atMs }) => atMs - sentMs.get(name)!);
      const metrics = [new Scrape(await manager.metrics()), warm] as const;
      const figures: Figure[] = [
        { name: 'wakes', value: wakes, unit: '' },
        { name: 'start calls at KubeVirt', value: calls.length, unit: '', goal: { exactly: wakes } },
        ...spread('packet sent to start request at KubeVirt', arrivedMs),
        ...spread('packet sent to start request answered by KubeVirt', answeredMs),
        ...histogram('packet to start request sent (wol_dispatch_latency_seconds)', metrics, 'wol_dispatch_latency_seconds', {
          p50: 5,
          p99: 25,
        }),
        ...histogram('packet to start accepted (wol_start_latency_seconds)', metrics, 'wol_start_latency_seconds'),
        { name: 'manager CPU for a wake', value: (managerCpu * 1_000) / wakes, unit: 'ms' },
        { name: 'agent CPU for a wake', value: (agentCpu * 1_000) / wakes, unit: 'ms' },
      ];
      return figures;
    }),
});

function spread(name: string, samplesMs: readonly number[]): Figure[] {
  return [
    { name: `${name}, p50`, value: percentile(samplesMs, 0.5), unit: 'ms' },
    { name: `${name}, p99`, value: percentile(samplesMs, 0.99), unit: 'ms' },
    { name: `${name}, longest`, value: percentile(samplesMs, 1), unit: 'ms' },
  ];
}

/** From the manager's own histogram, what came since it was warm: interpolated within buckets, so only roughly. */
function histogram(name: string, [now, warm]: readonly [Scrape, Scrape], metric: string, goalsMs?: { p50: number; p99: number }): Figure[] {
  const buckets = now.buckets(metric, warm);
  return (['p50', 'p99'] as const).map((rank) => ({
    name: `${name}, ${rank}`,
    value: histogramQuantile(buckets, rank === 'p50' ? 0.5 : 0.99) * 1_000,
    unit: 'ms',
    ...(goalsMs === undefined ? {} : { goal: { atMost: goalsMs[rank] } }),
  }));
}
