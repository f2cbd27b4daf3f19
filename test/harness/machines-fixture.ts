/**
 * A supervisor with two remote clusters and a manager that works on Machines, each account with exactly the generated rights.
 *
 * Owns: starting and ending them, and the objects that every test of Machines needs. Never: a right beyond the generated ones.
 */
import type { MachineSpec, MachineStatus } from '../../src/api/vitistack/v1alpha1';
import type { Reference } from './admin-api';
import { poll } from './poll';
import { RemoteKubeVirt } from './remote-kubevirt';
import { StewardCluster, type TestObject } from './steward-cluster';
import { type ManagerProcess, startManager } from './steward-processes';
import { eventsAbout } from './wol-objects';

export const CONFIG_NAMESPACE = 'default';

export interface TestMachine extends TestObject {
  metadata: TestObject['metadata'] & {
    uid?: string;
    annotations?: Record<string, string>;
    finalizers?: string[];
    resourceVersion?: string;
    deletionTimestamp?: string;
  };
  spec?: MachineSpec;
  status?: MachineStatus;
}

export interface TestVm extends TestObject {
  metadata: TestObject['metadata'] & {
    uid?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    finalizers?: string[];
    deletionTimestamp?: string;
    resourceVersion?: string;
  };
  spec?: Record<string, never> & { runStrategy?: string };
}

export type RemoteName = 'east' | 'west';

export const machineRef = (name: string, namespace = 'team-a'): Reference => ({
  apiVersion: 'vitistack.io/v1alpha1',
  kind: 'Machine',
  metadata: { name, namespace },
});
export const vmOf = (name: string, namespace = 'team-a'): Reference => ({
  apiVersion: 'kubevirt.io/v1',
  kind: 'VirtualMachine',
  metadata: { name, namespace },
});
export const claimRef = (name: string, namespace = 'team-a'): Reference => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace },
});
export const configurationRef = (name: string, namespace = 'team-a'): Reference => ({
  apiVersion: 'vitistack.io/v1alpha1',
  kind: 'NetworkConfiguration',
  metadata: { name, namespace },
});
export const kubevirtConfig = (name: string): TestObject => ({
  apiVersion: 'vitistack.io/v1alpha1',
  kind: 'KubevirtConfig',
  metadata: { name, namespace: CONFIG_NAMESPACE },
  spec: { name, kubeconfigSecretRef: `${name}-kubeconfig` },
});
export const kubeconfigSecret = (name: string, kubeconfig: string): TestObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: `${name}-kubeconfig`, namespace: CONFIG_NAMESPACE },
  data: { kubeconfig: Buffer.from(kubeconfig).toString('base64') },
});

export interface MachinesFixtureOptions {
  env?: Record<string, string>;
  /** @default machines */
  modules?: string;
  /** Further flags of `virt-steward rbac`. @default none */
  rbacFlags?: readonly string[];
  /** Of the manager. @default none */
  flags?: readonly string[];
  /** Instead of the server of `east`, for a proxy in between. */
  eastServer?: (server: string) => string;
}

export class MachinesFixture {
  private constructor(
    readonly supervisor: StewardCluster,
    readonly remotes: Readonly<Record<RemoteName, RemoteKubeVirt>>,
    public manager: ManagerProcess,
    private readonly options: MachinesFixtureOptions,
  ) {}

  static async start(options: MachinesFixtureOptions = {}): Promise<MachinesFixture> {
    const [supervisor, east, west] = await Promise.all([
      StewardCluster.start({
        modules: options.modules ?? 'machines',
        kubevirt: false,
        rbacFlags: options.rbacFlags ?? [],
      }),
      RemoteKubeVirt.start({ controllerManager: true }),
      RemoteKubeVirt.start({ controllerManager: true }),
    ]);
    for (const remote of [east, west]) await remote.api.apply(aStorageClass());
    await supervisor.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team-a' } });
    const manager = await startManager(supervisor, managerOptions(options));
    return new MachinesFixture(supervisor, { east, west }, manager, options);
  }

  async stop(): Promise<void> {
    await this.manager.process.stop();
    await Promise.all([this.supervisor.stop(), this.remotes.east.stop(), this.remotes.west.stop()]);
  }

  async restartManager(): Promise<void> {
    await this.manager.process.stop();
    this.manager = await startManager(this.supervisor, managerOptions(this.options));
  }

  /** A KubevirtConfig and its Secret. */
  async connect(name: RemoteName): Promise<void> {
    const { server } = this.remotes[name].controlPlane;
    const via = name === 'east' ? (this.options.eastServer?.(server) ?? server) : server;
    await this.supervisor.api.apply(kubeconfigSecret(name, (await this.remotes[name].kubeconfig()).replaceAll(server, via)));
    await this.supervisor.api.apply(kubevirtConfig(name));
  }

  create(name: string, { annotations, spec }: { annotations?: Record<string, string>; spec?: MachineSpec } = {}): Promise<TestMachine> {
    const { metadata, ...machine } = machineRef(name);
    return this.supervisor.api.apply<TestMachine>({
      ...machine,
      metadata: { ...metadata, ...(annotations === undefined ? {} : { annotations }) },
      ...(spec === undefined ? {} : { spec }),
    });
  }

  machine(name: string): Promise<TestMachine | undefined> {
    return this.supervisor.api.get<TestMachine>(machineRef(name));
  }

  async until(name: string, what: string, isIt: (machine: TestMachine) => boolean | Promise<boolean>): Promise<TestMachine> {
    let last: TestMachine | undefined;
    return poll(
      `Machine ${name} ${what}`,
      async () => {
        last = await this.machine(name);
        return last !== undefined && (await isIt(last)) ? last : undefined;
      },
      { intervalMs: 100, onTimeout: () => `${JSON.stringify(last)}\n${this.manager.process.log.slice(-6_000)}` },
    );
  }

  untilPhase(name: string, phase: string): Promise<TestMachine> {
    return this.until(name, `to be ${phase}`, ({ status }) => status?.phase === phase);
  }

  /** Waits past failures for other reasons, as long as a cluster or an object of its is not known yet. */
  untilFailed(name: string, reason: string): Promise<TestMachine> {
    return this.until(name, `to be Failed with ${reason}`, ({ status }) => status?.phase === 'Failed' && status.failureReason === reason);
  }

  async untilGone(name: string): Promise<void> {
    let last: TestMachine | undefined;
    await poll(
      `Machine ${name} to be gone`,
      async () => {
        last = await this.machine(name);
        return last === undefined;
      },
      { intervalMs: 100, onTimeout: () => `${JSON.stringify(last)}\n${this.manager.process.log.slice(-6_000)}` },
    );
  }

  vm(remote: RemoteName, name: string): Promise<TestVm | undefined> {
    return this.remotes[remote].api.get<TestVm>(vmOf(name));
  }

  async untilEvent(name: string, reason: string): Promise<string> {
    const found = await poll(
      `Event ${reason} about ${name}`,
      async () => (await eventsAbout(this.supervisor.api, 'Machine', name)).find((event) => event.reason === reason),
      { intervalMs: 200, onTimeout: () => this.manager.process.log.slice(-4_000) },
    );
    return found.note ?? '';
  }
}

export function conditionText({ status }: TestMachine, type: string): string | undefined {
  const found = status?.conditions?.find((condition) => condition.type === type);
  return found && `${found.status} ${found.reason}`;
}

function managerOptions({ env = {}, flags = [] }: MachinesFixtureOptions): Parameters<typeof startManager>[1] {
  return { flags, env: { CLUSTER_CHECK_INTERVAL: '10s', ...env } };
}

function aStorageClass(): TestObject {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'none.example.com',
    allowVolumeExpansion: true,
    volumeBindingMode: 'WaitForFirstConsumer',
  };
}
