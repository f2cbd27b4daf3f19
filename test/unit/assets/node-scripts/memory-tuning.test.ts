import { expect } from 'chai';
import { FakeNode, GIB_IN_KIB, onLinux } from './fake-node';

const KSM = '/sys/kernel/mm/ksm';
const THP = '/sys/kernel/mm/transparent_hugepage';

describe('the scripts that tune memory', () => {
  let node: FakeNode;

  before(onLinux);

  beforeEach(() => {
    node = new FakeNode();
    for (const file of ['redhat_only_zero_pages', 'pages_to_scan', 'sleep_millisecs', 'run']) node.put(`${KSM}/${file}`, '0\n');
    for (const file of ['enabled', 'defrag', 'shmem_enabled', 'shrink_underused']) node.put(`${THP}/${file}`, 'x\n');
    for (const file of ['pages_to_scan', 'scan_sleep_millisecs', 'max_ptes_none']) node.put(`${THP}/khugepaged/${file}`, 'x\n');
  });
  afterEach(() => node.remove());

  const memory = (gib: number): FakeNode => node.put('/proc/meminfo', `MemTotal: ${gib * GIB_IN_KIB} kB\n`);

  for (const [gib, sleepMs] of [
    [16, 50],
    [1024, 25],
    [6144, 10],
  ] as const) {
    it(`lets KSM rest ${sleepMs} ms between scans on a node of ${gib} GiB`, async () => {
      memory(gib);
      const { code } = await node.run('ksm/kubevirt-ksm-tune.sh');
      expect(code).to.equal(0);
      expect(node.read(`${KSM}/sleep_millisecs`)).to.equal(`${sleepMs}\n`);
      expect(node.read(`${KSM}/redhat_only_zero_pages`)).to.equal('1\n');
      expect(node.read(`${KSM}/pages_to_scan`)).to.equal('1000\n');
      expect(node.read(`${KSM}/run`)).to.equal('1\n');
      expect(node.read(`${THP}/khugepaged/max_ptes_none`)).to.equal('0\n');
    });
  }

  it('gives huge pages to who asks for them, at a pace that fits the node', async () => {
    memory(64);
    const { code } = await node.run('thp/kubevirt-thp-tune.sh');
    expect(code).to.equal(0);
    expect(node.read(`${THP}/enabled`)).to.equal('madvise\n');
    expect(node.read(`${THP}/defrag`)).to.equal('madvise\n');
    expect(node.read(`${THP}/shmem_enabled`)).to.equal('advise\n');
    expect(node.read(`${THP}/shrink_underused`)).to.equal('0\n');
    expect(node.read(`${THP}/khugepaged/pages_to_scan`)).to.equal('130000\n');
    expect(node.read(`${THP}/khugepaged/scan_sleep_millisecs`)).to.equal('2000\n');
    expect(node.read(`${THP}/khugepaged/max_ptes_none`)).to.equal('511\n');
  });

  for (const order of [
    ['ksm/kubevirt-ksm-tune.sh', 'thp/kubevirt-thp-tune.sh'],
    ['thp/kubevirt-thp-tune.sh', 'ksm/kubevirt-ksm-tune.sh'],
  ]) {
    it(`come to the same huge pages when ${order[0]!.split('/')[0]} is first`, async () => {
      memory(64);
      for (const script of order) await node.run(script);
      expect(node.read(`${THP}/khugepaged/max_ptes_none`)).to.equal('0\n');
    });
  }

  it('warn about a setting that the kernel lacks, and set the others', async () => {
    const bare = new FakeNode().put('/proc/meminfo', `MemTotal: ${GIB_IN_KIB} kB\n`).put(`${KSM}/run`, '0\n').put(`${THP}/enabled`, 'x\n');
    try {
      const ksm = await bare.run('ksm/kubevirt-ksm-tune.sh');
      expect(ksm.code).to.equal(0);
      expect(ksm.stderr).to.contain('this kernel has no /sys/kernel/mm/ksm/redhat_only_zero_pages');
      expect(bare.read(`${KSM}/run`)).to.equal('1\n');
      const thp = await bare.run('thp/kubevirt-thp-tune.sh');
      expect(thp.code).to.equal(0);
      expect(thp.stderr).to.contain('shmem_enabled').and.not.to.contain('shrink_underused');
      expect(bare.read(`${THP}/enabled`)).to.equal('madvise\n');
    } finally {
      bare.remove();
    }
  });
});
