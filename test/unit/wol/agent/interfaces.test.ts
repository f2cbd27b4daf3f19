import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readInterfaces } from '../../../../src/wol/agent/interfaces';

describe('interfaces of a node', () => {
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'node-'));
    await mkdir(join(root, 'sys/class/net'), { recursive: true });
    await mkdir(join(root, 'proc/net/vlan'), { recursive: true });
  });

  afterEach(() => rm(root, { recursive: true }));

  const add = async (name: string, properties: Record<string, string>): Promise<void> => {
    const folder = join(root, 'sys/class/net', name);
    await mkdir(folder);
    for (const [file, content] of Object.entries(properties)) await writeFile(join(folder, file), `${content}\n`);
  };

  it('are read with all that reception goes by', async () => {
    await add('eth0', { ifindex: '2', type: '1', flags: '0x1103', address: '02:00:00:00:00:01' });
    await symlink('../br0', join(root, 'sys/class/net/eth0/master'));
    await add('br0', { ifindex: '3', type: '1', flags: '0x1003', address: '02:00:00:00:00:01' });
    await add('eth0.5', { ifindex: '4', type: '1', flags: '0x1002', address: '02:00:00:00:00:01' });
    await add('lo', { ifindex: '1', type: '772', flags: '0x9', address: '00:00:00:00:00:00' });
    await writeFile(join(root, 'proc/net/if_inet6'), 'fe80000000000000000000fffe000001 03 40 20 80      br0\n00 01 80 10 80       lo\n');
    const vlans = 'VLAN Dev name\t | VLAN ID\nName-Type: VLAN_NAME_TYPE_RAW_PLUS_VID_NO_PAD\neth0.5         | 5  | eth0\n';
    await writeFile(join(root, 'proc/net/vlan/config'), vlans);

    const mac = '02:00:00:00:00:01';
    const common = { isEthernet: true, isUp: true, isLoopback: false, mac, master: undefined, vlanId: undefined, hasIpv6: false };
    expect(await readInterfaces(root)).to.deep.equal([
      { ...common, name: 'br0', index: 3, hasIpv6: true },
      { ...common, name: 'eth0', index: 2, master: 'br0' },
      { ...common, name: 'eth0.5', index: 4, isUp: false, vlanId: 5 },
      { ...common, name: 'lo', index: 1, isEthernet: false, isLoopback: true, mac: '00:00:00:00:00:00', hasIpv6: true },
    ]);
  });

  it('have no IPv6 and no VLANs where the kernel knows neither', async () => {
    await rm(join(root, 'proc'), { recursive: true });
    await add('eth0', { ifindex: '2', type: '1', flags: '0x1003', address: '02:00:00:00:00:01' });
    expect((await readInterfaces(root)).map(({ hasIpv6, vlanId }) => [hasIpv6, vlanId])).to.deep.equal([[false, undefined]]);
  });

  it('leave out what is no interface, or no more', async () => {
    await writeFile(join(root, 'sys/class/net/bonding_masters'), 'bond0\n');
    await add('gone', {});
    expect(await readInterfaces(root)).to.deep.equal([]);
  });

  it("come from the runtime's list without sysfs", async () => {
    await rm(join(root, 'sys'), { recursive: true });
    const loopback = (await readInterfaces(root)).find(({ isLoopback }) => isLoopback);
    expect(loopback).to.deep.include({ isEthernet: false, isUp: true, index: 0 });
  });
});
