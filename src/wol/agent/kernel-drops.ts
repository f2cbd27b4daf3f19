/**
 * Datagrams that the kernel dropped because a socket's buffer was full.
 *
 * Owns: reading /proc and telling new drops from those reported before. Never: fails; a system without /proc has no figures.
 */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

export interface UdpSocketDrops {
  readonly port: number;
  readonly inode: string;
  /** Since the socket was made. */
  readonly drops: number;
}

/**
 * Reads the table of UDP sockets.
 *
 * @param table content of /proc/net/udp.
 * @source Linux, net/ipv4/udp.c, `udp4_format_sock`: `sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode ref
 * pointer drops`, addresses in hex.
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
  private readonly seen = new Map<string, number>();

  /** @param procDir where procfs is mounted. */
  constructor(private readonly procDir = '/proc') {}

  /** Drops by port since the last call, of this process's sockets on `ports`. Ports without new drops are left out. */
  async read(ports: readonly number[]): Promise<Map<number, number>> {
    const [table, own] = await Promise.all([readFile(join(this.procDir, 'net', 'udp'), 'utf8').catch(() => ''), this.ownInodes()]);
    const sockets = parseUdpTable(table).filter(({ port, inode }) => ports.includes(port) && (own === undefined || own.has(inode)));
    const fresh = new Map<number, number>();
    for (const { port, inode, drops } of sockets) {
      const added = drops - (this.seen.get(inode) ?? 0);
      if (added > 0) fresh.set(port, (fresh.get(port) ?? 0) + added);
      this.seen.set(inode, drops);
    }
    const current = new Set(sockets.map(({ inode }) => inode));
    for (const inode of this.seen.keys()) if (!current.has(inode)) this.seen.delete(inode);
    return fresh;
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
