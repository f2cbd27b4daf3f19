import { expect } from 'chai';
import { FakeNode, GIB_IN_KIB, onLinux } from './fake-node';

const SCRIPT = 'swap/kubevirt-tune-watermarks.sh';
const MIB = 1024 * 1024;
const SCALE = '/proc/sys/vm/watermark_scale_factor';

interface Zones {
  readonly memoryGib: number;
  readonly minMib: number;
  readonly lowMib: number;
}

/** Two zones, as a real file has them: with figures of other kinds before and behind. */
function withMemory(node: FakeNode, { memoryGib, minMib, lowMib }: Zones): FakeNode {
  const pages = (mib: number): number => (mib * MIB) / 4096;
  const zone = (name: string, share: number): string =>
    [
      `Node 0, zone ${name}`,
      '  per-node stats',
      '      nr_inactive_anon 4711',
      `  pages free     ${pages(8192) * share}`,
      '        boost    0',
      `        min      ${pages(minMib) * share}`,
      `        low      ${pages(lowMib) * share}`,
      `        high     ${pages(lowMib * 1.2) * share}`,
      `        spanned  ${pages(memoryGib * 1024) * share}`,
      `        managed  ${pages(memoryGib * 1024) * share}`,
      '        protection: (0, 1, 2)',
      '  pagesets',
      '    cpu: 0',
      '              high:  1',
      '              low:   99999999',
    ].join('\n');
  return node
    .put('/proc/meminfo', `MemTotal:       ${memoryGib * GIB_IN_KIB} kB\nMemFree: 1 kB\n`)
    .put('/proc/self/smaps', 'KernelPageSize:        4 kB\n')
    .put('/proc/zoneinfo', `${zone('DMA32', 0.25)}\n${zone('Normal', 0.75)}\n`)
    .put(SCALE, '10\n');
}

describe('the script that tunes the watermarks', () => {
  let node: FakeNode;

  before(onLinux);

  beforeEach(() => {
    node = new FakeNode();
  });
  afterEach(() => node.remove());

  const config = (text: string): FakeNode => node.put('/var/lib/kubelet/config.json', text);
  const hard = (value: string): string =>
    `{"kind":"KubeletConfiguration","evictionHard":{"imagefs.available":"15%","memory.available":"${value}"}}`;

  it('writes the factor that lifts reclaim above the eviction threshold and a runway', async () => {
    withMemory(config(hard('100Mi')), { memoryGib: 64, minMib: 64, lowMib: 200 });
    const { code, stdout } = await node.run(SCRIPT);
    // runway is 1 % of 64 GiB; (100 MiB + 655.36 MiB - 64 MiB) * 10000 / 64 GiB
    expect(node.read(SCALE)).to.equal('105\n');
    expect(stdout).to.contain('vm.watermark_scale_factor is 105');
    expect(code).to.equal(0);
  });

  it('takes 256 MiB as the least runway of a small node', async () => {
    withMemory(config(hard('100Mi')), { memoryGib: 8, minMib: 32, lowMib: 120 });
    await node.run(SCRIPT);
    expect(node.read(SCALE)).to.equal(`${Math.floor(((100 + 256 - 32) * 10_000) / 8192)}\n`);
  });

  it('leaves a node alone whose reclaim starts early enough', async () => {
    withMemory(config(hard('100Mi')), { memoryGib: 8, minMib: 32, lowMib: 400 });
    const { code } = await node.run(SCRIPT);
    expect(code).to.equal(0);
    expect(node.read(SCALE)).to.equal('10\n');
  });

  it('fails while the kubelet would still evict first', async () => {
    withMemory(config(hard('500Mi')), { memoryGib: 8, minMib: 32, lowMib: 50 });
    const { code, stderr } = await node.run(SCRIPT);
    expect(code).to.equal(1);
    expect(stderr).to.contain('still not above eviction');
  });

  it('keeps the factor in the bounds of the kernel and says so', async () => {
    withMemory(config(hard('4Gi')), { memoryGib: 8, minMib: 32, lowMib: 4200 });
    const { code, stderr } = await node.run(SCRIPT);
    expect(node.read(SCALE)).to.equal('1000\n');
    expect(stderr).to.contain('allowed: 10 to 1000');
    expect(code).to.equal(0);
  });

  it('warns when the kernel never lets memory fall to the eviction threshold', async () => {
    withMemory(config(hard('100Mi')), { memoryGib: 8, minMib: 120, lowMib: 150 });
    expect((await node.run(SCRIPT)).stderr).to.contain('above the eviction threshold');
  });

  const FORMS: readonly [string, string, string][] = [
    [
      'a YAML block',
      '/var/lib/kubelet/config.yaml',
      'kind: KubeletConfiguration\nevictionHard:\n  imagefs.available: 10%\n  memory.available: "200Mi" # ours\nevictionSoft:\n  memory.available: 900Mi\n',
    ],
    [
      'a YAML flow map',
      '/etc/kubernetes/kubelet.conf',
      "apiVersion: v1\nevictionHard: {nodefs.available: 5%, 'memory.available': 200Mi}\n",
    ],
    [
      'JSON over several lines',
      '/etc/kubernetes/kubelet.conf',
      '{\n  "evictionSoft": {"memory.available": "1Gi"},\n  "evictionHard": {\n    "memory.available": "200Mi"\n  }\n}\n',
    ],
  ];
  for (const [form, file, text] of FORMS) {
    it(`reads the threshold from ${form}`, async () => {
      withMemory(node.put(file, text), { memoryGib: 64, minMib: 64, lowMib: 300 });
      expect((await node.run(SCRIPT)).stdout).to.contain('eviction at 200 MiB');
    });
  }

  const QUANTITIES: readonly [string, number][] = [
    ['209715200', 200],
    ['204800Ki', 200],
    ['0.5Gi', 512],
    ['1Ti', 1024 * 1024],
    ['300M', 286],
    ['1G', 953],
    ['25%', 16_384],
  ];
  for (const [quantity, mib] of QUANTITIES) {
    it(`understands ${quantity}`, async () => {
      withMemory(config(hard(quantity)), { memoryGib: 64, minMib: 64, lowMib: 300 });
      expect((await node.run(SCRIPT)).stdout).to.contain(`eviction at ${mib} MiB`);
    });
  }

  it('assumes what the kubelet assumes when no threshold is set', async () => {
    withMemory(config('{"evictionSoft":{"memory.available":"1Gi"}}'), { memoryGib: 64, minMib: 64, lowMib: 300 });
    expect((await node.run(SCRIPT)).stdout).to.contain('eviction at 100 MiB');
  });

  it('prefers the first of the files', async () => {
    withMemory(config(hard('200Mi')), { memoryGib: 64, minMib: 64, lowMib: 300 }).put(
      '/var/lib/kubelet/config.yaml',
      'evictionHard:\n  memory.available: 1Gi\n',
    );
    expect((await node.run(SCRIPT)).stdout).to.contain('eviction at 200 MiB');
  });

  it('names a threshold that is no quantity, and changes nothing', async () => {
    withMemory(config(hard('$(reboot)')), { memoryGib: 64, minMib: 64, lowMib: 300 });
    const { code, stderr } = await node.run(SCRIPT);
    expect(code).to.equal(1);
    expect(stderr).to.contain('"$(reboot)", which is no quantity');
    expect(node.read(SCALE)).to.equal('10\n');
  });

  it('gives up after five tries without a configuration of the kubelet', async () => {
    withMemory(node, { memoryGib: 64, minMib: 64, lowMib: 300 });
    node.command('sleep', 'exit 0');
    const { code, stderr } = await node.run(SCRIPT);
    expect(code).to.equal(1);
    expect(stderr).to.contain('after 5 tries');
    expect(node.calls.filter((call) => call === 'sleep 10')).to.have.length(4);
  });
});
