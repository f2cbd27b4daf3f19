/**
 * One sender floods an agent with magic packets for random addresses: does a wake from somebody else still come through, and does memory
 * stay bounded?
 *
 * The flood comes from a process of its own. Wakes are sent as `virt-steward wake` sends them, three packets 100 ms apart: the kernel
 * drops packets while the agent cannot read as fast as the flood comes, and does not ask whose they are.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { TestProcess } from '../../test/harness/child-process';
import { poll } from '../../test/harness/poll';
import { ROOT } from '../../test/harness/steward-cluster';
import type { AgentProcess } from '../../test/harness/steward-processes';
import { aVm, testMac } from '../../test/harness/virtual-machines';
import { defineBenchmark, type Figure } from './benchmark';
import { PacketSource } from './packet-burst';
import { rssMib } from './process-usage';
import { Scrape } from './scrape';
import { percentile } from './statistics';
import { StewardRig } from './steward-rig';

const SENDER = join(ROOT, 'build/hack/bench/flood-sender.js');
const COPIES = 3;
const COPY_INTERVAL_MS = 100;
/** A wake that has not come by then counts as lost. */
const GIVE_UP_MS = 15_000;
/** Pause between the end of one wake and the next. */
const WAKE_INTERVAL_MS = 500;
const SAMPLE_MS = 200;
/** The agent tidies up within some two seconds after the last packet, the manager when V8 pleases. */
const SETTLE_MS = 6_000;

export const flood = defineBenchmark({
  name: 'flood',
  measures: 'magic packets for random addresses from one sender, as fast as it can: wakes of another sender, memory of agent and manager',
  options: {
    packets: { default: 1_000_000, min: 1_000, max: 100_000_000, description: 'packets of the flood' },
    rate: { default: 0, min: 0, max: 1_000_000, description: 'packets a second; 0 for as many as the kernel takes' },
    wakes: { default: 10, min: 1, max: 1_000, description: 'virtual machines woken meanwhile, as far as the flood lasts' },
  },
  run: ({ packets, rate, wakes }, progress) =>
    StewardRig.use(progress, async (rig) => {
      const manager = await rig.manager();
      const agent = await rig.agent(manager);
      await rig.wakeAll(agent);
      await rig.create(Array.from({ length: wakes }, (_, n) => aVm({ name: `vm-${n}`, mac: testMac(n) })));
      await rig.managed(manager, wakes);
      await pause(SETTLE_MS);
      const memory = async (): Promise<[number, number]> => [await rssMib(agent.process), await rssMib(manager.process)];
      const before = await memory();

      const sender = new TestProcess('flood sender', [SENDER, String(agent.udpPorts[0]), '127.0.1.1', String(packets), String(rate)]);
      const highest = watch(memory);
      const servedMs: number[] = [];
      await sender.until('packets to arrive', async () => packetsOf(await scrape(agent)) > 0);
      for (let n = 0; n < wakes && sender.isRunning; n++) {
        servedMs.push(await wake(n, agent, rig));
        progress(`wake ${n + 1}: served after ${Math.round(servedMs[n]!)} ms`);
        await pause(WAKE_INTERVAL_MS);
      }
      await sender.exited;
      const [{ seconds = 0 } = {}] = sender.logLines('flood sent') as { seconds?: number }[];
      await poll('the agent to have reported everything', async () => (await scrape(agent)).sum('wol_agent_queue_depth') === 0, {
        timeoutMs: 90_000,
        intervalMs: 200,
      });
      const peak = await highest.stop();
      await pause(SETTLE_MS);
      const after = await memory();

      const agentSays = await scrape(agent);
      const [read, dropped] = [packetsOf(agentSays), agentSays.sum('wol_agent_kernel_drops_total')];
      const figures: Figure[] = [
        { name: 'packets of the flood', value: packets, unit: '' },
        { name: 'sent at', value: packets / seconds, unit: '1/s' },
        { name: 'packets that the agent read', value: read, unit: '' },
        { name: 'of them limited', value: agentSays.sum('wol_agent_packets_total', { result: 'limited' }), unit: '' },
        { name: 'packets dropped by the kernel', value: dropped, unit: '' },
        { name: 'reports at the manager', value: new Scrape(await manager.metrics()).sum('wol_packets_total'), unit: '' },
        { name: 'wakes sent during the flood', value: servedMs.length, unit: '' },
        { name: 'of them served', value: servedMs.filter(Number.isFinite).length, unit: '', goal: { exactly: servedMs.length } },
        { name: 'first packet of a wake to its start request, median', value: percentile(servedMs, 0.5), unit: 'ms' },
        { name: 'first packet of a wake to its start request, longest', value: Math.max(...servedMs), unit: 'ms', goal: { atMost: 1_000 } },
        ...(['agent', 'manager'] as const).flatMap((name, index): Figure[] => [
          { name: `${name} RSS before`, value: before[index]!, unit: 'MiB' },
          { name: `${name} RSS at its highest`, value: peak[index]!, unit: 'MiB' },
          { name: `${name} RSS after`, value: after[index]!, unit: 'MiB', ...(name === 'agent' ? { goal: { atMost: 70 } } : {}) },
          { name: `${name} RSS growth`, value: after[index]! - before[index]!, unit: 'MiB', goal: { atMost: 10 } },
        ]),
      ];
      return figures;
    }),
});

/** @returns milliseconds from the first packet to the start request at KubeVirt; Infinity when none came. */
async function wake(n: number, { udpPorts }: AgentProcess, { cluster }: StewardRig): Promise<number> {
  const source = await PacketSource.open(udpPorts[0]!, '127.0.2.1');
  const startedMs = performance.now();
  const copies = (async () => {
    for (let copy = 0; copy < COPIES; copy++) {
      await source.burst([testMac(n)]);
      await pause(COPY_INTERVAL_MS);
    }
    source.close();
  })();
  const call = await poll('the start', () => cluster.kubevirt.journal.calls({ verb: 'start', name: `vm-${n}` })[0], {
    timeoutMs: GIVE_UP_MS,
    intervalMs: 5,
  }).catch(() => undefined);
  await copies;
  return call === undefined ? Number.POSITIVE_INFINITY : call.receivedMs - startedMs;
}

/** Keeps the highest value of each series until it is stopped. */
function watch(sample: () => Promise<number[]>): { stop(): Promise<number[]> } {
  const stopped = new AbortController();
  const running = (async () => {
    let highest = await sample();
    while (!stopped.signal.aborted) {
      await pause(SAMPLE_MS);
      highest = (await sample()).map((value, index) => Math.max(value, highest[index]!));
    }
    return highest;
  })();
  return {
    stop: () => {
      stopped.abort();
      return running;
    },
  };
}

async function scrape(agent: AgentProcess): Promise<Scrape> {
  return new Scrape((await agent.health('/metrics')).text);
}

function packetsOf(metrics: Scrape): number {
  return metrics.sum('wol_agent_packets_total');
}
