/** Packets that come while the manager is away: how many machines are started once it is back, how often, and how soon. */
import { setTimeout as pause } from 'node:timers/promises';
import { poll } from '../../test/harness/poll';
import { aVm, testMac } from '../../test/harness/virtual-machines';
import { defineBenchmark, type Figure } from './benchmark';
import { PacketSource } from './packet-burst';
import { StewardRig } from './steward-rig';

const GIVE_UP_MS = 60_000;

export const outage = defineBenchmark({
  name: 'outage',
  measures: 'packets sent while the manager is killed and comes back: virtual machines started, how often, how soon',
  options: {
    packets: { default: 100, min: 1, max: 4_000, description: 'virtual machines, each with one packet' },
    seconds: { default: 5, min: 1, max: 50, description: 'without a manager; the packets are spread over that time' },
  },
  run: ({ packets, seconds }, progress) =>
    StewardRig.use(progress, async (rig) => {
      const manager = await rig.manager();
      const agent = await rig.agent(manager);
      await rig.wakeAll(agent);
      await rig.create(Array.from({ length: packets }, (_, n) => aVm({ name: `vm-${n}`, mac: testMac(n) })));
      await rig.managed(manager, packets);
      const source = await PacketSource.open(agent.udpPorts[0]!, '127.0.1.1');
      progress(`killing the manager; ${packets} packets in ${seconds} s`);
      await manager.process.kill();
      for (let n = 0; n < packets; n++) {
        await source.burst([testMac(n)]);
        await pause((seconds * 1_000) / packets);
      }
      source.close();
      await rig.manager({ grpcPort: manager.grpcPort });
      const readyMs = performance.now();
      const { journal } = rig.cluster.kubevirt;
      const started = () => new Set(journal.calls({ verb: 'start' }).map(({ name }) => name)).size;
      await poll('every start', () => started() === packets, { timeoutMs: GIVE_UP_MS }).catch(() => undefined);
      const calls = journal.calls({ verb: 'start' });
      const afterReady = calls.map(({ receivedMs }) => Math.max(0, receivedMs - readyMs) / 1_000);
      const figures: Figure[] = [
        { name: 'packets sent while the manager was away', value: packets, unit: '' },
        { name: 'virtual machines started', value: started(), unit: '', goal: { exactly: packets } },
        { name: 'start calls at KubeVirt', value: calls.length, unit: '', goal: { exactly: packets } },
        { name: 'manager ready to first start request', value: Math.min(...afterReady), unit: 's', goal: { atMost: 3 } },
        { name: 'manager ready to last start request', value: Math.max(...afterReady), unit: 's', goal: { atMost: 3 } },
      ];
      return figures;
    }),
});
