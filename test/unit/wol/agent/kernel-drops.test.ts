import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { KernelDrops, parseUdpTable } from '../../../../src/wol/agent/kernel-drops';

const HEADER = '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops';
const line = (port: number, inode: number, drops: number): string =>
  ` 1234: 00000000:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 ${inode} 2 0000000000000000 ${drops}`;

describe('table of UDP sockets', () => {
  it('gives port, inode and drops of every line', () => {
    expect(parseUdpTable([HEADER, line(9, 111, 0), line(65_535, 222, 42), ''].join('\n'))).to.deep.equal([
      { port: 9, inode: '111', drops: 0 },
      { port: 65_535, inode: '222', drops: 42 },
    ]);
  });

  it('of another form gives nothing', () => {
    for (const text of ['', HEADER, 'a b c', ' 1: 00000000:0009 0 0', '\n\n']) expect(parseUdpTable(text)).to.deep.equal([]);
  });
});

describe('kernel drops', () => {
  let proc: string;

  beforeEach(async () => {
    proc = await mkdtemp(join(tmpdir(), 'proc-'));
    await mkdir(join(proc, 'net'));
    await mkdir(join(proc, 'self', 'fd'), { recursive: true });
    await symlink('socket:[111]', join(proc, 'self', 'fd', '7'));
    await symlink('/dev/null', join(proc, 'self', 'fd', '0'));
  });

  afterEach(() => rm(proc, { recursive: true }));

  const table = (...lines: string[]): Promise<void> => writeFile(join(proc, 'net', 'udp'), [HEADER, ...lines].join('\n'));

  it('counts what was added since the last look', async () => {
    const drops = new KernelDrops(proc);
    await table(line(9, 111, 3));
    expect(await drops.read([9])).to.deep.equal([{ port: 9, family: 'ipv4', drops: 3 }]);
    expect(await drops.read([9])).to.deep.equal([]);
    await table(line(9, 111, 10));
    expect(await drops.read([9])).to.deep.equal([{ port: 9, family: 'ipv4', drops: 7 }]);
  });

  it('leaves out the socket of another process on the same port, and ports that are not ours', async () => {
    await table(line(9, 222, 50), line(7, 111, 5));
    expect(await new KernelDrops(proc).read([9])).to.deep.equal([]);
  });

  it('starts from zero with a socket that was made anew', async () => {
    const drops = new KernelDrops(proc);
    await table(line(9, 111, 30));
    await drops.read([9]);
    await symlink('socket:[112]', join(proc, 'self', 'fd', '8'));
    await table(line(9, 112, 4));
    expect(await drops.read([9])).to.deep.equal([{ port: 9, family: 'ipv4', drops: 4 }]);
  });

  it('goes by port where the descriptors cannot be read', async () => {
    await rm(join(proc, 'self'), { recursive: true });
    await table(line(9, 222, 5));
    expect(await new KernelDrops(proc).read([9])).to.deep.equal([{ port: 9, family: 'ipv4', drops: 5 }]);
  });

  it('tells the families of one port apart', async () => {
    await table(line(9, 111, 1));
    await symlink('socket:[333]', join(proc, 'self', 'fd', '9'));
    const ipv6 = line(9, 333, 2).replace('00000000:', `${'0'.repeat(32)}:`);
    await writeFile(join(proc, 'net', 'udp6'), [HEADER, ipv6].join('\n'));
    expect(await new KernelDrops(proc).read([9])).to.deep.equal([
      { port: 9, family: 'ipv4', drops: 1 },
      { port: 9, family: 'ipv6', drops: 2 },
    ]);
  });

  it('has no figures where there is no procfs', async () => {
    expect(await new KernelDrops(join(proc, 'none')).read([9])).to.deep.equal([]);
  });
});
