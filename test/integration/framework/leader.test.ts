import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { HttpFaultProxy, stall } from '../../../src/framework/testing';
import { TestProcess } from '../../harness/child-process';
import { poll } from '../../harness/poll';
import { NAMESPACE, ROOT, SERVICE_ACCOUNT, StewardCluster, type TestObject } from '../../harness/steward-cluster';
import { launchManager, type ManagerProcess, startManager } from '../../harness/steward-processes';

const PROGRAM = join(ROOT, 'build', 'test', 'harness', 'leader-process.js');
/** As short as the API server's whole seconds allow. */
const SHORT = { leaseDurationMs: 3_000, renewDeadlineMs: 2_000, retryMs: 500 };
const SHORT_TAKE_OVER_MS = SHORT.leaseDurationMs + 2 * 1.2 * SHORT.retryMs + 500;

interface LeaseObject extends TestObject {
  spec: { holderIdentity: string; leaseTransitions: number };
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

  /** @returns milliseconds until the first trace of `name`. */
  async waitForWrites(name: string, process: TestProcess): Promise<number> {
    const startMs = performance.now();
    await process.until('writing', async () => (await this.writers()).includes(name));
    return performance.now() - startMs;
  }

  /** Who wrote, in the order of the server, repeats folded: `['a', 'b']` = all writes of a came before the first one of b. */
  async writers(): Promise<string[]> {
    const traces = await this.cluster.api.list<TestObject>(
      `/api/v1/namespaces/${this.namespace}/configmaps?labelSelector=${encodeURIComponent('role=trace')}`,
    );
    return traces
      .map(({ metadata }) => ({ version: Number(metadata['resourceVersion']), writer: (metadata['labels'] as { writer: string }).writer }))
      .sort((first, second) => first.version - second.version)
      .map(({ writer }) => writer)
      .filter((writer, index, all) => writer !== all[index - 1]);
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
function workTimes(process: TestProcess): { firstMs: number; lastMs: number } {
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
    await pause(2 * SHORT.leaseDurationMs);

    expect(await stage.writers()).to.deep.equal(['a']);
    expect(b.logLines('run begins')).to.deep.equal([]);
    expect(b.logLines('operator is working')).to.have.length(1);
  });

  it('hands over within the lease time when the leader is killed', async () => {
    const a = await stage.startLeading('a');
    const b = await stage.startStandby('b');
    await a.kill();

    expect(await stage.waitForWrites('b', b)).to.be.within(SHORT.leaseDurationMs - 1_500, SHORT_TAKE_OVER_MS);
    expect(await stage.writers()).to.deep.equal(['a', 'b']);
    expect(workTimes(a).lastMs).to.be.below(workTimes(b).firstMs);
    expect((await stage.lease()).leaseTransitions).to.equal(1);
  });

  it('hands over at once when the leader is told to stop: hooks first, then the Lease, exit code 0', async () => {
    const a = await stage.startLeading('a');
    const b = await stage.startStandby('b');
    const exit = a.stop();

    expect(await stage.waitForWrites('b', b)).to.be.below(4_000);
    expect(await exit).to.deep.equal({ code: 0, signal: null });
    expect(await stage.writers()).to.deep.equal(['a', 'b']);
    expect(workTimes(a).lastMs).to.be.below(workTimes(b).firstMs);
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
    a.signal('SIGSTOP');
    await stage.waitForWrites('b', b);
    a.signal('SIGCONT');
    await a.until('standing by', () => a.logLines('work of the lost term has ended, standing by').length > 0);
    await pause(2_000);
    expect(await stage.writers()).to.deep.equal(['a', 'b']);

    await b.stop();
    await a.until('writing again', async () => (await stage.writers()).length === 3);
    expect(await stage.writers()).to.deep.equal(['a', 'b', 'a']);
    expect(a.logLines('term begins')).to.have.length(2);
    expect(a.logLines('term ends')).to.have.length(1);
  });

  it('with the numbers of production: frozen for 20 s the leader is replaced in under 18 s and writes nothing after it wakes', async () => {
    const a = await stage.startLeading('a', {});
    const b = await stage.startStandby('b', {});
    a.signal('SIGSTOP');
    const frozenMs = performance.now();
    expect(await stage.waitForWrites('b', b)).to.be.below(18_000);
    await pause(Math.max(0, 20_000 - (performance.now() - frozenMs)));
    a.signal('SIGCONT');

    await a.until('standing by', () => a.logLines('work of the lost term has ended, standing by').length > 0);
    await pause(3_000);
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
    await pause(2_000);
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

  it('are both ready with the rights that are printed for them, and two of them hand over in under 4 s when the leader stops', async () => {
    const first = await startManager(cluster, electing);
    managers.push(first);
    await first.process.until('leading', () => isLeading(first));
    const second = await startManager(cluster, electing);
    managers.push(second);
    await second.process.until('standing by', async () =>
      /\[\+\]leader ok: standing by, \S+ leads/.test((await second.health('/readyz?verbose')).text),
    );
    expect((await second.health('/healthz')).status).to.equal(200);

    const startMs = performance.now();
    const exit = first.process.stop();
    await second.process.until('leading', () => isLeading(second));
    expect(performance.now() - startMs).to.be.below(4_000);
    expect(await exit).to.deep.equal({ code: 0, signal: null });
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
    const manager = await launchManager(cluster, electing);
    managers.push(manager);
    const denied = await manager.process.until('denied', async () => {
      const readyz = await manager.health('/readyz?verbose').catch(() => undefined);
      return readyz?.text.split('\n').find((line) => line.startsWith('[-]leader'));
    });

    expect(denied).to.contain('forbidden');
    expect(manager.process.logLines('lease is denied, this process cannot lead')).to.have.length(1);
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
