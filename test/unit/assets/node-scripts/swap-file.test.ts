import { chmodSync, statSync } from 'node:fs';
import { expect } from 'chai';
import { FakeNode, GIB_IN_KIB, onLinux } from './fake-node';

const SCRIPT = 'swap/kubevirt-provision-file-swap.sh';
const FILE = '/var/tmp/ocpswap.file';
const MIB = 1024 * 1024;
const SWAPS = 'Filename Type Size Used Priority\n';

describe('the script that makes a swap file', () => {
  let node: FakeNode;

  before(onLinux);

  beforeEach(() => {
    node = new FakeNode()
      .directory('/var/tmp')
      .put('/proc/swaps', SWAPS)
      .put('/proc/meminfo', `MemTotal: ${64 * GIB_IN_KIB} kB\n`);
    // As large as asked for without taking the space; a signature that blkid below knows.
    node.command('fallocate', 'truncate -s "$2" "$3"');
    node.command('mkswap', 'printf SWAPSPACE2 | dd of="$1" conv=notrunc status=none');
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own
    node.command('blkid', 'if head -c 10 "${@: -1}" | grep -q SWAPSPACE2; then echo swap; else exit 2; fi');
    free(1_000_000);
  });
  afterEach(() => node.remove());

  function free(mib: number): void {
    node.command('stat', `if [[ "$1" == -f ]]; then echo "${mib} * 1048576"; else exec /usr/bin/stat "$@"; fi`);
  }

  it('makes a file of the size it is told, for root only', async () => {
    const { code, stderr } = await node.run(SCRIPT, ['size=8Gi']);
    expect(stderr).to.equal('');
    expect(code).to.equal(0);
    expect(statSync(node.at(FILE)).size).to.equal(8192 * MIB);
    expect(statSync(node.at(FILE)).mode & 0o777).to.equal(0o600);
    expect(node.calls.some((call) => call.startsWith('mkswap'))).to.equal(true);
  });

  it('takes as much as the memory that is promised beyond what the node has, rounded up', async () => {
    node.put('/proc/meminfo', 'MemTotal: 1000001 kB\n');
    await node.run(SCRIPT, ['overcommit=150']);
    expect(statSync(node.at(FILE)).size).to.equal(Math.ceil(500_000 / 1024) * MIB);
  });

  it('keeps a file that is right', async () => {
    await node.run(SCRIPT, ['size=16Mi']);
    const before = node.calls.length;
    const { stdout } = await node.run(SCRIPT, ['size=16Mi']);
    expect(stdout).to.contain('already');
    expect(node.calls.slice(before).some((call) => /^(fallocate|mkswap)/.test(call))).to.equal(false);
  });

  for (const [what, spoil] of [
    ['of another mode', () => chmodSync(node.at(FILE), 0o644)],
    ['without a signature', () => node.put(FILE, 'x'.repeat(16 * MIB))],
    ['of another size', () => node.put(FILE, 'SWAPSPACE2')],
  ] as const) {
    it(`makes a file ${what} anew`, async () => {
      await node.run(SCRIPT, ['size=16Mi']);
      spoil();
      await node.run(SCRIPT, ['size=16Mi']);
      expect(statSync(node.at(FILE)).size).to.equal(16 * MIB);
      expect(statSync(node.at(FILE)).mode & 0o777).to.equal(0o600);
      expect(node.calls.filter((call) => call.startsWith('mkswap'))).to.have.length(2);
    });
  }

  it('does nothing on a node with a swap partition', async () => {
    node.put('/dev/disk/by-partlabel/OCPSWAP', '');
    const { code } = await node.run(SCRIPT, ['size=16Mi']);
    expect(code).to.equal(0);
    expect(node.read(FILE)).to.equal(undefined);
  });

  it('removes a file that is not in use once there is a swap partition', async () => {
    node.put('/dev/disk/by-partlabel/OCPSWAP', '').put(FILE, 'old');
    await node.run(SCRIPT, ['size=16Mi']);
    expect(node.read(FILE)).to.equal(undefined);
  });

  it('keeps a file that is in use, whatever else is true', async () => {
    node.put(FILE, 'in use').put('/proc/swaps', `${SWAPS}${FILE} file 1 0 10\n`);
    const { code, stderr } = await node.run(SCRIPT, ['size=16Mi']);
    expect(code).to.equal(1);
    expect(stderr).to.contain('is in use');
    node.put('/dev/disk/by-partlabel/OCPSWAP', '');
    await node.run(SCRIPT, ['size=16Mi']);
    expect(node.read(FILE)).to.equal('in use');
  });

  it('refuses a symbolic link and what is no plain file', async () => {
    node.put('/etc/shadow', 'secret').link(FILE, '../../etc/shadow');
    expect((await node.run(SCRIPT, ['size=16Mi'])).stderr).to.contain('symbolic link');
    expect(node.read('/etc/shadow')).to.equal('secret');
    const other = new FakeNode().directory(FILE).put('/proc/swaps', SWAPS);
    try {
      expect((await other.run(SCRIPT, ['size=16Mi'])).stderr).to.contain('no regular file');
    } finally {
      other.remove();
    }
  });

  it('needs twice the size to be free', async () => {
    free(31);
    const { code, stderr } = await node.run(SCRIPT, ['size=16Mi']);
    expect(code).to.equal(1);
    expect(stderr).to.contain('31 MiB are free in /var/tmp; needed: 32');
    expect(node.read(FILE)).to.equal(undefined);
  });

  it('leaves no half of a file behind', async () => {
    node.command('mkswap', 'echo "no space" >&2; exit 1');
    const { code } = await node.run(SCRIPT, ['size=16Mi']);
    expect(code).to.equal(1);
    expect(node.read(FILE)).to.equal(undefined);
  });

  for (const argument of ['size=16', 'size=-1Gi', 'size=$(id)Gi', 'overcommit=a', '', 'size=1Mi;reboot', 'overcommit=100']) {
    it(`refuses the argument "${argument}"`, async () => {
      expect((await node.run(SCRIPT, [argument])).code).to.equal(1);
      expect(node.read(FILE)).to.equal(undefined);
    });
  }
});
