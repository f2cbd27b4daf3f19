/**
 * The product on real parts for a benchmark: API server, stand-in for KubeVirt, manager and agent as processes that talk over TLS.
 *
 * Owns: setting up and, whatever happens, taking down.
 */
import { readFile } from 'node:fs/promises';
import { AgentIdentities } from '../../test/harness/agent-identities';
import { poll } from '../../test/harness/poll';
import { StewardCluster, type TestObject } from '../../test/harness/steward-cluster';
import {
  type AgentProcess,
  launchManager,
  type ManagerOptions,
  type ManagerProcess,
  startAgent,
} from '../../test/harness/steward-processes';
import { aWolConfig } from '../../test/harness/virtual-machines';
import { PROCESS } from '../images/recipe';
import { startFleetFront } from './framework/probe';
import { Scrape } from './scrape';

/** High enough that no limit of the product shapes what is measured. */
const STARTS_PER_MINUTE = 10_000;
const MANAGER_FLAGS = [`--wol-max-starts-per-minute=${STARTS_PER_MINUTE}`, '--log-level=warn'];
/** A large fleet on a busy machine takes its time. */
const READY_TIMEOUT_MS = 120_000;
const CONFIG = 'bench';
const NODE = 'bench-node';
/** What the images set, memory depends on it. */
const AS_IN_IMAGES: Readonly<Record<string, string>> = Object.fromEntries(PROCESS.map((variable) => variable.split('=')));
/** Objects created at a time. */
const WRITERS = 8;

export class StewardRig {
  private running: { stop(): Promise<unknown> }[] = [];

  private constructor(readonly cluster: StewardCluster) {}

  /** Runs `work` and takes everything down afterwards. */
  static async use<Result>(progress: (line: string) => void, work: (rig: StewardRig) => Promise<Result>): Promise<Result> {
    const cluster = await StewardCluster.start({ modules: 'wol', onStep: progress, audit: false });
    const rig = new StewardRig(cluster);
    try {
      return await work(rig);
    } finally {
      await Promise.all(rig.running.map((process) => process.stop()));
      await cluster.stop();
    }
  }

  async manager(options: Pick<ManagerOptions, 'grpcPort' | 'kubeconfig'> = {}): Promise<ManagerProcess> {
    const manager = await launchManager(this.cluster, { secure: true, flags: MANAGER_FLAGS, env: AS_IN_IMAGES, ...options });
    this.running.push(manager.process);
    const isReady = async (): Promise<boolean> => (await manager.health('/readyz').catch(() => undefined))?.status === 200;
    await manager.process.until('ready', isReady, READY_TIMEOUT_MS);
    return manager;
  }

  async agent({ grpcPort }: ManagerProcess, flags: readonly string[] = []): Promise<AgentProcess> {
    const identities = await AgentIdentities.create(this.cluster);
    const agent = await startAgent(grpcPort, { nodeName: NODE, identity: await identities.folder(NODE), flags, env: AS_IN_IMAGES });
    this.running.push(agent.process);
    return agent;
  }

  /**
   * A fleet of virtual machines, with the addresses from `testMac(0)` on, that is there for managers with this kubeconfig.
   *
   * They come from a process in front of the API server: to create them would take longer than most measurements. Nothing else differs.
   */
  async fleet(vms: number): Promise<{ kubeconfig: string }> {
    const { controlPlane, managerKubeconfig } = this.cluster;
    const front = await startFleetFront(vms, controlPlane.server, controlPlane.writeFile('front-ca.crt', controlPlane.ca));
    this.running.push({ stop: async () => front.stop() });
    const text = await readFile(managerKubeconfig, 'utf8');
    return { kubeconfig: controlPlane.writeFile('front.kubeconfig', text.replace(controlPlane.server, `http://127.0.0.1:${front.port}`)) };
  }

  /** A WolConfig that lets packets on the agent's ports wake every virtual machine. */
  async wakeAll({ udpPorts }: Pick<AgentProcess, 'udpPorts'>): Promise<void> {
    const limits = { startsPerMinute: STARTS_PER_MINUTE };
    await this.cluster.api.apply(aWolConfig(CONFIG, { wolPorts: [...udpPorts], limits }));
  }

  async create(objects: readonly TestObject[]): Promise<void> {
    const rest = objects.values();
    const write = async (): Promise<void> => {
      for (const object of rest) await this.cluster.api.apply(object);
    };
    await Promise.all(Array.from({ length: WRITERS }, write));
  }

  /** Resolves when the manager says that it can wake this many virtual machines. */
  async managed(manager: ManagerProcess, count: number): Promise<void> {
    await poll(
      `the manager to know ${count} virtual machines`,
      async () => new Scrape(await manager.metrics()).sum('wol_managed_vms', { config: CONFIG }) === count,
      { timeoutMs: READY_TIMEOUT_MS, intervalMs: 100 },
    );
  }
}
