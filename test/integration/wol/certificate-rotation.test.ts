import { setTimeout as pause } from 'node:timers/promises';
import { connect } from 'node:tls';
import { expect } from 'chai';
import { AgentIdentities } from '../../harness/agent-identities';
import { poll } from '../../harness/poll';
import { StewardCluster } from '../../harness/steward-cluster';
import { type AgentProcess, type ManagerProcess, startAgent, startManager } from '../../harness/steward-processes';
import { sendMagicPackets } from '../../harness/udp-sender';
import { aVm, aWolConfig, testMac } from '../../harness/virtual-machines';
import { untilStatus } from '../../harness/wol-objects';

const NODE = 'node-a';
/** Short, but each step leaves a loaded machine some seconds. */
const LIFETIMES = { authorityMs: 45_000, certificateMs: 18_000, skewMs: 3_000, overlapMs: 9_000 };
const MACHINES = 150;
const PAUSE_MS = 300;

describe('certificates that are renewed under traffic', () => {
  let cluster: StewardCluster;
  let identities: AgentIdentities;
  let manager: ManagerProcess;
  let agent: AgentProcess;
  let folder: string;

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'wol' });
    identities = await AgentIdentities.create(cluster);
    await Promise.all(numbersBelow(MACHINES).map((n) => cluster.api.apply(aVm({ name: `vm-${n}`, mac: testMac(n) }))));
    manager = await startManager(cluster, { secure: true, lifetimes: LIFETIMES });
    folder = await identities.folder(NODE);
    agent = await startAgent(manager.grpcPort, { nodeName: NODE, identity: folder });
    await cluster.api.apply(aWolConfig('all', { wolPorts: [...agent.udpPorts], limits: { startsPerMinute: 10_000 } }));
    await untilStatus(cluster.api, 'all', 'to count all', ({ managedVMs }) => managedVMs === MACHINES);
  });

  after(async () => {
    await agent?.process.stop();
    await manager?.process.stop();
    await cluster?.stop();
  });

  const starts = (name: string): number => cluster.kubevirt.journal.calls({ verb: 'start', name, code: 202 }).length;

  it('lose no wake and need no restart of the agent, through several certificates and an authority', async () => {
    const authorities = new Set<string>();
    const certificates = new Set<string>();
    let sent = 0;
    let done = false;
    const mounting = (async () => {
      while (!done) {
        await identities.update(folder);
        await pause(PAUSE_MS);
      }
    })();

    try {
      await manager.process.until('two authorities and three certificates to have been used', async () => {
        // One is left for the end.
        if (sent < MACHINES - 1) await sendMagicPackets(agent.udpPorts[0]!, [testMac(sent++)]);
        const { issuer, serial } = await certificateOf(manager.grpcPort);
        authorities.add(issuer);
        certificates.add(serial);
        await pause(PAUSE_MS);
        return authorities.size >= 2 && certificates.size >= 3;
      });
      // Once more after everything changed.
      const last = sent++;
      await sendMagicPackets(agent.udpPorts[0]!, [testMac(last)]);
      // The last is not the last to be answered: calls run side by side.
      await poll('every machine to be started', () => numbersBelow(last + 1).every((n) => starts(`vm-${n}`) >= 1), {
        onTimeout: () => agent.process.log,
      });
    } finally {
      done = true;
      await mounting;
    }

    const counts = numbersBelow(sent).map((n) => starts(`vm-${n}`));
    expect(counts, agent.process.log).to.deep.equal(counts.map(() => 1));
    // An attempt to connect may take 2 s, which is a matter of the machine; everything else is one of certificates.
    const outages = agent.process.logLines('manager not reached; events are kept and sent again');
    const refusals = outages.filter(({ cause }) => !String(cause).startsWith('DEADLINE_EXCEEDED'));
    expect(refusals, 'the agent was never without a manager').to.deep.equal([]);
    expect(agent.process.isRunning).to.equal(true);
    expect((await agent.health('/metrics')).text).to.match(/^wol_agent_reconnects_total[^ ]* [1-9]/m);
  });
});

const numbersBelow = (end: number): number[] => Array.from({ length: end }, (_, n) => n);

function certificateOf(port: number): Promise<{ issuer: string; serial: string }> {
  return new Promise((resolve, reject) => {
    // Looks only; who verifies is the agent.
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', rejectUnauthorized: false, ALPNProtocols: ['h2'] }, () => {
      const { issuer, serialNumber } = socket.getPeerCertificate();
      expect(socket.getProtocol()).to.equal('TLSv1.3');
      socket.destroy();
      resolve({ issuer: String(issuer.CN), serial: serialNumber });
    });
    socket.once('error', reject);
  });
}
