import { expect } from 'chai';
import { etherwake, wakeonlan } from '../../../hack/tools/wake-senders';
import { buildMagicPacket } from '../../../src/wol/protocol/magic-packet';
import { type LabNode, NetworkLab } from '../../harness/network-lab';
import { poll } from '../../harness/poll';
import { MAIN, ROOT, StewardCluster } from '../../harness/steward-cluster';
import { type AgentProcess, type ManagerProcess, startAgent, startManager } from '../../harness/steward-processes';
import { aVm, aWolConfig, testMac } from '../../harness/virtual-machines';

const SEND_FRAME = `${ROOT}/build/test/harness/send-frame.js`;
const NODES = ['one', 'two'];
const ALL_AND_A_SENDER = 'ffffffffffff02ff000000aa';

/** How a packet for one virtual machine is sent, as a command line on the sender's node. */
const ways: { readonly name: string; command(mac: string, lab: NetworkLab): string[] | Promise<string[]> }[] = [
  { name: 'a broadcast', command: (mac, lab) => [process.execPath, MAIN, 'wake', mac, '--to', lab.broadcastAddress] },
  { name: 'an IPv6 multicast', command: (mac) => [process.execPath, MAIN, 'wake', mac, '--to', 'ff02::1%eth0'] },
  { name: 'wakeonlan', command: async (mac, lab) => [await wakeonlan(), '-i', lab.broadcastAddress, mac] },
  { name: 'etherwake', command: async (mac) => [await etherwake(), '-i', 'eth0', '-b', mac] },
  { name: 'an Ethernet frame', command: (mac) => [process.execPath, SEND_FRAME, 'eth0', frame(mac)] },
  { name: 'an Ethernet frame with a VLAN tag', command: (mac) => [process.execPath, SEND_FRAME, 'eth0', frame(mac, '81000005')] },
];

function frame(mac: string, tag = ''): string {
  return `${ALL_AND_A_SENDER}${tag}0842${Buffer.from(buildMagicPacket(mac)).toString('hex')}`;
}

describe(`two nodes on one network${NetworkLab.titleNote}`, () => {
  let lab: NetworkLab;
  let cluster: StewardCluster;
  let manager: ManagerProcess;
  let agents: AgentProcess[] = [];

  before(async function () {
    if (!NetworkLab.isPossible) this.skip();
    this.timeout(0);
    lab = await NetworkLab.start(...NODES, 'sender');
    cluster = await StewardCluster.start({ modules: 'wol' });
    manager = await startManager(cluster, { grpcHost: lab.hostAddress });
    agents = await Promise.all(NODES.map((name) => agentOn(lab.node(name))));
    await cluster.api.apply(aWolConfig('all', { wolPorts: [9], agent: { rawEthernet: true } }));
    await Promise.all(ways.map((_, n) => cluster.api.apply(aVm({ name: `sleeper-${n}`, mac: testMac(n) }))));
    await poll('the map to hold the machines', async () =>
      (await manager.metrics()).includes(`wol_managed_vms{config="all"} ${ways.length}\n`),
    );
  });

  after(async () => {
    await Promise.all(agents.map(({ process: agent }) => agent.stop()));
    await manager?.process.stop();
    await cluster?.stop();
    await lab?.stop();
  });

  const agentOn = async ({ name, via, address }: LabNode): Promise<AgentProcess> => {
    const agent = await startAgent(manager.grpcPort, {
      udpPorts: [9],
      nodeName: name,
      flags: ['--raw-ethernet'],
      on: { via, address, managerAddress: lab.hostAddress },
    });
    await poll('frames to be received', async () => /^wol_agent_raw_interfaces.* 1$/m.test((await agent.health('/metrics')).text));
    return agent;
  };
  /** Packets that became events, and events that were answered. */
  const figures = async (agent: AgentProcess): Promise<[accepted: number, answered: number]> => {
    const { text } = await agent.health('/metrics');
    return [
      sumOf(text, /^wol_agent_packets_total\{.*result="accepted".*\} (\d+)$/gm),
      sumOf(text, /^wol_agent_reports_total\{.*\} (\d+)$/gm),
    ];
  };

  for (const [n, { name, command }] of ways.entries()) {
    it(`both hear ${name}, and the virtual machine is started once`, async () => {
      await lab.node('sender').run(...(await command(testMac(n), lab)));

      await poll('both to have an answer for it', async () => {
        const both = await Promise.all(agents.map(figures));
        return both.every(([accepted, answered]) => accepted === n + 1 && answered === n + 1);
      });
      await poll('the machine to run', async () => {
        const vm = await cluster.kubevirt.vm({ namespace: 'default', name: `sleeper-${n}` });
        return vm?.status?.printableStatus === 'Running';
      });
      // KubeVirt has taken a start before the manager hears of it, and counts.
      const started = async (): Promise<number> => sumOf(await manager.metrics(), /^wol_vm_started_total\{config="all"\} (\d+)$/gm);
      await poll('the start to be counted', async () => (await started()) > n);
      expect(cluster.kubevirt.journal.calls({ verb: 'start' })).to.have.length(n + 1);
      expect(await started()).to.equal(n + 1);
    });
  }
});

function sumOf(metrics: string, sample: RegExp): number {
  return [...metrics.matchAll(sample)].reduce((sum, [, count]) => sum + Number(count), 0);
}
