/**
 * What a packet does to a virtual machine in every state it can be in, on a real API server. KubeVirt's controller is left out, so that
 * objects stay exactly as they are written here; its start subresource answers as KubeVirt's does.
 */
import { expect } from 'chai';
import { poll } from '../../harness/poll';
import { type Answer, ReportingAgent, saysStarted } from '../../harness/reporting-agent';
import { StewardCluster, type TestObject } from '../../harness/steward-cluster';
import { type ManagerProcess, startManager } from '../../harness/steward-processes';
import { aVm, aWolConfig, testMac } from '../../harness/virtual-machines';
import { eventsAbout, untilStatus, vmRef } from '../../harness/wol-objects';

/** What becomes of the packet: started, already running, waits for the stop, or the reason of an error. */
const OUTCOMES = {
  start: { status: 'VM_START_INITIATED', text: /./ },
  runs: { status: 'VM_ALREADY_RUNNING', text: /^already running/ },
  paused: { status: 'VM_ALREADY_RUNNING', text: /paused; spec\.unpause/ },
  keptOn: { status: 'VM_ALREADY_RUNNING', text: /^desired on/ },
  next: { status: 'VM_ALREADY_RUNNING', text: /makes the next instance itself/ },
  waits: { status: 'ACCEPTED', text: /waiting for the stop/ },
  not: { status: 'ERROR', text: /^NotStartable: / },
  rerun: { status: 'ERROR', text: /^RerunByKubeVirt: / },
} as const;
type Outcome = keyof typeof OUTCOMES;

const INSTANCES = {
  'no instance': undefined,
  'a new instance': { phase: undefined },
  Pending: { phase: 'Pending' },
  Scheduling: { phase: 'Scheduling' },
  Scheduled: { phase: 'Scheduled' },
  Running: { phase: 'Running' },
  WaitingForSync: { phase: 'WaitingForSync' },
  Succeeded: { phase: 'Succeeded' },
  Failed: { phase: 'Failed' },
  Unknown: { phase: 'Unknown' },
  paused: { phase: 'Running', paused: true },
  stopping: { phase: 'Running', deleting: true },
} as const;
type InstanceState = keyof typeof INSTANCES;
const STATES = Object.keys(INSTANCES) as InstanceState[];

/** One column for each state above, in that order. */
const TABLE: Readonly<Record<string, { readonly spec: object; readonly row: string }>> = {
  Halted: { spec: { runStrategy: 'Halted' }, row: 'start waits waits waits waits waits waits start start start waits waits' },
  'running: false': { spec: { running: false }, row: 'start waits waits waits waits waits waits start start start waits waits' },
  'neither field': { spec: {}, row: 'start waits waits waits waits waits waits start start start waits waits' },
  Manual: { spec: { runStrategy: 'Manual' }, row: 'start runs runs runs runs runs runs start start start paused waits' },
  RerunOnFailure: { spec: { runStrategy: 'RerunOnFailure' }, row: 'start runs runs runs runs runs runs start rerun start paused waits' },
  Always: { spec: { runStrategy: 'Always' }, row: 'keptOn runs runs runs runs runs runs keptOn keptOn keptOn paused next' },
  'running: true': { spec: { running: true }, row: 'keptOn runs runs runs runs runs runs keptOn keptOn keptOn paused next' },
  Once: { spec: { runStrategy: 'Once' }, row: 'keptOn runs runs runs runs runs runs not not not paused next' },
  WaitAsReceiver: { spec: { runStrategy: 'WaitAsReceiver' }, row: 'not not not not not not not not not not not not' },
  'a strategy of the future': { spec: { runStrategy: 'Sometimes' }, row: 'not not not not not not not not not not not not' },
  'both fields': { spec: { running: false, runStrategy: 'Manual' }, row: 'not not not not not not not not not not not not' },
};

interface Cell {
  readonly strategy: string;
  readonly state: InstanceState;
  readonly outcome: Outcome;
  readonly name: string;
  readonly mac: string;
}

const CELLS: readonly Cell[] = Object.entries(TABLE).flatMap(([strategy, { row }], r) =>
  row.split(' ').map((outcome, c) => ({
    strategy,
    state: STATES[c]!,
    outcome: outcome as Outcome,
    name: `vm-${r}-${c}`,
    mac: testMac(1_000 + 100 * r + c),
  })),
);
/** Longer than the test takes: what waits for a stop must still be waiting at its end. */
const GRACE_SECONDS = 600;
const FINALIZER = 'test.example.org/held';

describe('a packet for a virtual machine in every state', () => {
  let cluster: StewardCluster;
  let manager: ManagerProcess;
  let reporter: ReportingAgent;

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'wol', kubevirt: { controller: false } });
    await Promise.all(CELLS.map(create));
    await cluster.api.apply(aWolConfig('all', { limits: { startsPerMinute: 10_000 } }));
    await cluster.api.apply(aWolConfig('skip', { startPolicy: 'Skip', wolPorts: [7], limits: { startsPerMinute: 10_000 } }));
    await cluster.api.apply(aWolConfig('unpause', { unpause: true, wolPorts: [8], limits: { startsPerMinute: 10_000 } }));
    manager = await startManager(cluster, { flags: ['--wol-max-starts-per-minute=0', '--wol-dedup-window=0s'] });
    reporter = new ReportingAgent(manager.grpcPort);
    await untilStatus(cluster.api, 'all', 'to count all', ({ managedVMs }) => managedVMs === CELLS.length);
  });

  after(async () => {
    reporter?.close();
    await manager?.process.kill();
    await cluster?.stop();
  });

  async function create({ strategy, state, name, mac }: Pick<Cell, 'strategy' | 'state' | 'name' | 'mac'>): Promise<void> {
    const vm = aVm({ name, mac });
    const { runStrategy: _, ...spec } = vm['spec'] as Record<string, unknown>;
    const created = await cluster.api.apply({ ...vm, spec: { ...spec, ...TABLE[strategy]!.spec } });
    const instance = INSTANCES[state];
    if (instance !== undefined) await createInstance(created, instance);
  }

  async function createInstance(vm: TestObject, instance: { phase: string | undefined; paused?: true; deleting?: true }): Promise<void> {
    const { name } = vm.metadata;
    const reference = { apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachineInstance', metadata: { name, namespace: 'default' } };
    await cluster.api.apply({
      ...reference,
      metadata: { ...reference.metadata, ...(instance.deleting && { finalizers: [FINALIZER] }) },
      spec: { domain: { devices: {} }, terminationGracePeriodSeconds: GRACE_SECONDS },
      status: {
        ...(instance.phase !== undefined && { phase: instance.phase }),
        ...(instance.paused && { conditions: [{ type: 'Paused', status: 'True' }] }),
      },
    });
    if (instance.deleting) await cluster.api.delete(reference);
  }

  /** Fields of spec that say what the owner wants. */
  async function wishOf(name: string): Promise<object> {
    const { running, runStrategy } = ((await cluster.api.get(vmRef(name)))!['spec'] ?? {}) as Record<string, unknown>;
    return { ...(running !== undefined && { running }), ...(runStrategy !== undefined && { runStrategy }) };
  }

  const calls = (name: string, verb: 'start' | 'unpause' = 'start') => cluster.kubevirt.journal.calls({ verb, name });

  function expectAnswer(answer: Answer, outcome: Outcome): void {
    const { status, text } = OUTCOMES[outcome];
    if (outcome === 'start' && saysStarted(answer)) return;
    expect(answer.status, JSON.stringify(answer)).to.equal(status);
    expect(answer.message).to.match(text);
  }

  for (const cell of CELLS) {
    const { strategy, state, outcome, name, mac } = cell;
    it(`${strategy}, ${state}: ${outcome}`, async () => {
      const before = await wishOf(name);

      const answer = await reporter.report(mac);

      expectAnswer(answer, outcome);
      if (outcome === 'start') await poll('the start to be accepted', () => calls(name).length > 0);
      expect(answer.vm).to.equal(`default/${name}`);
      expect(calls(name).map(({ code, wrote }) => [code, wrote])).to.deep.equal(outcome === 'start' ? [[202, true]] : []);
      const isHalted = strategy === 'Halted' || strategy === 'running: false' || strategy === 'neither field';
      const after = outcome === 'start' && isHalted ? (strategy === 'Halted' ? { runStrategy: 'Always' } : { running: true }) : before;
      expect(await wishOf(name), 'what the owner wants').to.deep.equal(after);
    });
  }

  it('starts what waited for a stop, once, when the instance is gone', async () => {
    const waiting = CELLS.filter(({ outcome, state }) => outcome === 'waits' && (state === 'stopping' || state === 'Running'));
    expect(waiting).to.have.length(8);
    for (const { name } of waiting) expect(calls(name)).to.deep.equal([]);

    for (const { name } of waiting) {
      const reference = { apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachineInstance', metadata: { name, namespace: 'default' } };
      await cluster.api.mergePatch(reference, { metadata: { finalizers: null } });
      await cluster.api.delete(reference);
    }

    for (const { name } of waiting) await poll(`${name} to be started`, () => calls(name).length > 0);
    for (const { name } of waiting) expect(calls(name).map(({ code }) => code)).to.deep.equal([202]);
  });

  describe('with facts that stand in the way', () => {
    const facts: readonly (readonly [string, string, object, Answer['status'], RegExp])[] = [
      ['a start that is queued already', 'Manual', { stateChangeRequests: [{ action: 'Start' }] }, 'ACCEPTED', /already requested/],
      [
        'condition ManualRecoveryRequired',
        'Halted',
        { conditions: [{ type: 'ManualRecoveryRequired', status: 'True' }] },
        'ERROR',
        /^ManualRecoveryRequired: /,
      ],
      ...['CrashLoopBackOff', 'ErrorUnschedulable', 'ErrorPvcNotFound', 'DataVolumeError', 'ErrImagePull', 'ImagePullBackOff'].map(
        (printableStatus) =>
          [`state ${printableStatus}`, 'Always', { printableStatus }, 'ERROR', new RegExp(`^AlwaysFailing: .*${printableStatus}`)] as const,
      ),
    ];
    for (const [index, [what, runStrategy, status, expected, text]] of facts.entries()) {
      it(`answers ${expected} to ${what}, and calls nobody`, async () => {
        const [name, mac] = [`fact-${index}`, testMac(5_000 + index)];
        await cluster.api.apply(aVm({ name, runStrategy }));
        const path = `/apis/kubevirt.io/v1/namespaces/default/virtualmachines/${name}/status`;
        await cluster.api.ask({ method: 'PATCH', path, body: { status }, contentType: 'application/merge-patch+json' });
        await cluster.api.mergePatch(vmRef(name), aVm({ name, mac, runStrategy }));

        const answer = await poll('the manager to know it', async () => {
          const told = await reporter.report(mac);
          return told.status === 'VM_NOT_FOUND' ? undefined : told;
        });

        expect(answer.status, JSON.stringify(answer)).to.equal(expected);
        expect(answer.message).to.match(text);
        expect(calls(name)).to.deep.equal([]);
      });
    }

    it('answers Terminating to a virtual machine that is being deleted', async () => {
      const [name, mac] = ['leaving', testMac(5_100)];
      const vm = aVm({ name });
      await cluster.api.apply({ ...vm, metadata: { ...vm.metadata, finalizers: [FINALIZER] } });
      await cluster.api.delete(vmRef(name));
      // Its address comes last: whoever knows it knows that it is being deleted.
      await cluster.api.mergePatch(vmRef(name), aVm({ name, mac }));

      const answer = await poll('the manager to know it', async () => {
        const told = await reporter.report(mac);
        return told.status === 'VM_NOT_FOUND' ? undefined : told;
      });
      await cluster.api.mergePatch(vmRef(name), { metadata: { finalizers: null } });

      expect(answer.status).to.equal('ERROR');
      expect(answer.message).to.match(/^Terminating: /);
      expect(calls(name)).to.deep.equal([]);
    });
  });

  describe('under startPolicy Skip', () => {
    const skipped: readonly (readonly [string, InstanceState, RegExp])[] = [
      ['Halted', 'no instance', /^SkippedByPolicy: /],
      ['running: false', 'no instance', /^SkippedByPolicy: /],
      ['neither field', 'Failed', /^SkippedByPolicy: /],
      ['Halted', 'Running', /^SkippedByPolicy: /],
      ['Manual', 'no instance', /start accepted/],
    ];
    for (const [index, [strategy, state, text]] of skipped.entries()) {
      it(`${strategy}, ${state}: ${text.source}`, async () => {
        const [name, mac] = [`skip-${index}`, testMac(6_000 + index)];
        await create({ strategy, state, name, mac });
        const answer = await poll('the manager to know both objects', async () => {
          const told = await reporter.report(mac, 7);
          return told.status === 'VM_NOT_FOUND' ? undefined : told;
        });

        if (strategy === 'Manual') {
          expectAnswer(answer, 'start');
          await poll('the start to be accepted', () => calls(name).length > 0);
        } else expect(answer.message).to.match(text);
        expect(calls(name)).to.have.length(strategy === 'Manual' ? 1 : 0);
      });
    }
  });

  it('tells of an accepted start that shows no effect, by Events and a metric, and wakes again by the next packet', async () => {
    const halted = CELLS.find(({ strategy, state }) => strategy === 'Halted' && state === 'no instance')!;

    for (const [kind, name] of [['VirtualMachine', halted.name] as const, ['WolConfig', 'all'] as const]) {
      const event = await poll(
        `Event WakeNotConfirmed on ${kind} ${name}`,
        async () => (await eventsAbout(cluster.api, kind, name)).find(({ reason }) => reason === 'WakeNotConfirmed'),
        { intervalMs: 200 },
      );
      expect(event.type).to.equal('Warning');
    }
    expect(await manager.metrics()).to.match(/^wol_wake_unconfirmed_total\{config="all"\} [1-9]/m);
    expect(calls(halted.name), 'nothing is called a second time by itself').to.have.length(1);
  });

  it('unpauses a paused instance when spec.unpause says so, and tells when that is done', async () => {
    const paused = { name: 'asleep', mac: testMac(6_100) };
    await create({ strategy: 'Always', state: 'paused', ...paused });

    // Until the instance is known KubeVirt is believed to make one.
    const answer = await poll('the instance to be known', async () => {
      const told = await reporter.report(paused.mac, 8);
      return told.status === 'VM_NOT_FOUND' || told.message.startsWith('desired on') ? undefined : told;
    });

    // Told once the call is answered, which may take longer than the manager waits for it.
    expect(saysStarted(answer) || answer.message === 'unpausing', JSON.stringify(answer)).to.equal(true);
    expect(answer.status).to.equal('ACCEPTED');
    await poll('the call', () => calls(paused.name, 'unpause').length > 0);
    await untilStatus(cluster.api, 'unpause', 'to have the outcome', ({ lastWake }) => lastWake?.result === 'Unpaused');
    expect(calls(paused.name, 'unpause')).to.have.length(1);
    expect(calls(paused.name)).to.deep.equal([]);
    expect(await manager.metrics()).to.match(/^wol_vm_unpaused_total\{config="unpause"\} 1$/m);
  });
});
