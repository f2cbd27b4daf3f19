import { expect } from 'chai';
import { poll } from '../../harness/poll';
import { StewardCluster } from '../../harness/steward-cluster';
import { type AgentProcess, type ManagerProcess, startAgent, startManager } from '../../harness/steward-processes';
import { sendMagicPackets } from '../../harness/udp-sender';
import { aVm, aWolConfig, testMac } from '../../harness/virtual-machines';

describe('a magic packet', function () {
  this.timeout(60_000);
  let cluster: StewardCluster;
  let manager: ManagerProcess;
  let agent: AgentProcess;

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start();
    manager = await startManager(cluster);
    agent = await startAgent(manager.grpcPort);
  });

  after(async () => {
    await agent?.process.stop();
    await manager?.process.stop();
    await cluster?.stop();
  });

  it('starts the virtual machine that owns the address, once, and is recorded for people', async () => {
    const [port] = agent.udpPorts;
    await cluster.api.apply(aWolConfig('all', { wolPorts: [port!] }));
    await cluster.api.apply(aVm({ name: 'sleeper', mac: testMac(1) }));
    await poll('the config to count the machine', async () => {
      const config = await cluster.api.get<never>({ apiVersion: 'wol.pillon.org/v1beta1', kind: 'WolConfig', metadata: { name: 'all' } });
      return (config as { status?: { managedVMs?: number } } | undefined)?.status?.managedVMs === 1;
    });

    await sendMagicPackets(port!, [testMac(1), testMac(1)]);

    await poll('the machine to run', async () => {
      const vm = await cluster.kubevirt.vm({ namespace: 'default', name: 'sleeper' });
      return vm?.status?.printableStatus === 'Running';
    });
    expect(cluster.kubevirt.journal.calls({ verb: 'start' })).to.have.length(1);
    expect(await manager.metrics()).to.match(/wol_vm_started_total\{config="all"\} 1/);
  });
});
