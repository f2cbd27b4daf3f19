/**
 * What packets cost that change nothing: one sender repeats the packet of a virtual machine that runs.
 *
 * The agent lets one through in two seconds; whatever else that sender sends costs the agent alone.
 */
import { join } from 'node:path';
import { TestProcess } from '../../test/harness/child-process';
import { poll } from '../../test/harness/poll';
import { ROOT } from '../../test/harness/steward-cluster';
import { aVm, testMac } from '../../test/harness/virtual-machines';
import { defineBenchmark, type Figure } from './benchmark';
import { PacketSource } from './packet-burst';
import { cpuSeconds } from './process-usage';
import { Scrape } from './scrape';
import { StewardRig } from './steward-rig';

const SENDER = join(ROOT, 'build/hack/bench/flood-sender.js');
const PER = 100_000;

export const duplicates = defineBenchmark({
  name: 'duplicates',
  measures: 'repeated packets for a virtual machine that runs: CPU time of agent and manager, start requests',
  options: {
    packets: { default: PER, min: 1_000, max: 10_000_000, description: 'repetitions' },
    rate: { default: 5_000, min: 0, max: 1_000_000, description: 'packets a second; 0 for as many as the kernel takes' },
  },
  run: ({ packets, rate }, progress) =>
    StewardRig.use(progress, async (rig) => {
      const manager = await rig.manager();
      const agent = await rig.agent(manager);
      await rig.wakeAll(agent);
      await rig.create([aVm({ name: 'vm-0', mac: testMac(0) })]);
      await rig.managed(manager, 1);
      const source = await PacketSource.open(agent.udpPorts[0]!, '127.0.1.1');
      await source.burst([testMac(0)]);
      source.close();
      await poll('the start', () => rig.cluster.kubevirt.journal.calls({ verb: 'start' }).length === 1);

      const cpu = async (): Promise<[number, number]> => [await cpuSeconds(agent.process), await cpuSeconds(manager.process)];
      const before = await cpu();
      progress(`${packets} packets for one address`);
      const sender = new TestProcess('repeating sender', [
        SENDER,
        String(agent.udpPorts[0]),
        '127.0.1.2',
        String(packets),
        String(rate),
        testMac(0),
      ]);
      await sender.exited;
      const after = await cpu();
      const spent = after.map((seconds, index) => ((seconds - before[index]!) * PER) / packets);

      const agentSays = new Scrape((await agent.health('/metrics')).text);
      const figures: Figure[] = [
        { name: 'repetitions sent', value: packets, unit: '' },
        { name: 'packets that the agent read', value: agentSays.sum('wol_agent_packets_total'), unit: '' },
        { name: 'packets dropped by the kernel', value: agentSays.sum('wol_agent_kernel_drops_total'), unit: '' },
        { name: 'reports at the manager', value: new Scrape(await manager.metrics()).sum('wol_packets_total'), unit: '' },
        {
          name: 'start calls at KubeVirt',
          value: rig.cluster.kubevirt.journal.calls({ verb: 'start' }).length,
          unit: '',
          goal: { exactly: 1 },
        },
        { name: 'agent CPU for 100,000 repetitions', value: spent[0]!, unit: 's' },
        { name: 'manager CPU for 100,000 repetitions', value: spent[1]!, unit: 's' },
      ];
      return figures;
    }),
});
