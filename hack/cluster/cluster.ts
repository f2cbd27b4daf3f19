/**
 * A real cluster on this machine: a control plane, and nodes with kubelet, kube-proxy, CoreDNS and containerd.
 *
 * Owns: the order of starting and the end of everything. Never: installs anything on the machine, or touches its firewall or mounts.
 * Invariant: a node lives in namespaces of its own and ends with this process, also when that is killed; what then stays in the kernel
 * (leftovers.ts) goes when the next cluster starts. Needs root on Linux.
 */
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import { NetworkLab } from '../../test/harness/network-lab';
import {
  CertificateAuthority,
  type ControlPlane,
  type KeyPair,
  ProcessGroup,
  type SupervisedProcess,
  startControlPlane,
  tailOf,
} from '../control-plane';
import { cgroupName, makeCgroup, removeCgroup, removeLeftovers } from './leftovers';
import * as files from './node-files';
import { PAUSE_IMAGE, pauseArchive } from './pause-image';
import { type NodePrograms, resolvePrograms } from './programs';

const ROOT = resolve(__dirname, '..', '..', '..');
const READY_TIMEOUT_MS = 120_000;
const POLL_MS = 200;
const REMOVE_ATTEMPTS = 50;
/** Of the pods' addresses each node has a quarter. */
const ADDRESSES_A_NODE = 64;
const LOGS = ['node', 'containerd', 'ctr', 'kubelet', 'kube-proxy', 'coredns'];

export interface ClusterOptions {
  /** @default one, called `node-1`; at most four */
  readonly nodes?: readonly string[];
  /** Archives of images that every node gets. */
  readonly images?: readonly string[];
}

export class Cluster implements AsyncDisposable {
  readonly #nodes = new Map<string, SupervisedProcess>();

  private constructor(
    readonly controlPlane: ControlPlane,
    /** The Ethernet of the nodes; this machine is `network.hostAddress` on it. */
    readonly network: NetworkLab,
    private readonly group: ProcessGroup,
    private readonly authority: CertificateAuthority,
  ) {}

  /** Resolves when all nodes are Ready. @throws {Error} with the ends of the logs when one does not become so. */
  static async start({ nodes = ['node-1'], images = [] }: ClusterOptions = {}): Promise<Cluster> {
    if (!NetworkLab.isPossible) throw new Error('a cluster needs root and the command ip');
    const programs = await resolvePrograms(ROOT);
    removeLeftovers();
    const network = await NetworkLab.start(...nodes);
    const group = await ProcessGroup.create(join(tmpdir(), 'virt-steward-cluster-'));
    const undo: (() => Promise<void>)[] = [() => group.dispose(), () => network.stop()];
    try {
      const authority = CertificateAuthority.create('virt-steward test nodes');
      const controlPlane = await startControlPlane({
        scheduler: true,
        address: network.hostAddress,
        extraArgs: { 'kube-apiserver': apiServerArgs(group.directory, authority) },
      });
      undo.push(() => controlPlane.stop());
      const cluster = new Cluster(controlPlane, network, group, authority);
      for (const object of files.clusterObjects()) await cluster.#create(object);
      await Promise.all(nodes.map((name, number) => cluster.#startNode(name, number, programs, images)));
      await Promise.all(nodes.map((name) => cluster.#untilReady(name)));
      return cluster;
    } catch (error) {
      for (const step of undo) await step();
      await untilRemoved(nodes);
      throw error;
    }
  }

  /** Everything that a program of a node has printed. */
  logOf(node: string, program: string): string {
    return readFileSync(join(this.group.directory, node, `${program}.log`), 'utf8');
  }

  async stop(): Promise<void> {
    const nodes = [...this.network.nodes.keys()];
    await this.group.dispose();
    await this.controlPlane.stop();
    await this.network.stop();
    await untilRemoved(nodes);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #startNode(name: string, number: number, programs: NodePrograms, images: readonly string[]): Promise<void> {
    const { address, via } = this.network.node(name);
    const settings = { name, address, pauseImage: PAUSE_IMAGE, cgroupRoot: `/${cgroupName(name)}`, ...this.#podAddresses(number) };
    const state = join(this.group.directory, name);
    makeCgroup(cgroupName(name));
    this.#writeState(state, settings);
    copyFileSync(join(ROOT, 'hack', 'cluster', 'node.sh'), join(state, 'node.sh'));
    writeFileSync(join(state, 'images', 'pause.tar'), pauseArchive(programs.pause));
    for (const image of images) cpSync(image, join(state, 'images', basename(image)));
    await this.#route(name, settings.podCidr, address);
    const namespace = via[3] ?? '';
    const inside = ['unshare', '--mount', '--pid', '--uts', '--fork', '--kill-child', '--mount-proc'];
    const run = [
      '/bin/bash',
      '-c',
      'hostname "$0" && exec /bin/bash "$@"',
      name,
      join(state, 'node.sh'),
      state,
      programs.debian,
      programs.node,
    ];
    const node = await this.group.start({
      name,
      command: ['nsenter', `--net=/run/netns/${namespace}`, ...inside, ...run],
      logFile: join(state, 'node.log'),
      env: { PATH: process.env['PATH'] },
    });
    this.#nodes.set(name, node);
  }

  #podAddresses(number: number): { podCidr: string; clusterCidr: string } {
    // The other half of 198.18.0.0/15, whose first half the nodes are in.
    const prefix = `198.19.${this.network.hostAddress.split('.')[2]}`;
    return { podCidr: `${prefix}.${number * ADDRESSES_A_NODE}/26`, clusterCidr: `${prefix}.0/24` };
  }

  #writeState(state: string, settings: files.NodeSettings): void {
    const { name, address } = settings;
    const kubeconfig = (user: string, ...organizations: string[]): string => this.#kubeconfig(user, organizations);
    const contents: Record<string, string> = {
      address,
      Corefile: files.corefile(settings),
      'client-ca.crt': this.authority.keyPair.certificate,
      'cni/10-pods.conflist': files.cniConfig(settings),
      'containerd.toml': files.containerdConfig(settings),
      'coredns.kubeconfig': kubeconfig('system:coredns'),
      'kube-proxy.kubeconfig': kubeconfig('system:kube-proxy'),
      'kube-proxy.yaml': files.kubeProxyConfig(settings),
      'kubelet.kubeconfig': kubeconfig(`system:node:${name}`, 'system:nodes'),
      'kubelet.yaml': files.kubeletConfig(settings),
      'resolv.conf': `nameserver ${address}\n`,
    };
    mkdirSync(join(state, 'images'), { recursive: true });
    for (const [path, text] of Object.entries(contents)) {
      mkdirSync(dirname(join(state, path)), { recursive: true });
      writeFileSync(join(state, path), text, { mode: 0o600 });
    }
  }

  #kubeconfig(user: string, organizations: readonly string[]): string {
    const { certificate, privateKey }: KeyPair = this.authority.issue({ commonName: user, organizations, usage: 'client' });
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    const { server, caData } = this.controlPlane;
    return stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'cluster', cluster: { server, 'certificate-authority-data': caData } }],
      users: [{ name: user, user: { 'client-certificate-data': base64(certificate), 'client-key-data': base64(privateKey) } }],
      contexts: [{ name: user, context: { cluster: 'cluster', user } }],
      'current-context': user,
    });
  }

  /** The machine and the other nodes reach a node's pods through the node. */
  async #route(name: string, podCidr: string, address: string): Promise<void> {
    const { network } = this;
    await network.node(name).run('sysctl', '-q', '-w', 'net.ipv4.ip_forward=1');
    // Addresses of Services exist in firewall rules only; without a route no packet gets as far as these.
    await network.node(name).run('ip', 'route', 'add', 'default', 'via', network.hostAddress);
    await network.route(podCidr, address);
    for (const other of network.nodes.values()) if (other.name !== name) await other.run('ip', 'route', 'add', podCidr, 'via', address);
  }

  async #create(object: { apiVersion: string; kind: string }): Promise<void> {
    const path = `/apis/${object.apiVersion}/${object.kind.toLowerCase()}s`;
    const { status, body } = await this.controlPlane.request({ method: 'POST', path, body: object });
    if (status !== 201) throw new Error(`cannot create a ${object.kind}: ${status} ${JSON.stringify(body)}`);
  }

  async #untilReady(name: string): Promise<void> {
    const deadlineMs = performance.now() + READY_TIMEOUT_MS;
    for (;;) {
      const { body } = await this.controlPlane.request({ path: `/api/v1/nodes/${name}` });
      const node = body as { spec?: { taints?: unknown[] }; status?: { conditions?: { type: string; status: string }[] } };
      const isReady = node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
      if (isReady && (node.spec?.taints ?? []).length === 0) return;
      const hasEnded = this.#nodes.get(name)?.status !== undefined;
      if (hasEnded || performance.now() > deadlineMs) {
        throw new Error(`node ${name} ${hasEnded ? 'has ended' : `is not Ready after ${READY_TIMEOUT_MS / 1_000} s`}\n${this.#logs(name)}`);
      }
      await delay(POLL_MS);
    }
  }

  #logs(node: string): string {
    return LOGS.map((program) => `--- ${program}\n${tailOf(join(this.group.directory, node, `${program}.log`))}`).join('\n');
  }
}

/** Nodes show a certificate of the authority; kubelets believe the API server because of one too. */
function apiServerArgs(directory: string, authority: CertificateAuthority): string[] {
  const { certificate, privateKey } = authority.issue({
    commonName: 'kube-apiserver-kubelet-client',
    organizations: ['system:masters'],
    usage: 'client',
  });
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 });
    return join(directory, name);
  };
  return [
    `--client-ca-file=${file('nodes-ca.crt', authority.keyPair.certificate)}`,
    `--kubelet-client-certificate=${file('kubelet-client.crt', certificate)}`,
    `--kubelet-client-key=${file('kubelet-client.key', privateKey)}`,
    '--kubelet-preferred-address-types=InternalIP',
    '--enable-admission-plugins=NodeRestriction',
    // The API server is on no node, where the address of a Service means something.
    '--enable-aggregator-routing=true',
  ];
}

/** @returns whether nothing is left. */
function removeGroups(nodes: readonly string[]): boolean {
  return nodes.map((name) => removeCgroup(cgroupName(name))).every(Boolean);
}

/** The last container may need a moment to end after its node. */
async function untilRemoved(nodes: readonly string[]): Promise<void> {
  for (let attempt = 0; attempt < REMOVE_ATTEMPTS && !removeGroups(nodes); attempt++) await delay(POLL_MS);
}
