/**
 * Many distinct magic packets at once: does every one reach the manager, and does memory stay flat?
 *
 * The packets of a burst leave in one turn of the event loop, as from a management tool that wakes a whole site. Each burst comes from a
 * source address of its own: what one sender may send at once is part of what is measured, what it may send on average is not.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { ManagerProcess } from '../../test/harness/steward-processes';
import { aVm, testMac } from '../../test/harness/virtual-machines';
import { defineBenchmark, type Figure } from './benchmark';
import { PacketSource } from './packet-burst';
import { rssMib } from './process-usage';
import { Scrape } from './scrape';
import { percentile } from './statistics';
import { StewardRig } from './steward-rig';

/** A report that has not come by then counts as lost. */
const GIVE_UP_MS = 15_000;
const POLL_MS = 20;
/** The agent gives memory back within some two seconds after the last packet. */
const SETTLE_MS = 4_000;
/** Growth after the first burst that still counts as flat: one more semi-space of a young heap. */
const FLAT_MIB = 16;

export const burst = defineBenchmark({
  name: 'burst',
  measures: 'magic packets sent in one burst to one agent: reports that reach the manager, kernel drops, memory',
  options: {
    packets: { default: 1_000, min: 1, max: 10_000, description: 'distinct addresses in a burst' },
    bursts: { default: 10, min: 1, max: 250, description: 'bursts, each with addresses of its own' },
    vms: { default: 0, min: 0, max: 10_000, description: 'virtual machines to create; the first packets start them' },
  },
  run: ({ packets, bursts, vms }, progress) =>
    StewardRig.use(progress, async (rig) => {
      const manager = await rig.manager();
      const agent = await rig.agent(manager);
      await rig.wakeAll(agent);
      if (vms > 0) progress(`creating ${vms} virtual machines`);
      await rig.create(Array.from({ length: vms }, (_, n) => aVm({ name: `vm-${n}`, mac: testMac(n) })));
      await rig.managed(manager, vms);
      const memory = async (): Promise<[number, number]> => [await rssMib(agent.process), await rssMib(manager.process)];

      const before = await memory();
      let afterFirst = before;
      const durationsMs: number[] = [];
      const acceptedMs: number[] = [];
      for (let n = 0; n < bursts; n++) {
        const macs = Array.from({ length: packets }, (_, packet) => testMac(n * packets + packet));
        const source = await PacketSource.open(agent.udpPorts[0]!, `127.0.1.${n + 1}`);
        const startedMs = performance.now();
        acceptedMs.push(await source.burst(macs));
        source.close();
        const arrived = await untilReported(manager, (n + 1) * packets);
        durationsMs.push(performance.now() - startedMs);
        progress(`burst ${n + 1}: ${arrived} of ${(n + 1) * packets} reports so far`);
        if (n === 0) {
          await pause(SETTLE_MS);
          afterFirst = await memory();
        }
      }
      if (vms > 0) await untilStarted(manager, Math.min(vms, packets * bursts));
      await pause(SETTLE_MS);
      const after = await memory();

      const managerSays = new Scrape(await manager.metrics());
      const agentSays = new Scrape((await agent.health('/metrics')).text);
      const sent = packets * bursts;
      const growth = after.map((mib, index) => mib - afterFirst[index]!);
      const figures: Figure[] = [
        { name: 'packets sent', value: sent, unit: '' },
        { name: 'reports at the manager', value: managerSays.sum('wol_packets_total'), unit: '', goal: { exactly: sent } },
        { name: 'packets dropped by the kernel', value: agentSays.sum('wol_agent_kernel_drops_total'), unit: '', goal: { exactly: 0 } },
        { name: 'packets limited by the agent', value: agentSays.sum('wol_agent_packets_total', { result: 'limited' }), unit: '' },
        {
          name: 'receive buffer as Linux reports it',
          value: agentSays.sum('wol_agent_receive_buffer_bytes', { family: 'ipv4' }) / 1_024,
          unit: 'KiB',
        },
        { name: 'a burst leaves the sender in, median', value: percentile(acceptedMs, 0.5), unit: 'ms' },
        { name: 'a burst is reported completely in, median', value: percentile(durationsMs, 0.5), unit: 'ms' },
        { name: 'a burst is reported completely in, longest', value: Math.max(...durationsMs), unit: 'ms' },
        ...(vms === 0 ? [] : startFigures(managerSays, Math.min(vms, sent), rig.cluster.kubevirt.journal.calls({ verb: 'start' }).length)),
        ...(['agent', 'manager'] as const).flatMap((name, index): Figure[] => [
          { name: `${name} RSS before`, value: before[index]!, unit: 'MiB' },
          { name: `${name} RSS after the first burst`, value: afterFirst[index]!, unit: 'MiB' },
          { name: `${name} RSS after the last`, value: after[index]!, unit: 'MiB', ...(name === 'agent' ? { goal: { atMost: 70 } } : {}) },
          { name: `${name} RSS growth after the first burst`, value: growth[index]!, unit: 'MiB', goal: { atMost: FLAT_MIB } },
        ]),
      ];
      return figures;
    }),
});

function startFigures(managerSays: Scrape, expected: number, calls: number): Figure[] {
  return [
    { name: 'virtual machines started', value: managerSays.sum('wol_vm_started_total'), unit: '', goal: { exactly: expected } },
    { name: 'start calls at KubeVirt', value: calls, unit: '', goal: { exactly: expected } },
  ];
}

/** @returns how many came; fewer than asked for when the time is over. */
async function untilReported(manager: ManagerProcess, reports: number): Promise<number> {
  return untilMetric(manager, 'wol_packets_total', reports, GIVE_UP_MS);
}

async function untilStarted(manager: ManagerProcess, starts: number): Promise<number> {
  return untilMetric(manager, 'wol_vm_started_total', starts, GIVE_UP_MS + starts * 20);
}

async function untilMetric(manager: ManagerProcess, name: string, wanted: number, timeoutMs: number): Promise<number> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = new Scrape(await manager.metrics()).sum(name);
    if (value >= wanted || performance.now() > deadline) return value;
    await pause(POLL_MS);
  }
}
