import { expect } from 'chai';
import { LearnedMacs } from '../../../src/wol/manager/learned-macs';
import { LEARNED_SHARDS } from '../../../src/wol/manager/limits';
import { poll } from '../../harness/poll';
import { type Answer, expectStarted, ReportingAgent, saysStarted } from '../../harness/reporting-agent';
import { NAMESPACE, SERVICE_ACCOUNT, StewardCluster, type TestObject } from '../../harness/steward-cluster';
import { launchManager, type ManagerProcess, startManager } from '../../harness/steward-processes';
import { aVm, aWolConfig, testMac } from '../../harness/virtual-machines';
import { type Condition, untilCondition, untilEvent, untilStatus, vmRef, wolConfigRef } from '../../harness/wol-objects';

const RBAC = 'rbac.authorization.k8s.io';
const PASSWORD = 'geheim';
/** How often a bucket of six starts a minute earns another one. */
const EARNED_EACH_MS = 10_000;

function aSecret(name: string, data: Record<string, string>, namespace = NAMESPACE): TestObject {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData: data };
}

function guardedBy(name: string, namespace?: string) {
  return { secureOn: { passwordSecretRef: { name, ...(namespace !== undefined && { namespace }) } } };
}

describe('what a WolConfig allows and asks for', () => {
  let cluster: StewardCluster;
  let manager: ManagerProcess;
  let reporter: ReportingAgent;

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'wol' });
    manager = await startManager(cluster);
    reporter = new ReportingAgent(manager.grpcPort);
  });

  after(async () => {
    reporter?.close();
    await manager?.process.stop();
    await cluster?.stop();
  });

  const bytes = (text: string): Uint8Array => Buffer.from(text);
  const startsOf = (name: string) => cluster.kubevirt.journal.calls({ verb: 'start', name });
  const metric = async (series: string): Promise<number | undefined> => {
    const line = (await manager.metrics()).split('\n').find((text) => text.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length + 1));
  };
  const toWake = (answer: Answer): boolean => answer.status !== 'VM_NOT_FOUND';
  /** Asks until the manager knows the address on that port, or until that is so; what it says then. */
  const known = (mac: string, port: number, password = '', isIt = toWake) =>
    poll('the manager to know the address', async () => {
      const answer = await reporter.report(mac, port, bytes(password));
      return isIt(answer) ? answer : undefined;
    });
  /** All calls of the machine, once the last wake that was begun has ended: no further one can come then. */
  const settledStartsOf = async (name: string): Promise<ReturnType<typeof startsOf>> => {
    await poll(`${name} to be started`, () => startsOf(name).some(({ code }) => code === 202));
    await poll('all wakes to end', async () => (await metric('wol_inflight_wakes')) === 0);
    return startsOf(name);
  };
  /** The condition once it names this trouble; another one may come before it. */
  const untilTrouble = (config: string, trouble: string): Promise<Condition> =>
    poll(`${config} to say ${trouble}`, async () => {
      const condition = await untilCondition(cluster.api, config, 'Ready', 'False', 'SecretUnavailable');
      return condition.message.includes(trouble) ? condition : undefined;
    });
  /** Any change of the object makes the manager look at it, as `kubectl annotate` would. */
  const touch = (name: string) => cluster.api.mergePatch(wolConfigRef(name), { metadata: { annotations: { touched: `${Date.now()}` } } });

  describe('a SecureOn password', () => {
    it('is read from its Secret, and only packets that carry it wake', async () => {
      const mac = testMac(1);
      await cluster.api.apply(aSecret('wake', { password: PASSWORD }));
      await cluster.api.apply(aVm({ name: 'guarded', mac }));
      await cluster.api.apply(aWolConfig('guarded', { ...guardedBy('wake'), wolPorts: [4_101] }));
      await untilCondition(cluster.api, 'guarded', 'Ready', 'True', 'MappingUpdated');

      // It may be ready a moment before its Secret has been read.
      const isRead = (answer: Answer): boolean => toWake(answer) && !answer.message.startsWith('SecretUnavailable: ');
      const refusals = [await known(mac, 4_101, '', isRead), await known(mac, 4_101, 'falsch'), await known(mac, 4_101, 'gehe')];

      for (const { status, message } of refusals) expect(`${status} ${message}`).to.match(/^ERROR PasswordMismatch: /);
      expect(startsOf('guarded')).to.deep.equal([]);
      const refused = await untilEvent(cluster.api, 'WolConfig', 'guarded', 'WakeRefused');
      expect(refused).to.include({ type: 'Warning' });
      await untilStatus(cluster.api, 'guarded', 'to name the refusal', ({ lastWake }) => lastWake?.result === 'Refused');
      expect(await metric('wol_errors_total{config="guarded",reason="PasswordMismatch"}')).to.equal(3);

      expectStarted(await known(mac, 4_101, PASSWORD), 'default/guarded');
      expect(await settledStartsOf('guarded')).to.have.length(1);
    });

    it('that is missing makes the config SecretUnavailable and refuses packets, until the Secret is there', async () => {
      const mac = testMac(2);
      await cluster.api.apply(aVm({ name: 'blind', mac }));
      await cluster.api.apply(aWolConfig('blind', { ...guardedBy('later'), wolPorts: [4_102] }));

      await untilTrouble('blind', `${NAMESPACE}/later`);
      expect(await untilEvent(cluster.api, 'WolConfig', 'blind', 'SecretUnavailable')).to.include({ type: 'Warning' });
      expect((await known(mac, 4_102, PASSWORD)).message).to.match(/^SecretUnavailable: /);

      await cluster.api.apply(aSecret('later', { password: 'no password' }));
      await touch('blind');
      const malformed = await untilTrouble('blind', 'key "password"');
      expect(malformed.message).to.not.contain('no password');
      await cluster.api.apply(aSecret('later', { password: '67:65:68:65:69:6d' }));
      await touch('blind');

      await untilCondition(cluster.api, 'blind', 'Ready', 'True', 'MappingUpdated');
      expectStarted(await known(mac, 4_102, PASSWORD), 'default/blind');
    });

    it('in another namespace takes a right to that Secret, which the condition names', async () => {
      const mac = testMac(3);
      cluster.expectDenial('get secrets');
      await cluster.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'vault' } });
      await cluster.api.apply(aSecret('wake', { password: PASSWORD }, 'vault'));
      await cluster.api.apply(aVm({ name: 'remote-secret', mac }));
      await cluster.api.apply(aWolConfig('vaulted', { ...guardedBy('wake', 'vault'), wolPorts: [4_103] }));
      await untilTrouble('vaulted', 'vault/wake may not be read');

      await grantSecret('vault', 'wake');
      await poll('the right to be there', async () => {
        await touch('vaulted');
        return saysStarted(await known(mac, 4_103, PASSWORD));
      });

      await untilCondition(cluster.api, 'vaulted', 'Ready', 'True', 'MappingUpdated');
    });

    it('appears in no log line', async () => {
      await manager.process.until('tell of the last wake', () =>
        manager.process.logLines('wake answered').some((line) => line['vm'] === 'default/remote-secret'),
      );
      for (const form of [PASSWORD, '67:65:68:65:69:6d', Buffer.from(PASSWORD).toString('base64'), Buffer.from(PASSWORD).toString('hex')]) {
        expect(manager.process.log).to.not.contain(form);
      }
    });
  });

  async function grantSecret(namespace: string, name: string): Promise<void> {
    const metadata = { name: 'read-wake-secret', namespace };
    const rules = [{ apiGroups: [''], resources: ['secrets'], resourceNames: [name], verbs: ['get'] }];
    await cluster.api.apply({ apiVersion: `${RBAC}/v1`, kind: 'Role', metadata, rules });
    await cluster.api.apply({
      ...{ apiVersion: `${RBAC}/v1`, kind: 'RoleBinding', metadata },
      roleRef: { apiGroup: RBAC, kind: 'Role', name: metadata.name },
      subjects: [{ kind: 'ServiceAccount', name: 'virt-steward', namespace: NAMESPACE }],
    });
  }

  it('allowedSources lets packets of these networks pass and no others', async () => {
    const mac = testMac(10);
    await cluster.api.apply(aVm({ name: 'fenced', mac }));
    await cluster.api.apply(aWolConfig('fenced', { allowedSources: ['198.51.100.0/24', '2001:db8::/32'], wolPorts: [4_110] }));
    expect((await known(mac, 4_110)).message).to.match(/^SourceNotAllowed: /);

    await cluster.api.mergePatch(wolConfigRef('fenced'), { spec: { allowedSources: ['192.0.2.0/28'] } });

    await reporter.untilWakes(mac, 'default/fenced', { port: 4_110 });
    expect(await settledStartsOf('fenced')).to.have.length(1);
  });

  it('limits.startsPerMinute starts as many at once and lets the others wait for their turn', async () => {
    const namespace = 'rushing';
    await cluster.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    const machines = Array.from({ length: 8 }, (_, n) => ({ name: `rush-${n}`, namespace, mac: testMac(20 + n) }));
    await Promise.all(machines.map((machine) => cluster.api.apply(aVm(machine))));
    const spec = { namespaceSelectors: [namespace], limits: { startsPerMinute: 6 }, wolPorts: [4_120] };
    await cluster.api.apply(aWolConfig('rush', spec));
    await untilStatus(cluster.api, 'rush', 'to count all', ({ managedVMs }) => managedVMs === 8);

    const begunMs = performance.now();
    const answers = await Promise.all(machines.map(({ mac }) => reporter.report(mac, 4_120)));
    const stillWaiting = await metric('wol_waiting_wakes{config="rush"}');
    // None, where a machine is not busy beyond measure.
    const earned = Math.floor((performance.now() - begunMs) / EARNED_EACH_MS);

    const waiting = answers.filter(({ status, message }) => status === 'ACCEPTED' && message === 'waiting for the rate limit');
    expect(waiting.length, JSON.stringify(answers)).to.be.within(2 - earned, 2);
    expect(answers.filter(saysStarted), JSON.stringify(answers)).to.have.length(8 - waiting.length);
    expect(stillWaiting).to.be.within(2 - earned, 2);
    const started = (): Promise<number | undefined> => metric('wol_vm_started_total{config="rush"}');
    // KubeVirt has taken a start before the manager hears of it, and counts.
    await poll('all to be started and counted', async () => Number(await started()) >= 8);
    expect(await started()).to.equal(8);
    expect(machines.map(({ name }) => startsOf(name).length)).to.deep.equal(machines.map(() => 1));
    expect(await metric('wol_waiting_wakes{config="rush"}')).to.equal(0);
  });

  describe('a start that KubeVirt does not take at once', () => {
    before(() => cluster.api.apply(aWolConfig('stubborn', { wolPorts: [4_130] })));

    it('is tried again until it does, and the packet is answered with the outcome', async () => {
      await cluster.api.apply(aVm({ name: 'retried', mac: testMac(30) }));
      cluster.kubevirt.faults.failNext('start', { kind: 'answer', code: 503 });
      cluster.kubevirt.faults.failNext('start', { kind: 'answer', code: 500 });

      expectStarted(await known(testMac(30), 4_130), 'default/retried');

      expect((await settledStartsOf('retried')).map(({ code }) => code)).to.deep.equal([503, 500, 202]);
    });

    it('is not done twice when the answer was lost on the way', async () => {
      await cluster.api.apply(aVm({ name: 'cut', mac: testMac(31) }));
      cluster.kubevirt.faults.failNext('start', { kind: 'cutAfterWrite' });

      const answer = await known(testMac(31), 4_130);

      expect(['VM_ALREADY_RUNNING', 'ACCEPTED'], JSON.stringify(answer)).to.include(answer.status);
      await poll(
        'the machine to run',
        async () => (await cluster.kubevirt.vmi({ namespace: 'default', name: 'cut' }))?.status?.phase === 'Running',
      );
      await poll('all wakes to end', async () => (await metric('wol_inflight_wakes')) === 0);
      expect(startsOf('cut').filter(({ wrote }) => wrote)).to.have.length(1);
    });

    it('that takes longer than 3 s is answered with ACCEPTED, and its outcome is told later', async () => {
      await cluster.api.apply(aVm({ name: 'slow', mac: testMac(32) }));
      const { promise: until, resolve: release } = Promise.withResolvers<void>();
      cluster.kubevirt.faults.failNext('start', { kind: 'hold', until });

      expect(await known(testMac(32), 4_130)).to.include({ status: 'ACCEPTED', vm: 'default/slow', message: 'work goes on' });

      release();
      await untilEvent(cluster.api, 'VirtualMachine', 'slow', 'WakeStarted');
      expect(startsOf('slow')).to.have.length(1);
    });
  });

  describe('learnRuntimeMACs', () => {
    const [mac, guestMac, declared] = [testMac(40), testMac(41), testMac(42)];
    const target = { namespace: 'learning', name: 'pupil' };
    const instanceRef = { apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachineInstance', metadata: target };
    const phase = async () => (await cluster.kubevirt.vmi(target))?.status?.phase;
    const stored = async (): Promise<Record<string, string>> => {
      const path = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
      const maps = await cluster.api.list<TestObject & { data?: Record<string, string> }>(path);
      return Object.assign(
        {},
        ...maps.filter(({ metadata }) => metadata.name.startsWith('virt-steward-learned-macs-')).map(({ data }) => data ?? {}),
      );
    };

    before(async () => {
      await cluster.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: target.namespace } });
      await cluster.api.apply(aVm(target));
      await cluster.kubevirt.call('start', target);
      await poll('the machine to run', async () => (await phase()) === 'Running');
      await cluster.api.mergePatch(instanceRef, { status: { interfaces: [{ name: 'default', mac }, { mac: guestMac }] } });
    });

    it('learns from machines that run already, but nothing that only the guest says', async () => {
      await cluster.api.apply(aWolConfig('school', { namespaceSelectors: ['learning'], wolPorts: [4_140], learnRuntimeMACs: true }));

      await reporter.untilWakes(mac, 'learning/pupil', { port: 4_140 });
      expect((await reporter.report(guestMac, 4_140)).status).to.equal('VM_NOT_FOUND');
      await untilStatus(cluster.api, 'school', 'to count it', ({ managedVMs, managedMACs }) => managedVMs === 1 && managedMACs === 1);
      expect(await metric('wol_learned_macs')).to.equal(1);
    });

    it('wakes the machine by what was learned after it has stopped and the manager was killed', async () => {
      const uid = String((await cluster.api.get(vmRef(target.name, target.namespace)))!.metadata['uid']);
      await poll('the address to be stored', async () => (await stored())[uid] === mac);
      await cluster.kubevirt.call('stop', target);
      await poll('the machine to be off', async () => (await phase()) === undefined);
      reporter.close();
      await manager.process.kill();
      manager = await startManager(cluster);
      reporter = new ReportingAgent(manager.grpcPort);

      const answer = await reporter.report(mac, 4_140);

      expectStarted(answer, 'learning/pupil');
    });

    it('stores what it learns in whatever ConfigMap the UID belongs to', async () => {
      const shards = new LearnedMacs();
      const written = (): number[] => Array.from({ length: LEARNED_SHARDS }, (_, n) => Object.keys(shards.stored(n)).length);
      const chosen: { name: string; namespace: string; mac: string; uid: string }[] = [];
      for (let n = 0; written().includes(0); n++) {
        const machine = { name: `classmate-${n}`, namespace: target.namespace };
        const uid = String((await cluster.api.apply(aVm(machine))).metadata['uid']);
        const before = written();
        shards.learn(uid, [testMac(50 + n)]);
        if (before[written().findIndex((count, shard) => count > before[shard]!)] === 0)
          chosen.push({ ...machine, mac: testMac(50 + n), uid });
      }

      for (const { mac: own, uid: _, ...machine } of chosen) {
        await cluster.kubevirt.call('start', machine);
        await poll(`${machine.name} to run`, async () => (await cluster.kubevirt.vmi(machine))?.status?.phase === 'Running');
        const status = { interfaces: [{ name: 'default', mac: own }] };
        await cluster.api.mergePatch({ ...instanceRef, metadata: machine }, { status });
      }

      await poll('all to be stored', async () => {
        const now = await stored();
        return chosen.every(({ uid, mac: own }) => now[uid] === own);
      });
    });

    it('writes nothing while nothing new is learned', async () => {
      const versions = async (): Promise<string> => {
        const maps = await cluster.api.list(`/api/v1/namespaces/${NAMESPACE}/configmaps`);
        const configs = await cluster.api.list('/apis/wol.pillon.org/v1beta1/wolconfigs');
        return [...maps, ...configs].map(({ metadata }) => `${metadata.name} ${String(metadata['resourceVersion'])}`).join();
      };
      let before = await versions();
      let quietSinceMs = performance.now();
      await poll(
        'no write for longer than one is delayed',
        async () => {
          const now = await versions();
          if (now !== before) quietSinceMs = performance.now();
          before = now;
          return performance.now() - quietSinceMs > 12_000;
        },
        { intervalMs: 500 },
      );
    });

    it('forgets what was learned when the owner declares an address', async () => {
      await cluster.api.apply(aVm({ ...target, mac: declared }));

      await reporter.untilUnknown(mac, { port: 4_140 });
      await reporter.untilWakes(declared, 'learning/pupil', { port: 4_140 });
      await poll('the stored address to be gone', async () => !Object.values(await stored()).includes(mac));
    });
  });

  describe('rights that are missing', () => {
    it('make a config MappingFailed while virtual machines may not be listed, and Ready when they may', async () => {
      cluster.expectDenial('list virtualmachines.kubevirt.io');
      reporter.close();
      await manager.process.stop();
      const role = { apiVersion: `${RBAC}/v1`, kind: 'ClusterRole', metadata: { name: 'virt-steward-manager' } };
      const { rules } = (await cluster.api.get<TestObject & { rules: { resources: string[] }[] }>(role))!;
      await cluster.api.mergePatch(role, { rules: rules.filter(({ resources }) => !resources.includes('virtualmachines')) });
      const token = await cluster.controlPlane.serviceAccountToken(NAMESPACE, SERVICE_ACCOUNT);
      const path = '/apis/kubevirt.io/v1/virtualmachines';
      // A manager that comes before may list and watch for good.
      await poll('the API server to refuse', async () => (await cluster.controlPlane.request({ path }, token)).status === 403);
      manager = await launchManager(cluster);
      reporter = new ReportingAgent(manager.grpcPort);

      await untilCondition(cluster.api, 'rush', 'Ready', 'False', 'MappingFailed');
      expect((await manager.health('/readyz')).status, 'packets are left with the agents').to.equal(503);
      await cluster.api.mergePatch(role, { rules });

      await poll('it to be ready again', async () => {
        const config = await cluster.api.get<TestObject & { status?: { conditions?: { type: string; status: string }[] } }>(
          wolConfigRef('rush'),
        );
        return config?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
      });
    });
  });
});
