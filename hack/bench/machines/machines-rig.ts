/**
 * A supervisor with several remote clusters, all of them real control planes, and a manager that works on Machines with the printed rights.
 *
 * Owns: setting up and, whatever happens, taking down; Machines, evenly spread. The first remote cluster is reached through a proxy.
 */
import { TcpFaultProxy } from '../../../src/framework/testing';
import { kubeconfigSecret, kubevirtConfig } from '../../../test/harness/machines-fixture';
import { poll } from '../../../test/harness/poll';
import { type RemoteAccount, RemoteKubeVirt } from '../../../test/harness/remote-kubevirt';
import { StewardCluster } from '../../../test/harness/steward-cluster';
import { launchManager, type ManagerProcess } from '../../../test/harness/steward-processes';
import { KubeApi } from '../../../test/kubevirt/api/kube-api';
import { Scrape } from '../scrape';

const NAMESPACES = 10;
const READY_TIMEOUT_MS = 120_000;
/** Created at a time. */
const WRITERS = 16;

export interface BenchMachine {
  readonly namespace: string;
  readonly name: string;
  /** Index of its remote cluster. */
  readonly remote: number;
}

export interface RigOptions {
  readonly machines: number;
  readonly remotes: number;
}

interface Remote {
  readonly cluster: RemoteKubeVirt;
  readonly api: KubeApi;
}

export class MachinesRig {
  readonly machines: readonly BenchMachine[];
  private running: ManagerProcess | undefined;

  private constructor(
    readonly supervisor: StewardCluster,
    /** Of the supervisor, with all rights. */
    readonly api: KubeApi,
    readonly remotes: readonly Remote[],
    /** In front of the first remote cluster. */
    readonly proxy: TcpFaultProxy,
    machines: number,
  ) {
    this.machines = Array.from({ length: machines }, (_, n) => ({
      namespace: `team-${n % NAMESPACES}`,
      name: `machine-${n}`,
      remote: n % remotes.length,
    }));
  }

  static async use<Result>(
    { machines, remotes }: RigOptions,
    progress: (line: string) => void,
    work: (rig: MachinesRig) => Promise<Result>,
  ): Promise<Result> {
    const ends: (() => Promise<unknown>)[] = [];
    try {
      const supervisor = await StewardCluster.start({ kubevirt: false, audit: false, onStep: progress });
      ends.push(() => supervisor.stop());
      const clusters: Remote[] = [];
      for (let n = 0; n < remotes; n++) {
        progress(`starting remote cluster ${n + 1} of ${remotes}`);
        const cluster = await RemoteKubeVirt.start({ audit: false });
        ends.push(() => cluster.stop());
        await cluster.api.apply(A_STORAGE_CLASS);
        clusters.push({ cluster, api: await KubeApi.fromKubeconfig(cluster.controlPlane.kubeconfig) });
      }
      const proxy = await TcpFaultProxy.start({ target: { host: '127.0.0.1', port: portOf(clusters[0]!) } });
      ends.push(() => proxy.stop());
      const api = await KubeApi.fromKubeconfig(supervisor.controlPlane.kubeconfig);
      const rig = new MachinesRig(supervisor, api, clusters, proxy, machines);
      ends.push(() => rig.close());
      for (let n = 0; n < NAMESPACES; n++) {
        await supervisor.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: `team-${n}` } });
      }
      for (let n = 0; n < remotes; n++) await rig.connect(n);
      return await work(rig);
    } finally {
      for (const end of ends.reverse()) await end();
    }
  }

  get manager(): ManagerProcess {
    if (this.running === undefined) throw new TypeError('the manager does not run');
    return this.running;
  }

  /** @returns seconds until it was ready and leads. */
  async startManager(): Promise<number> {
    const startedMs = performance.now();
    this.running = await launchManager(this.supervisor, { modules: 'machines', flags: ['--log-level=warn'] });
    const isReady = async (): Promise<boolean> => (await this.manager.health('/readyz').catch(() => undefined))?.status === 200;
    await this.manager.process.until('ready', isReady, READY_TIMEOUT_MS);
    return (performance.now() - startedMs) / 1_000;
  }

  async stopManager(): Promise<void> {
    await this.running?.process.stop();
    this.running = undefined;
  }

  async scrape(): Promise<Scrape> {
    return new Scrape(await this.manager.metrics());
  }

  /** Gives the cluster of a config the credential of this account. */
  async connect(remote: number, account: RemoteAccount = 'virt-steward'): Promise<void> {
    const { cluster } = this.remotes[remote]!;
    const via = remote === 0 ? cluster.controlPlane.server.replace(/:\d+$/, `:${this.proxy.port}`) : cluster.controlPlane.server;
    await this.supervisor.api.apply(kubeconfigSecret(remoteName(remote), await cluster.kubeconfig(account, via)));
    await this.supervisor.api.apply(kubevirtConfig(remoteName(remote)));
  }

  async createMachines(): Promise<void> {
    const rest = this.machines.values();
    const write = async (): Promise<void> => {
      for (const { namespace, name, remote } of rest) {
        const annotations = { 'vitistack.io/kubevirt-config': remoteName(remote) };
        await this.api.ask({
          method: 'POST',
          path: `/apis/vitistack.io/v1alpha1/namespaces/${namespace}/machines`,
          body: { apiVersion: 'vitistack.io/v1alpha1', kind: 'Machine', metadata: { name, namespace, annotations } },
        });
      }
    };
    await Promise.all(Array.from({ length: WRITERS }, write));
  }

  /** Resolves when the manager's own metrics say that so many run. */
  async untilRunning(count: number): Promise<void> {
    const running = async (): Promise<boolean> => (await this.scrape()).sum('steward_machines_objects', { phase: 'Running' }) === count;
    await poll(`${count} Machines to be Running`, running, { timeoutMs: 900_000, intervalMs: 500 });
  }

  /** Lets the guest agent of a virtual machine tell another kernel, as nothing else does. */
  async tell({ namespace, name, remote }: BenchMachine, kernelRelease: string): Promise<void> {
    await this.remotes[remote]!.api.ask({
      method: 'PATCH',
      path: `/apis/kubevirt.io/v1/namespaces/${namespace}/virtualmachineinstances/vm-${name}`,
      body: { status: { guestOSInfo: { kernelRelease } } },
      contentType: 'application/merge-patch+json',
    });
  }

  private async close(): Promise<void> {
    await this.stopManager();
    this.api.close();
    for (const { api } of this.remotes) api.close();
  }
}

export function remoteName(remote: number): string {
  return `remote-${remote}`;
}

function portOf({ cluster }: Remote): number {
  return Number(new URL(cluster.controlPlane.server).port);
}

const A_STORAGE_CLASS = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner: 'none.example.com',
  volumeBindingMode: 'WaitForFirstConsumer',
};
