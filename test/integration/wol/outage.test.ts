import { expect } from 'chai';
import { poll } from '../../harness/poll';
import { ReportingAgent } from '../../harness/reporting-agent';
import { StewardCluster } from '../../harness/steward-cluster';
import { type ManagerProcess, startManager } from '../../harness/steward-processes';
import { aVm, aWolConfig, testMac } from '../../harness/virtual-machines';
import { untilStatus, vmRef } from '../../harness/wol-objects';

describe('a manager whose API server goes away', () => {
  let cluster: StewardCluster;
  let manager: ManagerProcess;
  let reporter: ReportingAgent;

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'wol' });
    await cluster.api.apply(aWolConfig('all'));
    await cluster.api.apply(aVm({ name: 'before', mac: testMac(1) }));
    await cluster.api.apply(aVm({ name: 'leaving', mac: testMac(2) }));
    await cluster.api.apply(aVm({ name: 'frozen', mac: testMac(4) }));
    // What is asked for during the outage must last until its end, however long a server takes to come back.
    manager = await startManager(cluster, { flags: ['--wol-start-timeout=10m'] });
    reporter = new ReportingAgent(manager.grpcPort);
    await untilStatus(cluster.api, 'all', 'to count three', ({ managedVMs }) => managedVMs === 3);
  });

  after(async () => {
    reporter?.close();
    await manager?.process.stop();
    await cluster?.stop();
  });

  const linesSaying = (message: string): number => manager.process.logLines(message).length;
  const managedVms = async (): Promise<string | undefined> => /^wol_managed_vms\{config="all"\} (\d+)$/m.exec(await manager.metrics())?.[1];
  const AWAY = 'API server cannot be reached, working from the last known state';
  const BACK = 'API server is back';

  it('lives through it, says so once, and then wakes what was created and not what was deleted', async () => {
    await cluster.controlPlane.stopApiServer();
    await manager.process.until('says that the API server is away', () => linesSaying(AWAY) === 1);
    await manager.process.until('shows the outage, which does not make it unready while it is short', async () => {
      const during = await manager.health('/readyz?verbose');
      expect(during.status, during.text).to.equal(200);
      return /\[~\]informers waiting: .*virtualmachines\.kubevirt\.io is (Backoff|Listing)/.test(during.text);
    });
    expect((await manager.health('/healthz')).status).to.equal(200);
    // Answered when the manager has tried for a while.
    const answer = await reporter.report(testMac(1));
    expect(answer.status, 'the wake goes on until the API server is back').to.equal('ACCEPTED');

    await cluster.controlPlane.startApiServer();
    // At once, so that the manager cannot have seen it: it has to find out by listing again.
    await cluster.api.delete(vmRef('leaving'));
    await cluster.api.apply(aVm({ name: 'newcomer', mac: testMac(3) }));

    await reporter.untilWakes(testMac(3), 'default/newcomer');
    await reporter.untilUnknown(testMac(2));
    await manager.process.until('says that the API server is back', () => linesSaying(BACK) === 1);
    await manager.process.until('all informers to watch', async () =>
      (await manager.health('/readyz?verbose')).text.includes('[+]informers'),
    );
    await manager.process.until('the wake asked for during the outage to be done', async () => {
      return (await cluster.kubevirt.vm({ namespace: 'default', name: 'before' }))?.status?.printableStatus === 'Running';
    });
    expect([linesSaying(AWAY), linesSaying(BACK)], manager.process.log).to.deep.equal([1, 1]);
    expect(cluster.kubevirt.journal.calls({ name: 'leaving', code: 202 })).to.deep.equal([]);
  });

  it('says little else meanwhile: no line is repeated more than a few times', () => {
    const counts = new Map<string, number>();
    for (const line of manager.process.lines.filter((text) => /"level":"(warn|error)"/.test(text))) {
      const { msg, kind, to } = JSON.parse(line) as Record<string, string>;
      const what = `${msg} ${kind ?? ''} ${to ?? ''}`;
      counts.set(what, (counts.get(what) ?? 0) + 1);
    }
    const loud = [...counts].filter(([, count]) => count > 3);

    expect(loud).to.deep.equal([]);
  });

  it('does not wake what was deleted while it was frozen', async () => {
    manager.process.signal('SIGSTOP');
    try {
      await cluster.api.delete(vmRef('frozen'));
      await poll('the machine to be gone', async () => (await cluster.api.get(vmRef('frozen'))) === undefined);
    } finally {
      manager.process.signal('SIGCONT');
    }

    await reporter.untilUnknown(testMac(4));
    expect(cluster.kubevirt.journal.calls({ name: 'frozen', code: 202 })).to.deep.equal([]);
  });

  it('does not wake what was deleted while it was frozen and the API server was restarted', async () => {
    await cluster.api.apply(aVm({ name: 'doomed', mac: testMac(5) }));
    // The manager has two left, and its status may still tell of one that is gone.
    await poll('the manager to know it', async () => (await managedVms()) === '3');
    manager.process.signal('SIGSTOP');
    try {
      await cluster.api.delete(vmRef('doomed'));
      await poll('the machine to be gone', async () => (await cluster.api.get(vmRef('doomed'))) === undefined);
      await cluster.controlPlane.stopApiServer();
      await cluster.controlPlane.startApiServer();
    } finally {
      manager.process.signal('SIGCONT');
    }

    await reporter.untilUnknown(testMac(5));
    await reporter.untilWakes(testMac(3), 'default/newcomer');
    expect(cluster.kubevirt.journal.calls({ name: 'doomed', code: 202 })).to.deep.equal([]);
  });
});
