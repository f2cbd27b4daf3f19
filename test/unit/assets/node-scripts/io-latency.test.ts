import { expect } from 'chai';
import { FakeNode, onLinux } from './fake-node';

const SCRIPT = 'swap/kubevirt-io-latency-setup.sh';
const SWAPS = 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n';

/** A disk with partitions, as sysfs shows them. @param number major:minor of the disk; partitions follow it. */
function withDisk(node: FakeNode, disk: string, major: number, partitions: number): FakeNode {
  const place = `/sys/devices/pci0/${disk}`;
  node.directory(`${place}/slaves`).link(`/sys/class/block/${disk}`, `../../devices/pci0/${disk}`);
  node.link(`/sys/dev/block/${major}:0`, `../../devices/pci0/${disk}`);
  for (let number = 1; number <= partitions; number++) {
    const partition = disk.startsWith('nvme') ? `${disk}p${number}` : `${disk}${number}`;
    node.put(`${place}/${partition}/partition`, `${number}\n`);
    node.link(`/sys/class/block/${partition}`, `../../devices/pci0/${disk}/${partition}`);
    node.link(`/sys/dev/block/${major}:${number}`, `../../devices/pci0/${disk}/${partition}`);
    node.put(`/dev/${partition}`, '');
  }
  return node;
}

/** A device made of others, such as LUKS or RAID. */
function withMapping(node: FakeNode, name: string, number: string, parts: readonly string[]): FakeNode {
  node.directory(`/sys/devices/virtual/block/${name}/slaves`);
  for (const part of parts) node.link(`/sys/devices/virtual/block/${name}/slaves/${part}`, `../../../../../class/block/${part}`);
  node.link(`/sys/class/block/${name}`, `../../devices/virtual/block/${name}`);
  return node.link(`/sys/dev/block/${number}`, `../../devices/virtual/block/${name}`).put(`/dev/${name}`, '');
}

const mounted = (place: string, number: string): string => `22 1 ${number} / ${place} rw,relatime shared:1 - xfs /dev/x rw\n`;

describe('the script that sets latency targets of disks', () => {
  let node: FakeNode;

  before(onLinux);

  beforeEach(() => {
    node = new FakeNode().put('/proc/swaps', SWAPS).put('/proc/self/mountinfo', mounted('/proc', '0:21'));
  });
  afterEach(() => node.remove());

  const dropIn = (slice: string): string | undefined => node.read(`/run/systemd/system/${slice}.slice.d/20-io-latency.conf`);

  it('puts the system before the pods on the disks of swap and of the root', async () => {
    withDisk(withDisk(node, 'sda', 8, 4), 'nvme0n1', 259, 2);
    node.put('/proc/self/mountinfo', mounted('/', '8:4')).put('/proc/swaps', `${SWAPS}/dev/nvme0n1p2 partition 8388604 0 100\n`);
    const { code } = await node.run(SCRIPT);
    expect(code).to.equal(0);
    expect(dropIn('system')).to.equal('[Slice]\nIODeviceLatencyTargetSec=/dev/nvme0n1 5ms\nIODeviceLatencyTargetSec=/dev/sda 5ms\n');
    expect(dropIn('kubepods')).to.equal('[Slice]\nIODeviceLatencyTargetSec=/dev/nvme0n1 50ms\nIODeviceLatencyTargetSec=/dev/sda 50ms\n');
    expect(node.calls).to.deep.equal(['systemctl daemon-reload']);
  });

  it('names a disk once, however many uses it has', async () => {
    withDisk(node, 'sda', 8, 4);
    node
      .put('/proc/self/mountinfo', mounted('/', '8:4'))
      .put('/proc/swaps', `${SWAPS}/dev/sda3 partition 1 0 100\n/dev/sda2 partition 1 0 99\n`);
    await node.run(SCRIPT);
    expect(dropIn('system')).to.equal('[Slice]\nIODeviceLatencyTargetSec=/dev/sda 5ms\n');
  });

  it('looks through encryption and RAID for what they are made of', async () => {
    withDisk(withDisk(node, 'sda', 8, 4), 'sdb', 9, 4);
    withMapping(node, 'md127', '9:127', ['sda4', 'sdb4']);
    withMapping(node, 'dm-0', '253:0', ['md127']);
    node.put('/proc/self/mountinfo', mounted('/', '253:0'));
    await node.run(SCRIPT);
    expect(dropIn('system')).to.equal('[Slice]\nIODeviceLatencyTargetSec=/dev/sda 5ms\nIODeviceLatencyTargetSec=/dev/sdb 5ms\n');
  });

  it('follows a link to a swap partition', async () => {
    withDisk(node, 'sdc', 10, 1).link('/dev/disk/by-partlabel/OCPSWAP', '../../sdc1');
    node.put('/proc/swaps', `${SWAPS}/dev/disk/by-partlabel/OCPSWAP partition 1 0 100\n`);
    await node.run(SCRIPT);
    expect(dropIn('system')).to.contain('/dev/sdc 5ms');
  });

  it('finds the disk of an image-based system, whose root is an overlay, on /sysroot', async () => {
    withDisk(node, 'vda', 252, 4).put('/proc/self/mountinfo', mounted('/', '0:30') + mounted('/sysroot', '252:4'));
    await node.run(SCRIPT);
    expect(dropIn('system')).to.equal('[Slice]\nIODeviceLatencyTargetSec=/dev/vda 5ms\n');
  });

  it('passes over compressed memory and swap files, warns, and ends well when nothing is left', async () => {
    node.put('/proc/swaps', `${SWAPS}/dev/zram0 partition 1 0 100\n/var/tmp/ocpswap.file file 1 0 10\n`);
    const { code, stderr } = await node.run(SCRIPT);
    expect(code).to.equal(0);
    expect(stderr).to.contain('found no disk');
    expect(dropIn('system')).to.equal(undefined);
    expect(node.calls).to.deep.equal([]);
  });
});
