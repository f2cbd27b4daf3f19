/**
 * Nodes on one Ethernet: network namespaces joined by a bridge, each with an interface `eth0`.
 *
 * Owns: the namespaces, the bridge and their names, which no other lab shares. Never: touches another interface of the machine.
 * Needs root and the command `ip`; `NetworkLab.isPossible` tells, and tests say so in their titles.
 */
import { execFile, spawnSync } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import { promisify } from 'node:util';

const run = promisify(execFile);
let labs = 0;

export interface LabNode {
  readonly name: string;
  /** On the lab's network; the machine itself is reached under `NetworkLab.hostAddress`. */
  readonly address: string;
  /** What a command line has to begin with to run on this node. */
  readonly via: readonly string[];
  /** Runs a command to its end. @returns what it printed. @throws {Error} when it fails. */
  run(...command: string[]): Promise<string>;
}

export class NetworkLab {
  readonly hostAddress: string;
  readonly broadcastAddress: string;
  readonly nodes = new Map<string, LabNode>();

  private constructor(
    private readonly id: string,
    private readonly prefix: string,
  ) {
    this.hostAddress = `${prefix}.1`;
    this.broadcastAddress = `${prefix}.255`;
  }

  /** Whether this machine lets us make network namespaces; asked once, by making one. */
  static readonly isPossible: boolean = canMakeNamespaces();

  /** What to add to the title of tests that need a lab. */
  static readonly titleNote: string = NetworkLab.isPossible
    ? ''
    : ' (skipped: no network namespaces here, they need root and the command ip)';

  /** @param names of nodes, up to 8 characters each. */
  static async start(...names: string[]): Promise<NetworkLab> {
    labs++;
    const lab = new NetworkLab(`vs${process.pid % 100_000}x${labs}`, unusedPrefix());
    try {
      await lab.ip('link', 'add', lab.id, 'type', 'bridge');
      await lab.ip('addr', 'add', `${lab.hostAddress}/24`, 'broadcast', lab.broadcastAddress, 'dev', lab.id);
      await lab.ip('link', 'set', lab.id, 'up');
      for (const name of names) await lab.addNode(name);
      return lab;
    } catch (error) {
      await lab.stop();
      throw error;
    }
  }

  node(name: string): LabNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`the lab has no node ${name}; it has ${[...this.nodes.keys()].join(', ')}`);
    return node;
  }

  async addNode(name: string): Promise<LabNode> {
    const number = this.nodes.size + 2;
    const namespace = `${this.id}-${name}`;
    const via = ['ip', 'netns', 'exec', namespace];
    const node: LabNode = {
      name,
      address: `${this.prefix}.${number}`,
      via,
      run: async (...command) => (await run('ip', [...via.slice(1), ...command])).stdout,
    };
    this.nodes.set(name, node);
    await this.ip('netns', 'add', namespace);
    await node.run('ip', 'link', 'set', 'lo', 'up');
    await this.plugIn(node);
    return node;
  }

  /** Gives a node its `eth0` with an IPv4 and an IPv6 address. */
  async plugIn({ name, address, run: on }: LabNode): Promise<void> {
    const port = `${this.id}p${address.split('.')[3]}`;
    await this.ip('link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', `${this.id}-${name}`);
    await this.ip('link', 'set', port, 'master', this.id, 'up');
    // The address is ours alone: no need to look for others who have it.
    await on('sysctl', '-q', '-w', 'net.ipv6.conf.eth0.accept_dad=0');
    await on('ip', 'addr', 'add', `${address}/24`, 'broadcast', this.broadcastAddress, 'dev', 'eth0');
    await on('ip', 'link', 'set', 'eth0', 'up');
  }

  /** Takes the `eth0` of a node away, as when a card is pulled out. */
  async unplug({ run: on }: LabNode): Promise<void> {
    await on('ip', 'link', 'del', 'eth0');
  }

  /** Makes this machine send packets for a range of addresses to a node. */
  async route(cidr: string, via: string): Promise<void> {
    await this.ip('route', 'add', cidr, 'via', via, 'dev', this.id);
  }

  async stop(): Promise<void> {
    for (const name of this.nodes.keys()) await this.ip('netns', 'del', `${this.id}-${name}`).catch(() => undefined);
    await this.ip('link', 'del', this.id).catch(() => undefined);
  }

  private async ip(...args: string[]): Promise<void> {
    await run('ip', args);
  }
}

/** 198.18.0.0/15 is set aside for measurements; processes and their labs begin at different places in it. */
function unusedPrefix(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((some = []) => some.map(({ address }) => address));
  for (let number = process.pid * 4 + labs; ; number++) {
    const prefix = `198.18.${number % 250}`;
    if (!addresses.some((address) => address.startsWith(`${prefix}.`))) return prefix;
  }
}

function canMakeNamespaces(): boolean {
  const name = `vs${process.pid}-probe`;
  const made = spawnSync('ip', ['netns', 'add', name]).status === 0;
  if (made) spawnSync('ip', ['netns', 'del', name]);
  return made;
}
