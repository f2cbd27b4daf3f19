/**
 * Nodes on this machine with the images that were built from the tree, and a further machine on their network to send from.
 *
 * Owns: starting and ending them, and looking at processes of containers. Never: shares anything with another run.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cluster } from '../../hack/cluster/cluster';
import type { RestRequest, RestResponse } from '../../hack/control-plane/rest';
import { AdminApi } from '../harness/admin-api';
import type { LabNode } from '../harness/network-lab';
import { NAMESPACE } from '../harness/steward-cluster';
import { sendMagicPackets } from '../harness/udp-sender';
import { type KubeVirtStandIn, startKubeVirtStandIn } from '../kubevirt/stand-in';
import { archiveWithNext } from './images';
import type { Stage, StageNode } from './stage';

const WOL_PORT = 9;

/** What the kernel says of a process of a container. */
export interface ContainerProcess {
  readonly uid: number;
  /** Effective capabilities, as a bit mask. */
  readonly capabilities: number;
  readonly hasNoNewPrivileges: boolean;
  readonly rssMib: number;
}

export class LocalStage implements Stage {
  readonly namespace = NAMESPACE;
  readonly helmArguments: readonly string[] = [];
  readonly local = this;
  private kubevirt: KubeVirtStandIn | undefined;

  private constructor(
    readonly cluster: Cluster,
    readonly api: AdminApi,
    readonly nodes: readonly StageNode[],
    /** A machine on the nodes' network. */
    readonly sender: LabNode,
  ) {}

  static async start(count: number): Promise<LocalStage> {
    const names = Array.from({ length: count }, (_, number) => `node-${number + 1}`);
    const cluster = await startCluster(names);
    try {
      const nodes = names.map((name) => ({ name, address: cluster.network.node(name).address }));
      return new LocalStage(cluster, new AdminApi(cluster.controlPlane), nodes, await cluster.network.addNode('sender'));
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  get kubeconfigPath(): string {
    return this.cluster.controlPlane.kubeconfigPath;
  }

  get broadcastAddress(): string {
    return this.cluster.network.broadcastAddress;
  }

  request(request: RestRequest): Promise<RestResponse> {
    return this.cluster.controlPlane.request(request);
  }

  requestAs(token: string, request: RestRequest): Promise<RestResponse> {
    return this.cluster.controlPlane.request(request, token);
  }

  async installKubeVirt(): Promise<KubeVirtStandIn> {
    const { controlPlane, network } = this.cluster;
    this.kubevirt ??= await startKubeVirtStandIn({ kubeconfig: controlPlane.kubeconfig, host: network.hostAddress });
    return this.kubevirt;
  }

  wake(mac: string, to: string): Promise<void> {
    return sendMagicPackets(WOL_PORT, [mac], to);
  }

  async stop(): Promise<void> {
    await this.kubevirt?.stop().catch(() => undefined);
    await this.cluster.stop();
  }

  /** The process of our program in a pod, found by the pod's control group. */
  processOf(podUid: string): ContainerProcess {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const [group, command] = [readProc(pid, 'cgroup'), readProc(pid, 'cmdline')];
      if (!group.includes(`pod${podUid}`) || !command.includes('/opt/virt-steward/')) continue;
      const status = readProc(pid, 'status');
      const field = (name: string): string => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1] ?? '';
      return {
        uid: Number(field('Uid')),
        capabilities: Number.parseInt(field('CapEff'), 16),
        hasNoNewPrivileges: field('NoNewPrivs') === '1',
        rssMib: Number(field('VmRSS')) / 1_024,
      };
    }
    throw new Error(`no process of a container in pod ${podUid}`);
  }
}

async function startCluster(nodes: readonly string[]): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'virt-steward-images-'));
  try {
    const images = (['manager', 'agent'] as const).map((name) => {
      const file = join(folder, `${name}.tar`);
      writeFileSync(file, archiveWithNext(name));
      return file;
    });
    return await Cluster.start({ nodes, images });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Empty for a process that has ended meanwhile. */
function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
