import { expect } from 'chai';
import { poll } from '../../harness/poll';
import { StewardCluster } from '../../harness/steward-cluster';
import { type AgentProcess, type ManagerProcess, startAgent, startManager } from '../../harness/steward-processes';
import { sendMagicPackets } from '../../harness/udp-sender';
import { aVm, aWolConfig, testMac } from '../../harness/virtual-machines';
import { untilEvent, untilStatus } from '../../harness/wol-objects';

describe('a magic packet', () => {
  let cluster: StewardCluster;
  let manager: ManagerProcess;
  let agent: AgentProcess;

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'wol' });
    manager = await startManager(cluster);
    agent = await startAgent(manager.grpcPort);
  });

  after(async () => {
    await agent?.process.stop();
    await manager?.process.stop();
    await cluster?.stop();
  });

  /** Every packet so far has been answered, and every wake has ended. */
  async function settled(): Promise<void> {
    await poll('the agent to have all answers', async () => /^wol_agent_queue_depth[^ ]* 0$/m.test((await agent.health('/metrics')).text));
    await poll('all wakes to end', async () => /^wol_inflight_wakes 0$/m.test(await manager.metrics()));
  }

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
    // KubeVirt has taken the start before the manager hears of it, and counts.
    await poll('the start to be counted', async () => /^wol_vm_started_total\{config="all"\} [1-9]/m.test(await manager.metrics()));
    await settled();
    expect(cluster.kubevirt.journal.calls({ verb: 'start' })).to.have.length(1);
    expect(await manager.metrics()).to.match(/^wol_vm_started_total\{config="all"\} 1$/m);
  });

  it('unpauses a machine when its config says so', async () => {
    const [port] = agent.udpPorts;
    const target = { namespace: 'default', name: 'dreamer' };
    await cluster.api.apply(aWolConfig('all', { wolPorts: [port!], unpause: true }));
    await cluster.api.apply(aVm({ name: target.name, mac: testMac(2), runStrategy: 'Always' }));
    const isShown = (status: string) => async (): Promise<boolean> =>
      (await cluster.kubevirt.vm(target))?.status?.printableStatus === status;
    await poll('the machine to run', isShown('Running'));
    expect((await cluster.kubevirt.call('pause', target)).code).to.equal(200);
    await poll('the machine to be paused', isShown('Paused'));
    await untilStatus(cluster.api, 'all', 'to count it', ({ managedVMs }) => managedVMs === 2);

    await poll('the machine to run again', async () => {
      await sendMagicPackets(port!, [testMac(2)]);
      return isShown('Running')();
    });

    expect(cluster.kubevirt.journal.calls({ verb: 'unpause', name: target.name, code: 200 })).to.have.length(1);
    await untilEvent(cluster.api, 'VirtualMachine', target.name, 'WakeUnpaused');
  });

  it('of an allowed sender starts the machine right after one of a sender who is refused, and once however many copies come', async () => {
    const [port] = agent.udpPorts;
    await cluster.api.apply(aVm({ name: 'fenced', mac: testMac(3) }));
    const { metadata } = await cluster.api.apply(aWolConfig('all', { wolPorts: [port!], allowedSources: ['127.0.0.2/31'] }));
    await untilStatus(
      cluster.api,
      'all',
      'to count it and to fence it',
      ({ managedVMs, observedGeneration }) => managedVMs === 3 && observedGeneration === metadata['generation'],
    );
    const send = (from: string) => sendMagicPackets(port!, [testMac(3), testMac(3)], '127.0.0.1', from);
    await send('127.0.0.1');
    await poll('the refusal', async () => /wol_errors_total\{config="all",reason="SourceNotAllowed"\} 1$/m.test(await manager.metrics()));

    // At once: the window of the packet that was refused is still open.
    await Promise.all([send('127.0.0.2'), send('127.0.0.3')]);

    await poll('the machine to run', async () => {
      const vm = await cluster.kubevirt.vm({ namespace: 'default', name: 'fenced' });
      return vm?.status?.printableStatus === 'Running';
    });
    await settled();
    expect(cluster.kubevirt.journal.calls({ verb: 'start', name: 'fenced', code: 202 })).to.have.length(1);
  });
});
