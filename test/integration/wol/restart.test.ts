import { expect } from 'chai';
import type { TestProcess } from '../../harness/child-process';
import { freeTcpPort } from '../../harness/free-port';
import { poll } from '../../harness/poll';
import { ReportingAgent } from '../../harness/reporting-agent';
import { StewardCluster } from '../../harness/steward-cluster';
import { type AgentProcess, launchAgent, type ManagerProcess, startAgent, startManager } from '../../harness/steward-processes';
import { sendMagicPackets } from '../../harness/udp-sender';
import { aVm, aWolConfig, testMac } from '../../harness/virtual-machines';
import { untilStatus } from '../../harness/wol-objects';

describe('processes that end and come back', () => {
  let cluster: StewardCluster;
  let agent: AgentProcess;
  let manager: ManagerProcess | undefined;
  let grpcPort: number;

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'wol' });
    grpcPort = await freeTcpPort();
    manager = await startManager(cluster, { grpcPort });
    agent = await startAgent(grpcPort);
    await cluster.api.apply(aWolConfig('all', { wolPorts: [...agent.udpPorts] }));
    await cluster.api.apply(aVm({ name: 'patient', mac: testMac(1) }));
    await cluster.api.apply(aVm({ name: 'twice', mac: testMac(2) }));
    await untilStatus(cluster.api, 'all', 'to count both', ({ managedVMs }) => managedVMs === 2);
  });

  after(async () => {
    await agent?.process.stop();
    await manager?.process.stop();
    await cluster?.stop();
  });

  /** Processes of single tests, which end by themselves when all is well. */
  const leftovers: TestProcess[] = [];
  afterEach(() => Promise.all(leftovers.splice(0).map((process) => process.stop())));

  const isQueued = async ({ health }: AgentProcess): Promise<boolean> =>
    /^wol_agent_queue_depth[^ ]* [1-9]/m.test((await health('/metrics')).text);
  const starts = (name: string): number => cluster.kubevirt.journal.calls({ verb: 'start', name, code: 202 }).length;

  it('a packet that comes while the manager is down after kill -9 wakes its machine, once, when the manager is back', async () => {
    const [port] = agent.udpPorts;
    await manager!.process.kill();
    await sendMagicPackets(port!, [testMac(1), testMac(1)]);
    await agent.process.until('the packet to wait for a manager', () => isQueued(agent));
    expect(starts('patient')).to.equal(0);

    manager = await startManager(cluster, { grpcPort });

    await poll('the machine to be started', () => starts('patient') > 0);
    await poll('the agent to be connected again', async () => /^wol_agent_connected[^ ]* 1$/m.test((await agent.health('/metrics')).text));
    await poll('the packet to be answered', async () => !(await isQueued(agent)));
    expect(starts('patient')).to.equal(1);
    const { status } = await untilStatus(cluster.api, 'all', 'to have a last wake', ({ lastWake }) => lastWake !== undefined);
    expect(status?.lastWake).to.include({ macAddress: testMac(1), result: 'Started', node: 'test-node' });
  });

  it('a manager that was woken for, killed and restarted does not start the machine again for the same packet', async () => {
    const reporter = new ReportingAgent(grpcPort);
    try {
      await reporter.untilWakes(testMac(2), 'default/twice', { port: agent.udpPorts[0]! });
      await poll('the machine to run', async () => {
        const vm = await cluster.kubevirt.vm({ namespace: 'default', name: 'twice' });
        return vm?.status?.printableStatus === 'Running';
      });
      await manager!.process.kill();
      manager = await startManager(cluster, { grpcPort });

      const again = await poll('an answer', () => reporter.report(testMac(2), agent.udpPorts[0]!).catch(() => undefined));

      expect(again).to.include({ status: 'VM_ALREADY_RUNNING', vm: 'default/twice' });
      expect(starts('twice')).to.equal(1);
    } finally {
      reporter.close();
    }
  });

  it('an agent ends with 0 on SIGTERM while its manager answers', async () => {
    const second = await startAgent(grpcPort);
    leftovers.push(second.process);

    const exit = await second.process.stop();

    expect(exit, second.process.log).to.deep.equal({ code: 0, signal: null });
  });

  it('an agent without a manager ends with 0 on SIGTERM, also with a packet in its queue', async () => {
    const lonely = await launchAgent(await freeTcpPort());
    leftovers.push(lonely.process);
    await lonely.process.until('alive', async () => (await lonely.health('/healthz').catch(() => undefined))?.status === 200);
    await lonely.process.until('a packet to be queued', async () => {
      // Again, for it may be alive before it listens.
      await sendMagicPackets(lonely.udpPorts[0]!, [testMac(3)]);
      return isQueued(lonely);
    });

    const exit = await lonely.process.stop();

    expect(exit, lonely.process.log).to.deep.equal({ code: 0, signal: null });
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`a manager ends with 0 on ${signal}`, async () => {
      const leaving = await startManager(cluster);
      leftovers.push(leaving.process);
      leaving.process.signal(signal);

      const exit = await leaving.process.exited;

      expect(exit, leaving.process.log).to.deep.equal({ code: 0, signal: null });
      expect(leaving.process.logLines('operator stopped')).to.have.length(1);
    });
  }
});
