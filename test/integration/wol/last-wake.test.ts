/** What the status of a WolConfig says of wakes that start nothing at once, of its agents before anybody has counted them, and when. */
import { expect } from 'chai';
import { PATIENCE_MS, poll } from '../../harness/poll';
import { expectStarted, ReportingAgent } from '../../harness/reporting-agent';
import { StewardCluster } from '../../harness/steward-cluster';
import { type ManagerProcess, startManager } from '../../harness/steward-processes';
import { aVm, aWolConfig, testMac } from '../../harness/virtual-machines';
import { untilCondition, untilStatus } from '../../harness/wol-objects';

const FINALIZER = 'test.example.org/held';

describe('the status of a WolConfig, where nothing moves by itself,', () => {
  let cluster: StewardCluster;
  let manager: ManagerProcess;
  let reporter: ReportingAgent;

  const instance = (name: string, held: boolean) => ({
    ...{ apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachineInstance' },
    metadata: { name, namespace: 'default', ...(held ? { finalizers: [FINALIZER] } : {}) },
    spec: { domain: { devices: {} }, terminationGracePeriodSeconds: 600 },
    status: { phase: 'Running' },
  });

  const cases = [
    { result: 'Skipped', name: 'off', vm: { runStrategy: 'Halted' }, spec: { startPolicy: 'Skip' }, answer: 'ERROR' },
    { result: 'AlreadyRunning', name: 'on', vm: { runStrategy: 'Manual' }, spec: {}, answer: 'VM_ALREADY_RUNNING' },
    { result: 'Waiting', name: 'ending', vm: { runStrategy: 'Manual' }, spec: {}, answer: 'ACCEPTED' },
  ] as const;

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'wol', kubevirt: { controller: false }, controlPlane: { controllerManager: false } });
    // They come over watches of their own: the manager knows all of them only if they were there before it.
    for (const [index, { result, name, vm }] of cases.entries()) {
      if (result !== 'Skipped') await cluster.api.apply(instance(name, result === 'Waiting'));
      if (result === 'Waiting') await cluster.api.delete(instance(name, true));
      await cluster.api.apply(aVm({ name, mac: testMac(index + 1), ...vm }));
    }
    manager = await startManager(cluster);
    reporter = new ReportingAgent(manager.grpcPort);
  });

  after(async () => {
    reporter?.close();
    await manager?.process.kill();
    await cluster?.stop();
  });

  for (const [index, { result, name, spec, answer }] of cases.entries()) {
    it(`says ${result} of a wake that the agent is answered ${answer}`, async () => {
      const [mac, port] = [testMac(index + 1), 4_001 + index];
      const explicitMappings = [{ macAddress: mac, namespace: 'default', vmName: name }];
      await cluster.api.apply(aWolConfig(name, { discoveryMode: 'Explicit', explicitMappings, wolPorts: [port], ...spec }));
      await untilStatus(cluster.api, name, 'to know the machine', ({ managedVMs }) => managedVMs === 1);

      expect((await reporter.report(mac, port)).status).to.equal(answer);

      const { status } = await untilStatus(cluster.api, name, 'to have a last wake', ({ lastWake }) => lastWake !== undefined);
      expect(status?.lastWake).to.deep.include({ macAddress: mac, vm: `default/${name}`, result, node: 'test-node' });
      expect(cluster.kubevirt.journal.calls({ verb: 'start', name })).to.deep.equal([]);
    });
  }

  it('is AgentReady=Unknown (Pending) until a DaemonSet controller has looked', async () => {
    await cluster.api.apply(aWolConfig('young', { namespaceSelectors: ['nowhere'] }));
    const { message } = await untilCondition(cluster.api, 'young', 'AgentReady', 'Unknown', 'Pending');
    expect(message).to.equal('the state of the DaemonSet is not known yet');
  });

  it('dates its last change in lastSync, and no wake counts as one', async () => {
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'dated' } };
    await cluster.api.apply(namespace);
    await cluster.api.apply(aWolConfig('dated', { namespaceSelectors: ['dated'], wolPorts: [4_010] }));
    await untilCondition(cluster.api, 'dated', 'AgentReady', 'Unknown', 'Pending');
    // Nothing but the wake is to come after the machine.
    const empty = await untilStatus(
      cluster.api,
      'dated',
      'to be dated',
      ({ lastSync, agentStatus }) => lastSync !== undefined && agentStatus !== undefined,
    );
    expect(Math.abs(Date.parse(empty.status!.lastSync!) - Date.now())).to.be.below(PATIENCE_MS);

    const before = empty.status!.lastSync!;
    // Dates have whole seconds.
    await poll('the second to be over', () => Date.now() >= Date.parse(before) + 1_000);
    await cluster.api.apply(aVm({ name: 'a', namespace: 'dated', mac: testMac(10), runStrategy: 'Manual' }));

    const isLater = ({ managedVMs, lastSync }: { managedVMs?: number; lastSync?: string }): boolean =>
      managedVMs === 1 && lastSync !== undefined && lastSync > before;
    const { status } = await untilStatus(cluster.api, 'dated', 'to have a later date', isLater);
    expectStarted(await reporter.report(testMac(10), 4_010), 'dated/a');
    const woken = await untilStatus(cluster.api, 'dated', 'to have a last wake', ({ lastWake }) => lastWake !== undefined);
    expect(woken.status?.lastSync).to.equal(status?.lastSync);
  });
});
