/** Wakes that KubeVirt, or a limit, does not let through: the answer, the Event, lastWake and the metric of each. */
import { expect } from 'chai';
import { poll } from '../../harness/poll';
import { ReportingAgent } from '../../harness/reporting-agent';
import { StewardCluster } from '../../harness/steward-cluster';
import { type ManagerProcess, startManager } from '../../harness/steward-processes';
import { aVm, aWolConfig, testMac } from '../../harness/virtual-machines';
import { untilCondition, untilEvent, untilStatus } from '../../harness/wol-objects';

/** MAX_WAITING_PER_CONFIG of the manager, the one start that is free, and one too many. */
const CROWD = 1_002;
/** Long enough for an answer of a busy KubeVirt, which must not end in StartTimeout; a wake that has to is waited for. */
const START_TIMEOUT = '10s';

describe('a wake that is not let through', () => {
  let cluster: StewardCluster;
  let manager: ManagerProcess;
  let reporter: ReportingAgent;

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'wol' });
    manager = await startManager(cluster, { flags: [`--wol-start-timeout=${START_TIMEOUT}`] });
    reporter = new ReportingAgent(manager.grpcPort);
  });

  after(async () => {
    reporter?.close();
    await manager?.process.stop();
    await cluster?.stop();
  });

  afterEach(() => cluster.kubevirt.faults.clear());

  const metric = async (series: string): Promise<number> => {
    const line = (await manager.metrics()).split('\n').find((text) => text.startsWith(`${series} `));
    return line === undefined ? 0 : Number(line.slice(series.length + 1));
  };
  const ready = async (config: string, port: number, spec = {}): Promise<void> => {
    await cluster.api.apply(aWolConfig(config, { namespaceSelectors: [config], wolPorts: [port], ...spec }));
    await cluster.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: config } });
    await untilCondition(cluster.api, config, 'Ready', 'True', 'MappingUpdated');
  };
  const managed = (config: string, count: number): Promise<boolean> =>
    poll(`${count} machines in ${config}`, async () => (await metric(`wol_managed_vms{config="${config}"}`)) === count);

  for (const { reason, code, mac, port, says } of [
    { reason: 'StartRefused', code: 422 as const, mac: testMac(1), port: 4_101, says: /^StartRefused: \S/ },
    { reason: 'StartTimeout', code: 500 as const, mac: testMac(2), port: 4_102, says: /^StartTimeout: not within 10 s: \S/ },
  ]) {
    it(`because KubeVirt answers ${code} is ${reason} in the answer, in Events, in lastWake and in the metric`, async () => {
      const config = reason.toLowerCase();
      await ready(config, port);
      await cluster.api.apply(aVm({ name: 'vm', namespace: config, mac }));
      await managed(config, 1);
      cluster.kubevirt.faults.failNext('start', { kind: 'answer', code }, 1_000);

      // Who has not failed within 3 s is told that his wake goes on.
      const answer = await poll('the failure', async () => {
        const told = await reporter.report(mac, port);
        return told.status === 'ACCEPTED' ? undefined : told;
      });

      cluster.kubevirt.faults.clear();
      expect(answer).to.include({ status: 'ERROR', vm: `${config}/vm` });
      expect(answer.message).to.match(says);
      const event = await untilEvent(cluster.api, 'WolConfig', config, 'WakeFailed');
      expect(event).to.include({ type: 'Warning' });
      expect(event.note).to.match(says);
      const { status } = await untilStatus(cluster.api, config, 'to have a last wake', ({ lastWake }) => lastWake !== undefined);
      expect(status?.lastWake).to.deep.include({ macAddress: mac, vm: `${config}/vm`, result: 'Failed' });
      expect(await metric(`wol_errors_total{config="${config}",reason="${reason}"}`)).to.be.at.least(1);

      // A failure is not remembered: the next packet tries again.
      await reporter.untilWakes(mac, `${config}/vm`, { port });
      await poll('a start', () =>
        cluster.kubevirt.journal.calls({ verb: 'start', code: 202 }).some(({ namespace }) => namespace === config),
      );
    });
  }

  it('because more wait than a config may have waiting is RateLimited, told once, and those that wait keep their turn', async () => {
    const config = 'crowded';
    const vm = (n: number): string => `vm-${n}`;
    const mac = (n: number): string => testMac(1_000 + n);
    await ready(config, 4_103, { limits: { startsPerMinute: 1 } });
    for (let n = 0; n < CROWD; n += 50) {
      const batch = Array.from({ length: Math.min(50, CROWD - n) }, (_, index) => n + index);
      await Promise.all(batch.map((m) => cluster.api.apply(aVm({ name: vm(m), namespace: config, mac: mac(m) }))));
    }
    await managed(config, CROWD);

    const answers = await Promise.all(Array.from({ length: CROWD }, (_, n) => reporter.report(mac(n), 4_103)));

    // The one that may start at once has ten seconds for it, which a busy KubeVirt may exceed.
    const refused = answers.filter(({ message }) => message.startsWith('RateLimited: '));
    expect(refused).to.have.length(1);
    for (const { status, message } of answers.filter((answer) => !refused.includes(answer)))
      expect(['VM_START_INITIATED', 'ACCEPTED', ...(message.startsWith('StartTimeout: ') ? ['ERROR'] : [])], message).to.include(status);
    expect((await untilEvent(cluster.api, 'WolConfig', config, 'WakeRefused')).note).to.contain('RateLimited');
    const starts = (): number => cluster.kubevirt.journal.calls({ verb: 'start' }).filter(({ namespace }) => namespace === config).length;
    await poll('the one start that is free', () => starts() > 0);
    // One more may begin each minute.
    expect(await metric(`wol_waiting_wakes{config="${config}"}`)).to.be.within(CROWD - 4, CROWD - 2);
    expect(starts()).to.be.below(4);
  });

  it('because its event is none is refused by name and leaves no trace in any status', async () => {
    const before = await metric('wol_errors_total{config="",reason="InvalidMAC"}');
    for (const mac of ['', 'no address', '00:00:00:00:00:00:00']) {
      const { status, message } = await reporter.report(mac);
      expect({ status, message: message.split(':')[0] }, mac).to.deep.equal({ status: 'ERROR', message: 'InvalidMAC' });
    }
    expect(await metric('wol_errors_total{config="",reason="InvalidMAC"}')).to.equal(before + 3);
  });
});
