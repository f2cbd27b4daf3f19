/** A manager on a real control plane, for the tests of what it deploys: DaemonSets as kubectl shows them. */
import type { DaemonSet } from '../../../src/framework';
import { type PollOptions, poll } from '../../harness/poll';
import { NAMESPACE, StewardCluster, type TestObject } from '../../harness/steward-cluster';
import { launchManager, type ManagerOptions, type ManagerProcess, startManager } from '../../harness/steward-processes';

export const AGENT_IMAGE = 'registry.example.org/virt-steward/agent:1.0.0';

export interface BenchOptions extends ManagerOptions {
  kubevirt?: boolean;
  guardedOwners?: boolean;
  /** Of `virt-steward rbac`, for a manager that needs other rights. */
  rbacFlags?: readonly string[];
}

export interface AgentPodSpec {
  readonly containers: readonly Readonly<Record<string, unknown>>[];
  readonly [field: string]: unknown;
}

export type StoredDaemonSet = TestObject & {
  readonly metadata: NonNullable<DaemonSet['metadata']>;
  readonly status?: DaemonSet['status'];
  readonly spec: {
    readonly selector: unknown;
    readonly updateStrategy: unknown;
    readonly template: {
      readonly metadata: { labels: Record<string, string>; annotations?: Record<string, string> };
      readonly spec: AgentPodSpec;
    };
  };
};

export const daemonSetRef = (name: string) => ({ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name, namespace: NAMESPACE } });

export class DeploymentBench {
  private constructor(
    readonly cluster: StewardCluster,
    public manager: ManagerProcess,
  ) {}

  /** By default without KubeVirt, which agents do not depend on. @param guardedOwners as on OpenShift. */
  static async start({ kubevirt = false, guardedOwners = false, rbacFlags = [], ...options }: BenchOptions = {}): Promise<DeploymentBench> {
    const cluster = await StewardCluster.start({
      modules: 'wol',
      rbacFlags,
      guardedOwners,
      ...(kubevirt ? {} : { kubevirt: false }),
    });
    try {
      return new DeploymentBench(cluster, await startManager(cluster, { ...options, env: { AGENT_IMAGE, ...options.env } }));
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Ends the manager and starts another one with this environment. */
  async restart({ waitUntilReady = true, ...options }: ManagerOptions & { waitUntilReady?: boolean } = {}): Promise<void> {
    await this.manager.process.stop();
    const start = waitUntilReady ? startManager : launchManager;
    this.manager = await start(this.cluster, { ...options, env: { AGENT_IMAGE, ...options.env } });
  }

  async stop(): Promise<void> {
    await this.manager.process.stop();
    await this.cluster.stop();
  }

  async daemonSet(config: string): Promise<StoredDaemonSet | undefined> {
    return this.named(`wol-agent-${config}`);
  }

  async named(name: string): Promise<StoredDaemonSet | undefined> {
    return this.cluster.api.get<StoredDaemonSet>(daemonSetRef(name));
  }

  /** Reads the DaemonSet of a config until `isIt` likes it. */
  async until(
    config: string,
    what: string,
    isIt: (daemonSet: StoredDaemonSet) => boolean = () => true,
    options: PollOptions = {},
  ): Promise<StoredDaemonSet> {
    return this.untilNamed(`wol-agent-${config}`, what, isIt, options);
  }

  async untilNamed(
    name: string,
    what: string,
    isIt: (daemonSet: StoredDaemonSet) => boolean = () => true,
    options: PollOptions = {},
  ): Promise<StoredDaemonSet> {
    let last: StoredDaemonSet | undefined;
    const probe = async (): Promise<StoredDaemonSet | undefined> => {
      last = await this.named(name);
      return last !== undefined && isIt(last) ? last : undefined;
    };
    const onTimeout = (): string => `${JSON.stringify(last)}
${this.manager.process.log.slice(-3_000)}`;
    return poll(`DaemonSet ${name} ${what}`, probe, { ...options, onTimeout });
  }

  /** The sum of all series of a metric of the manager that have these labels. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    const lines = (await this.manager.metrics()).split('\n').filter((line) => line.startsWith(`${name}{`));
    const chosen = lines.filter((line) => wanted.every((label) => line.includes(label)));
    return chosen.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  /** Every request of the manager that could change something, Events and dry runs included. */
  async writes(): Promise<number> {
    const counts = await Promise.all(
      ['PUT', 'POST', 'PATCH', 'DELETE'].map((method) => this.metric('rest_client_requests_total', { method })),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  runs(): Promise<number> {
    return this.metric('controller_runtime_reconcile_total', { controller: 'AgentHandler.deploy' });
  }
}

/** Who owns fields of the object itself, its status apart. */
export function managersOf({ metadata }: StoredDaemonSet): string[] {
  const entries = (metadata.managedFields ?? []) as { manager: string; subresource?: string }[];
  return entries.filter(({ subresource }) => subresource === undefined).map(({ manager }) => manager);
}

export function containerOf({ spec }: StoredDaemonSet): Readonly<Record<string, unknown>> {
  return spec.template.spec.containers[0]!;
}

/** Value of a variable of the agent's container. */
export function variable(daemonSet: StoredDaemonSet, name: string): string | undefined {
  const env = containerOf(daemonSet)['env'] as { name: string; value?: string }[];
  return env.find((entry) => entry.name === name)?.value;
}
