/**
 * Datagrams that the kernel dropped because a socket's buffer was full.
 *
 * Owns: reading /proc and telling new drops from those reported before. Never: fails; a system without /proc has no figures.
 */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { IpFamily } from './udp-port';

export interface UdpSocketDrops {
  readonly port: number;
  readonly inode: string;
  /** Since the socket was made. */
  readonly drops: number;
}

export interface FreshDrops {
  readonly port: number;
  readonly family: IpFamily;
  /** Since the last look; above 0. */
  readonly drops: number;
}

const TABLES: readonly { readonly family: IpFamily; readonly file: string }[] = [
  { family: 'ipv4', file: 'udp' },
  { family: 'ipv6', file: 'udp6' },
];

/**
 * Reads the table of UDP sockets of one family.
 *
 * @param table content of /proc/net/udp or /proc/net/udp6.
 * @source Linux, net/ipv4/udp.c, `udp4_format_sock`, and net/ipv6/datagram.c, `__ip6_dgram_sock_seq_show`: `sl local_address
 * rem_address st tx:rx tr:tm retrnsmt uid timeout inode ref pointer drops`, addresses in hex.
 */
export function parseUdpTable(table: string): UdpSocketDrops[] {
  return table.split('\n').flatMap((line) => {
    const columns = line.trim().split(/\s+/);
    const port = Number.parseInt(columns[1]?.split(':')[1] ?? '', 16);
    const inode = columns[9];
    const drops = Number(columns[12]);
    return inode === undefined || Number.isNaN(port) || !Number.isInteger(drops) ? [] : [{ port, inode, drops }];
  });
}

export class KernelDrops {
  private seen = new Map<string, number>();

  /** @param procDir where procfs is mounted. */
  constructor(private readonly procDir = '/proc') {}

  /** What this process's sockets on `ports` lost since the last call. Those that lost nothing are left out. */
  async read(ports: readonly number[]): Promise<FreshDrops[]> {
    const own = await this.ownInodes();
    const current = new Map<string, number>();
    const fresh: FreshDrops[] = [];
    for (const { family, file } of TABLES) {
      for (const { port, inode, drops } of parseUdpTable(await this.table(file))) {
        if (!ports.includes(port) || own?.has(inode) === false) continue;
        const added = drops - (this.seen.get(inode) ?? 0);
        if (added > 0) fresh.push({ port, family, drops: added });
        current.set(inode, drops);
      }
    }
    this.seen = current;
    return fresh;
  }

  private table(file: string): Promise<string> {
    return readFile(join(this.procDir, 'net', file), 'utf8').catch(() => '');
  }

  /** `undefined` where the descriptors cannot be read: sockets are then told apart by port alone. */
  private async ownInodes(): Promise<Set<string> | undefined> {
    const descriptors = join(this.procDir, 'self', 'fd');
    try {
      const targets = await Promise.all((await readdir(descriptors)).map((fd) => readlink(join(descriptors, fd)).catch(() => '')));
      return new Set(targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []));
    } catch {
      return undefined;
    }
  }
}
