import { join } from 'node:path';
import { expect } from 'chai';
import { HttpFaultProxy, stall } from '../../../src/framework/testing';
import { untilRefused } from '../../harness/apply-rights';
import { TestProcess } from '../../harness/child-process';
import { poll } from '../../harness/poll';
import { MANAGER_USER, NAMESPACE, ROOT, SERVICE_ACCOUNT, StewardCluster, type TestObject } from '../../harness/steward-cluster';
import { launchManager, type ManagerProcess, startManager } from '../../harness/steward-processes';

const PROGRAM = join(ROOT, 'build', 'test', 'harness', 'leader-process.js');
/** Short enough to wait for, and long enough that a leader on a busy machine does not miss its deadline. */
const SHORT = { leaseDurationMs: 10_000, renewDeadlineMs: 8_000, retryMs: 500 };
/** Nobody waits for the end of this one: whoever takes over was handed it. */
const LONG = { leaseDurationMs: 600_000, renewDeadlineMs: 500_000, retryMs: 500 };
/** Stops a process of PROGRAM until it gets a SIGCONT. */
const FREEZE = 'SIGUSR2';
/** What it takes to say that somebody does not write: somebody else has written this often meanwhile, or renewed. */
const WRITES = 20;
const RENEWALS = 3;

interface LeaseObject extends TestObject {
  spec: { holderIdentity: string; leaseTransitions: number; acquireTime: string; renewTime: string };
}

/** A namespace of its own with a few objects to reconcile, and the processes that want to. */
class Stage {
  private readonly processes: TestProcess[] = [];

  private constructor(
    private readonly cluster: StewardCluster,
    private readonly namespace: string,
  ) {}

  static async set(cluster: StewardCluster, namespace: string): Promise<Stage> {
    await cluster.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    for (const name of ['one', 'two', 'three', 'four']) {
      await cluster.api.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels: { role: 'work' } } });
    }
    return new Stage(cluster, namespace);
  }

  start(name: string, election: object = SHORT): TestProcess {
    const env = { KUBECONFIG: this.cluster.controlPlane.kubeconfigPath };
    const process = new TestProcess(name, [PROGRAM, name, this.namespace, JSON.stringify(election)], env);
    this.processes.push(process);
    return process;
  }

  /** Starts a process and waits until its traces appear. */
  async startLeading(name: string, election: object = SHORT): Promise<TestProcess> {
    const process = this.start(name, election);
    await this.waitForWrites(name, process);
    return process;
  }

  async startStandby(name: string, election: object = SHORT): Promise<TestProcess> {
    const process = this.start(name, election);
    await process.until('standing by', () => process.logLines('standing by').length > 0);
    return process;
  }

  async waitForWrites(name: string, process: TestProcess): Promise<void> {
    await process.until('writing', async () => (await this.writers()).includes(name));
  }

  /** Waits until `name` has gone on writing for a while. */
  async waitForMoreWrites(name: string, process: TestProcess): Promise<void> {
    const count = async (): Promise<number> => (await this.writes()).filter((writer) => writer === name).length;
    const before = await count();
    await process.until('writing on', async () => (await count()) >= before + WRITES);
  }

  /** Waits until whoever leads has renewed the Lease a few times. */
  async waitForRenewals(process: TestProcess): Promise<void> {
    const seen = new Set<string>();
    await process.until('the Lease to be renewed', async () => seen.add((await this.lease()).renewTime).size > RENEWALS);
  }

  /** Who wrote, in the order of the server, repeats folded: `['a', 'b']` = all writes of a came before the first one of b. */
  async writers(): Promise<string[]> {
    return (await this.writes()).filter((writer, index, all) => writer !== all[index - 1]);
  }

  private async writes(): Promise<string[]> {
    const traces = await this.cluster.api.list<TestObject>(
      `/api/v1/namespaces/${this.namespace}/configmaps?labelSelector=${encodeURIComponent('role=trace')}`,
    );
    return traces
      .map(({ metadata }) => ({ version: Number(metadata['resourceVersion']), writer: (metadata['labels'] as { writer: string }).writer }))
      .sort((first, second) => first.version - second.version)
      .map(({ writer }) => writer);
  }

  async lease(): Promise<LeaseObject['spec']> {
    const path = `/apis/coordination.k8s.io/v1/namespaces/${this.namespace}/leases/leader-test`;
    return (await this.cluster.api.ask<LeaseObject>({ path })).spec;
  }

  async clear(): Promise<void> {
    for (const process of this.processes) process.signal('SIGCONT');
    await Promise.all(this.processes.map((process) => process.kill()));
  }
}

/** Wall-clock times of the first and the last sign of life of handlers. */
async function workTimes(process: TestProcess): Promise<{ firstMs: number; lastMs: number }> {
  // What it has logged may come later than what it has written.
  await poll(`${process.name} says that it works`, () => process.logLines('run begins').length > 0);
  const times = [...process.logLines('run begins'), ...process.logLines('run ends')].map(({ atMs }) => Number(atMs));
  return { firstMs: Math.min(...times), lastMs: Math.max(...times) };
}

describe('leader election on a real API server', () => {
  let cluster: StewardCluster;
  let stage: Stage;
  let number = 0;

  before(async () => {
    cluster = await StewardCluster.start({ modules: 'wol', kubevirt: false });
  });

  after(() => cluster?.stop());

  beforeEach(async () => {
    stage = await Stage.set(cluster, `leader-${++number}`);
  });

  afterEach(() => stage.clear());

  it('lets one of two processes reconcile while the other one is ready and silent', async () => {
    await stage.startLeading('a');
    const b = await stage.startStandby('b');
    await b.until('working', () => b.logLines('operator is working').length > 0);
    await stage.waitForRenewals(b);

    expect(await stage.writers()).to.deep.equal(['a']);
    expect(b.logLines('run begins')).to.deep.equal([]);
    expect(b.logLines('operator is working')).to.have.length(1);
  });

  it('hands over once the Lease of a leader that was killed has run out', async () => {
    const a = await stage.startLeading('a');
    const b = await stage.startStandby('b');
    await a.kill();
    const { renewTime } = await stage.lease();

    await stage.waitForWrites('b', b);
    expect(await stage.writers()).to.deep.equal(['a', 'b']);
    expect((await workTimes(a)).lastMs).to.be.below((await workTimes(b)).firstMs);
    const { acquireTime, leaseTransitions } = await stage.lease();
    expect(Date.parse(acquireTime) - Date.parse(renewTime)).to.be.at.least(SHORT.leaseDurationMs);
    expect(leaseTransitions).to.equal(1);
  });

  it('hands over without waiting when the leader is told to stop: hooks first, then the Lease, exit code 0', async () => {
    const a = await stage.startLeading('a', LONG);
    const b = await stage.startStandby('b', LONG);
    const exit = a.stop();

    await stage.waitForWrites('b', b);
    expect(await exit).to.deep.equal({ code: 0, signal: null });
    expect(await stage.writers()).to.deep.equal(['a', 'b']);
    expect((await workTimes(a)).lastMs).to.be.below((await workTimes(b)).firstMs);
    expect(a.logLines('term ends')).to.have.length(1);
    expect(a.log.indexOf('"term ends"')).to.be.below(a.log.indexOf('"lease released"'));
  });

  it('leaves the Lease to the one that leads when a standby stops', async () => {
    await stage.startLeading('a');
    const b = await stage.startStandby('b');

    expect(await b.stop()).to.deep.equal({ code: 0, signal: null });
    expect((await stage.lease()).holderIdentity).to.match(/^a_[0-9a-f-]{36}$/);
  });

  it('writes nothing after a freeze in the middle of a run, stands by and can lead again', async () => {
    const a = await stage.startLeading('a');
    const b = await stage.startStandby('b');
    a.signal(FREEZE);
    await stage.waitForWrites('b', b);
    a.signal('SIGCONT');
    await a.until('standing by', () => a.logLines('work of the lost term has ended, standing by').length > 0);
    await stage.waitForMoreWrites('b', b);
    expect(await stage.writers()).to.deep.equal(['a', 'b']);

    await b.stop();
    await a.until('writing again', async () => (await stage.writers()).length >= 3);
    expect(await stage.writers()).to.deep.equal(['a', 'b', 'a']);
    await a.until('saying that it leads again', () => a.logLines('term begins').length >= 2);
    expect(a.logLines('term begins')).to.have.length(2);
    expect(a.logLines('term ends')).to.have.length(1);
  });

  it('with the numbers of production, too, a leader that is frozen is replaced and writes nothing after it wakes', async () => {
    const a = await stage.startLeading('a', {});
    const b = await stage.startStandby('b', {});
    a.signal(FREEZE);
    await stage.waitForWrites('b', b);
    a.signal('SIGCONT');

    await a.until('standing by', () => a.logLines('work of the lost term has ended, standing by').length > 0);
    await stage.waitForMoreWrites('b', b);
    expect(await stage.writers()).to.deep.equal(['a', 'b']);
  });

  it('stands down while the API server is away for longer than the deadline, and one leads when it is back', async () => {
    const a = await stage.startLeading('a');
    const b = await stage.startStandby('b');
    await cluster.controlPlane.stopApiServer();
    await a.until('leadership to be lost', () => a.logLines('leadership lost').length === 1);
    await cluster.controlPlane.startApiServer();

    const begun = (): number => a.logLines('term begins').length + b.logLines('term begins').length;
    await poll('one to lead again', () => begun() === 2, { onTimeout: () => a.log + b.log });
    await stage.waitForRenewals(a);
    expect(begun()).to.equal(2);
    expect([a.isRunning, b.isRunning]).to.deep.equal([true, true]);
  });
});

describe('managers with --leader-elect', () => {
  let cluster: StewardCluster;
  const managers: ManagerProcess[] = [];

  before(async () => {
    cluster = await StewardCluster.start({ modules: 'wol', kubevirt: false });
  });

  afterEach(async () => {
    await Promise.all(managers.splice(0).map(({ process }) => process.kill()));
  });

  after(() => cluster?.stop());

  const electing = { flags: ['--leader-elect'] };
  const isLeading = async (manager: ManagerProcess): Promise<boolean> =>
    (await manager.health('/readyz?verbose')).text.includes('[+]leader ok: leading');

  it('are both ready with the rights that are printed for them, and the leader gives up its Lease when it stops', async () => {
    const first = await startManager(cluster, electing);
    managers.push(first);
    await first.process.until('leading', () => isLeading(first));
    const second = await startManager(cluster, electing);
    managers.push(second);
    await second.process.until('standing by', async () =>
      /\[\+\]leader ok: standing by, \S+ leads/.test((await second.health('/readyz?verbose')).text),
    );
    expect((await second.health('/healthz')).status).to.equal(200);

    expect(await first.process.stop()).to.deep.equal({ code: 0, signal: null });
    expect(first.process.logLines('lease released')).to.have.length(1);
    await second.process.until('leading', () => isLeading(second));
  });

  it('are not ready and say why while they have no right to the Lease', async () => {
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'virt-steward-manager', namespace: NAMESPACE },
    };
    const binding = await cluster.api.get(role);
    cluster.expectDenial('get leases.coordination.k8s.io');
    // The Role holds the other rights in this namespace as well.
    for (const resource of ['daemonsets.apps', 'services', 'serviceaccounts']) cluster.expectDenial(`list ${resource}`);
    await cluster.api.delete(role);
    const lost = { apiGroups: ['coordination.k8s.io'], resources: ['leases'], resourceNames: ['virt-steward-manager'], verbs: ['get'] };
    await untilRefused(cluster.api, lost, MANAGER_USER, NAMESPACE);
    const manager = await launchManager(cluster, electing);
    managers.push(manager);
    const denied = await manager.process.until('denied', async () => {
      const readyz = await manager.health('/readyz?verbose').catch(() => undefined);
      return readyz?.text.split('\n').find((line) => line.startsWith('[-]leader'));
    });

    expect(denied).to.contain('forbidden');
    const denials = (): unknown[] => manager.process.logLines('lease is denied, this process cannot lead');
    await manager.process.until('the denial to be logged', () => denials().length > 0);
    expect(denials()).to.have.length(1);
    const { resourceVersion: _version, uid: _uid, managedFields: _fields, ...metadata } = binding!.metadata;
    await cluster.api.apply({ ...binding!, metadata });
    await manager.process.until('leading', () => isLeading(manager));
  });

  describe('that are stopped at a bad time', () => {
    let proxy: HttpFaultProxy;
    let kubeconfig: string;

    before(async () => {
      const { server, ca } = cluster.controlPlane;
      proxy = await HttpFaultProxy.start({ target: server, targetCa: ca });
      const token = await cluster.controlPlane.serviceAccountToken(NAMESPACE, SERVICE_ACCOUNT);
      kubeconfig = cluster.controlPlane.writeFile('proxied.kubeconfig', proxy.kubeconfig(token));
    });

    afterEach(() => proxy.faults.clear());

    after(() => proxy?.stop());

    async function launched(): Promise<ManagerProcess> {
      const manager = await launchManager(cluster, { ...electing, kubeconfig });
      managers.push(manager);
      return manager;
    }

    for (const { what, on } of [
      { what: 'during their first lists', on: { verb: 'list' } },
      { what: 'while they ask for the Lease', on: { kind: 'leases.coordination.k8s.io' } },
    ] as const) {
      it(`end with 0 ${what}, although no answer comes`, async () => {
        const silence = proxy.faults.add({ on, do: stall(), times: Number.POSITIVE_INFINITY });
        const manager = await launched();
        await manager.process.until('it has asked', () => silence.strikes > 0);
        manager.process.signal('SIGTERM');

        expect(await manager.process.exited, manager.process.log).to.deep.equal({ code: 0, signal: null });
        expect(manager.process.logLines('operator stopped')).to.have.length(1);
      });
    }

    it('are not ready from the first signal on, and end at once with 1 at a second one', async () => {
      const manager = await launched();
      await manager.process.until('leading', () => isLeading(manager).catch(() => false));
      // From now on the shutdown hangs: the Lease cannot be given up.
      proxy.faults.add({ on: {}, do: stall(), times: Number.POSITIVE_INFINITY });
      manager.process.signal('SIGTERM');
      await manager.process.until('stopping', async () =>
        (await manager.health('/readyz?verbose')).text.includes('[-]shutdown failed: stopping'),
      );
      manager.process.signal('SIGINT');

      expect(await manager.process.exited, manager.process.log).to.deep.equal({ code: 1, signal: null });
      expect(manager.process.logLines('operator stopped')).to.deep.equal([]);
    });
  });
});
