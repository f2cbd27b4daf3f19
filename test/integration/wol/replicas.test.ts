import { expect } from 'chai';
import { freeTcpPort } from '../../harness/free-port';
import { poll } from '../../harness/poll';
import { type Answer, expectStarted, ReportingAgent } from '../../harness/reporting-agent';
import { StewardCluster, type TestObject } from '../../harness/steward-cluster';
import { type AgentProcess, type ManagerProcess, startAgent, startManager } from '../../harness/steward-processes';
import { sendMagicPackets } from '../../harness/udp-sender';
import { aVm, aWolConfig, testMac } from '../../harness/virtual-machines';
import { untilStatus } from '../../harness/wol-objects';

/** Not RerunOnFailure: a virtual machine that is created with it starts by itself. */
const STRATEGIES = ['Manual', 'Halted'];
const ALREADY: readonly Answer['status'][] = ['VM_START_INITIATED', 'VM_ALREADY_RUNNING', 'ACCEPTED', 'DUPLICATE'];
const MACHINES = '/apis/kubevirt.io/v1/namespaces/default/virtualmachines';
const INSTANCES = '/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances';

/** Virtual machines that stay off until a packet starts them. */
function fleet(prefix: string, size: number, firstMac: number) {
  return Array.from({ length: size }, (_, n) => ({
    name: `${prefix}-${n}`,
    mac: testMac(firstMac + n),
    runStrategy: STRATEGIES[n % STRATEGIES.length]!,
  }));
}

function statusOf(name: string, status: object) {
  const path = `/apis/kubevirt.io/v1/namespaces/default/virtualmachines/${name}/status`;
  return { method: 'PATCH' as const, path, body: { status }, contentType: 'application/merge-patch+json' };
}

describe('managers that are killed and managers that share the work', () => {
  let cluster: StewardCluster;

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'wol' });
  });

  after(async () => {
    await cluster?.stop();
  });

  /** How often each virtual machine was really started: the call changed something. */
  const startsOf = (names: readonly string[]): number[] =>
    names.map((name) => cluster.kubevirt.journal.calls({ verb: 'start', name, wrote: true }).length);
  const ones = (count: number): number[] => Array.from({ length: count }, () => 1);

  async function create(machines: ReturnType<typeof fleet>, config: string, ports: number[], where = cluster): Promise<void> {
    await Promise.all(machines.map((machine) => where.api.apply(aVm(machine))));
    await where.api.apply(aWolConfig(config, { wolPorts: ports, limits: { startsPerMinute: 10_000 } }));
  }

  describe('one manager that is killed with -9 while a hundred packets arrive', () => {
    let manager: ManagerProcess;
    let agent: AgentProcess;

    afterEach(async () => {
      await agent?.process.stop();
      await manager?.process.stop();
    });

    it('starts each of a hundred virtual machines exactly once when it is back', async () => {
      const machines = fleet('crowd', 100, 20_000);
      const grpcPort = await freeTcpPort();
      manager = await startManager(cluster, { grpcPort });
      agent = await startAgent(grpcPort);
      const [port] = agent.udpPorts;
      await create(machines, 'crowd', [port!]);
      await untilStatus(cluster.api, 'crowd', 'to count all', ({ managedVMs }) => managedVMs! >= 100);
      const names = machines.map(({ name }) => name);
      const started = (): number => startsOf(names).filter((times) => times > 0).length;

      await sendMagicPackets(
        port!,
        machines.slice(0, 50).map(({ mac }) => mac),
      );
      await poll('some to be started', () => started() > 5, { intervalMs: 1 });
      await manager.process.kill();
      await sendMagicPackets(
        port!,
        machines.slice(50).map(({ mac }) => mac),
      );
      expect(started()).to.be.below(100);
      manager = await startManager(cluster, { grpcPort });

      await poll('all to be started', () => started() === 100, { onTimeout: () => `${started()} are` });
      await poll(
        'all to run',
        async () => {
          const vms = await cluster.api.list<never>(MACHINES);
          return (vms as { status?: { printableStatus?: string } }[]).every(({ status }) => status?.printableStatus === 'Running');
        },
        { intervalMs: 200 },
      );
      await poll('every packet to be answered', async () => /^wol_agent_queue_depth[^ ]* 0$/m.test((await agent.health('/metrics')).text));
      await poll('no wake to be under way', async () => /^wol_inflight_wakes 0$/m.test(await manager.metrics()));
      expect(startsOf(names)).to.deep.equal(ones(100));
    });
  });

  describe('two managers', () => {
    let managers: ManagerProcess[] = [];
    let reporters: ReportingAgent[] = [];

    async function stopBoth(): Promise<void> {
      for (const reporter of reporters.splice(0)) reporter.close();
      await Promise.all(managers.splice(0).map(({ process }) => process.kill()));
    }
    afterEach(stopBoth);

    async function startTwo(where: StewardCluster): Promise<void> {
      managers = await Promise.all([1, 2].map(() => startManager(where, { flags: ['--leader-elect'] })));
      reporters = managers.map(({ grpcPort }) => new ReportingAgent(grpcPort));
    }

    const counter = async (manager: ManagerProcess, series: string): Promise<number> => {
      const line = (await manager.metrics()).split('\n').find((text) => text.startsWith(`${series} `));
      return Number(line?.slice(series.length + 1) ?? 0);
    };
    const leads = async (manager: ManagerProcess): Promise<boolean> =>
      /^leader_election_master_status\{.*\} 1$/m.test(await manager.metrics());
    async function leading(): Promise<ManagerProcess | undefined> {
      const answers = await Promise.all(managers.map(leads));
      return managers[answers.indexOf(true)];
    }
    /** Until each of them knows all virtual machines of the cluster, which every config here manages. */
    async function untilAllKnown(config: string, where = cluster): Promise<number> {
      const { length: all } = await where.api.list(MACHINES);
      const series = `wol_managed_vms{config="${config}"}`;
      for (const manager of managers) await poll(`a manager to know ${all}`, async () => (await counter(manager, series)) === all);
      return all;
    }

    /** Each machine's packet to both managers in one turn of the event loop. */
    function reportToBoth(machines: readonly { mac: string }[], port: number): Promise<Answer[]> {
      return Promise.all(machines.flatMap(({ mac }) => reporters.map((reporter) => reporter.report(mac, port))));
    }

    it('that are told of one packet at the same moment make KubeVirt take one start, and count none twice', async () => {
      // Without KubeVirt's controller a start that was taken stays visible, so that every second one would be seen, too.
      const still = await StewardCluster.start({ modules: 'wol', kubevirt: { controller: false } });
      try {
        const machines = fleet('still', 60, 23_000);
        const names = machines.map(({ name }) => name);
        await create(machines, 'still', [9], still);
        // As KubeVirt's controller leaves it: to one that has no status at all KubeVirt adds a request without a test.
        await Promise.all(machines.map(({ name }) => still.api.ask(statusOf(name, { printableStatus: 'Stopped' }))));
        await startTwo(still);
        expect(await untilAllKnown('still', still)).to.equal(60);

        const answers = await reportToBoth(machines, 9);

        for (const { status, message } of answers) expect(ALREADY, `${status} ${message}`).to.include(status);
        const times = (): number[] => names.map((name) => still.kubevirt.journal.calls({ verb: 'start', name, wrote: true }).length);
        await poll('all to be started', () => times().every((count) => count > 0));
        const counted = async (): Promise<number> =>
          (await Promise.all(managers.map((manager) => counter(manager, 'wol_vm_started_total{config="still"}')))).reduce((a, b) => a + b);
        const underway = (): Promise<number[]> => Promise.all(managers.map((manager) => counter(manager, 'wol_inflight_wakes')));
        await poll('no wake to be under way', async () => (await underway()).every((count) => count === 0));

        expect(times()).to.deep.equal(ones(60));
        // A start whose answer a busy machine has lost is found to be done, and counted by neither.
        expect(await counted(), 'each start is counted by one of them at most').to.be.within(1, 60);
      } finally {
        await stopBoth();
        await still.stop();
      }
    });

    it('that are told of one packet at the same moment give each virtual machine one instance', async () => {
      const machines = fleet('shared', 40, 21_000);
      const names = new Set(machines.map(({ name }) => name));
      await create(machines, 'shared', [9]);
      await startTwo(cluster);
      await untilAllKnown('shared');

      const reported = reportToBoth(machines, 9);
      const uids = new Map<string, Set<string>>();
      await poll('all to run', async () => {
        const vmis = await cluster.api.list<TestObject & { status?: { phase?: string } }>(INSTANCES);
        const own = vmis.filter(({ metadata }) => names.has(metadata.name));
        for (const { metadata } of own) uids.set(metadata.name, (uids.get(metadata.name) ?? new Set()).add(String(metadata['uid'])));
        return own.length === 40 && own.every(({ status }) => status?.phase === 'Running');
      });

      for (const { status, message } of await reported) expect(ALREADY, `${status} ${message}`).to.include(status);
      expect([...uids.values()].map(({ size }) => size)).to.deep.equal(ones(40));
    });

    it('both serve packets, whichever leads, and the death of the leader changes nothing for wakes', async () => {
      const machines = fleet('orphaned', 6, 22_000);
      await create(machines, 'orphaned', [7]);
      await startTwo(cluster);
      const leader = managers.indexOf(await poll('one to lead', leading));
      const standby = 1 - leader;
      const all = await untilAllKnown('orphaned');
      await untilStatus(cluster.api, 'orphaned', 'to be counted', ({ managedVMs }) => managedVMs === all);
      const wakes = async (which: number, { mac, name }: { mac: string; name: string }): Promise<void> => {
        expectStarted(await reporters[which]!.report(mac, 7), `default/${name}`);
        await poll(`${name} to be started`, () => startsOf([name])[0]! > 0);
      };
      const [a, b, ...rest] = machines;
      await wakes(leader, a!);
      await wakes(standby, b!);

      await managers[leader]!.process.kill();
      for (const machine of rest) await wakes(standby, machine);

      expect(startsOf(machines.map(({ name }) => name))).to.deep.equal(ones(6));
      const last = `default/${rest.at(-1)!.name}`;
      await untilStatus(cluster.api, 'orphaned', 'to name the wake that no leader saw', ({ lastWake }) => lastWake?.vm === last);
      await cluster.api.apply(aVm({ name: 'orphaned-new', mac: testMac(22_100) }));
      await untilStatus(cluster.api, 'orphaned', 'to be counted by the next leader', ({ managedVMs }) => managedVMs === all + 1);
      expect(await leads(managers[standby]!)).to.equal(true);
    });
  });
});
