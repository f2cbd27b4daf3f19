import { expect } from 'chai';
import { buildMagicPacket } from '../../../src/wol/protocol/magic-packet';
import { poll } from '../../harness/poll';
import { ReportingAgent } from '../../harness/reporting-agent';
import { StewardCluster } from '../../harness/steward-cluster';
import { type AgentProcess, type ManagerProcess, startAgent, startManager } from '../../harness/steward-processes';
import { sendDatagrams, sendMagicPackets } from '../../harness/udp-sender';
import { aVm, aWolConfig, testMac } from '../../harness/virtual-machines';
import { untilCondition, untilStatus, vmRef, wolConfigRef } from '../../harness/wol-objects';

const CONFIGS = '/apis/wol.pillon.org/v1beta1/wolconfigs';
const VMS = '/apis/kubevirt.io/v1/virtualmachines';

/** Every wait of this file is far below a minute, so nothing here can pass by a timer of the manager. */
describe('discovery of virtual machines', () => {
  let cluster: StewardCluster;
  let manager: ManagerProcess;
  let reporter: ReportingAgent;

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'wol' });
    manager = await startManager(cluster);
    reporter = new ReportingAgent(manager.grpcPort);
    for (const name of ['lab', 'office']) await cluster.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  });

  after(async () => {
    reporter?.close();
    await manager?.process.stop();
    await cluster?.stop();
  });

  /** Nothing a test leaves behind may claim an address in the next one; a machine that runs takes a moment to go. */
  afterEach(async () => {
    const { api } = cluster;
    for (const { metadata } of await api.list(CONFIGS)) await api.delete(wolConfigRef(metadata.name));
    for (const { metadata } of await api.list(VMS)) await api.delete(vmRef(metadata.name, metadata.namespace));
    await poll('the virtual machines to be gone', async () => (await api.list(VMS)).length === 0);
  });

  // A test that asks about a machine which must not be known makes it before one that must: a watch keeps the order.
  describe('mode All', () => {
    it('wakes virtual machines of every namespace when none is listed', async () => {
      await cluster.api.apply(aVm({ name: 'a', namespace: 'lab', mac: testMac(100) }));
      await cluster.api.apply(aVm({ name: 'b', namespace: 'office', mac: testMac(101) }));

      await cluster.api.apply(aWolConfig('everywhere'));

      await reporter.untilWakes(testMac(100), 'lab/a');
      await reporter.untilWakes(testMac(101), 'office/b');
    });

    it('leaves out namespaces that are not listed', async () => {
      await cluster.api.apply(aVm({ name: 'out', namespace: 'office', mac: testMac(103) }));
      await cluster.api.apply(aVm({ name: 'in', namespace: 'lab', mac: testMac(102) }));

      await cluster.api.apply(aWolConfig('lab-only', { namespaceSelectors: ['lab', 'nowhere'] }));

      await reporter.untilWakes(testMac(102), 'lab/in');
      expect(await reporter.report(testMac(103))).to.include({ status: 'VM_NOT_FOUND', vm: '' });
    });

    it('answers on the ports of the config only', async () => {
      await cluster.api.apply(aVm({ name: 'a', mac: testMac(104) }));

      await cluster.api.apply(aWolConfig('two-ports', { wolPorts: [7, 4_009] }));

      await reporter.untilWakes(testMac(104), 'default/a', { port: 4_009 });
      await reporter.untilWakes(testMac(104), 'default/a', { port: 7 });
      expect((await reporter.report(testMac(104), 9)).status).to.equal('VM_NOT_FOUND');
    });
  });

  describe('mode LabelSelector', () => {
    const selector = { matchLabels: { wake: 'yes' }, matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['prod'] }] };

    it('wakes virtual machines whose labels satisfy every requirement, and no others', async () => {
      await cluster.api.apply(aVm({ name: 'no-label', mac: testMac(111) }));
      await cluster.api.apply(aVm({ name: 'other-value', mac: testMac(112), labels: { wake: 'no' } }));
      await cluster.api.apply(aVm({ name: 'excluded', mac: testMac(113), labels: { wake: 'yes', tier: 'prod' } }));
      await cluster.api.apply(aVm({ name: 'match', mac: testMac(110), labels: { wake: 'yes' } }));

      await cluster.api.apply(aWolConfig('labelled', { discoveryMode: 'LabelSelector', vmSelector: selector }));

      await reporter.untilWakes(testMac(110), 'default/match');
      for (const n of [111, 112, 113]) expect((await reporter.report(testMac(n))).status, testMac(n)).to.equal('VM_NOT_FOUND');
    });

    it('is narrowed by namespaces', async () => {
      await cluster.api.apply(aVm({ name: 'out', namespace: 'office', mac: testMac(115), labels: { wake: 'yes' } }));
      await cluster.api.apply(aVm({ name: 'in', namespace: 'lab', mac: testMac(114), labels: { wake: 'yes' } }));

      await cluster.api.apply(
        aWolConfig('lab-labelled', { discoveryMode: 'LabelSelector', vmSelector: selector, namespaceSelectors: ['lab'] }),
      );

      await reporter.untilWakes(testMac(114), 'lab/in');
      expect((await reporter.report(testMac(115))).status).to.equal('VM_NOT_FOUND');
    });

    it('follows labels that come and go', async () => {
      await cluster.api.apply(aWolConfig('labelled', { discoveryMode: 'LabelSelector', vmSelector: selector }));
      await cluster.api.apply(aVm({ name: 'fickle', mac: testMac(116) }));
      await cluster.api.apply(aVm({ name: 'steady', mac: testMac(117), labels: { wake: 'yes' } }));
      await reporter.untilWakes(testMac(117), 'default/steady');
      expect((await reporter.report(testMac(116))).status).to.equal('VM_NOT_FOUND');

      await cluster.api.mergePatch(vmRef('fickle'), { metadata: { labels: { wake: 'yes' } } });
      await reporter.untilWakes(testMac(116), 'default/fickle');
      await cluster.api.mergePatch(vmRef('fickle'), { metadata: { labels: { tier: 'prod' } } });
      await reporter.untilUnknown(testMac(116));
      await cluster.api.mergePatch(vmRef('fickle'), { metadata: { labels: { tier: 'test' } } });
      await reporter.untilWakes(testMac(116), 'default/fickle');
    });
  });

  describe('mode Explicit', () => {
    const mapping = (macAddress: string, vmName: string, namespace = 'default') => ({ macAddress, vmName, namespace });

    it('wakes what is listed under the listed address, which the virtual machine need not declare', async () => {
      await cluster.api.apply(aVm({ name: 'unlisted', mac: testMac(121) }));
      await cluster.api.apply(aVm({ name: 'bare', namespace: 'lab' }));

      await cluster.api.apply(
        aWolConfig('by-name', { discoveryMode: 'Explicit', explicitMappings: [mapping(testMac(120), 'bare', 'lab')] }),
      );

      await reporter.untilWakes(testMac(120), 'lab/bare');
      expect((await reporter.report(testMac(121))).status).to.equal('VM_NOT_FOUND');
    });

    it('says that a listed virtual machine is missing, and wakes it as soon as it exists', async () => {
      await cluster.api.apply(aWolConfig('early', { discoveryMode: 'Explicit', explicitMappings: [mapping(testMac(122), 'later')] }));
      await untilStatus(
        cluster.api,
        'early',
        'to count the missing one',
        ({ managedVMs, unwakeableVMs }) => managedVMs === 0 && unwakeableVMs === 1,
      );
      const early = await reporter.report(testMac(122));
      expect(early).to.include({ status: 'ERROR', vm: 'default/later' });
      expect(early.message).to.match(/^VMMissing: /);

      await cluster.api.apply(aVm({ name: 'later' }));

      await reporter.untilWakes(testMac(122), 'default/later');
      await untilStatus(cluster.api, 'early', 'to count it', ({ managedVMs, unwakeableVMs }) => managedVMs === 1 && unwakeableVMs === 0);
    });

    it('overrides what a weaker mode says about an address', async () => {
      await cluster.api.apply(aVm({ name: 'declares', mac: testMac(123) }));
      await cluster.api.apply(aVm({ name: 'mapped' }));
      await cluster.api.apply(aWolConfig('weak'));
      await reporter.untilWakes(testMac(123), 'default/declares');

      await cluster.api.apply(aWolConfig('strong', { discoveryMode: 'Explicit', explicitMappings: [mapping(testMac(123), 'mapped')] }));
      await reporter.untilWakes(testMac(123), 'default/mapped');
      await cluster.api.delete(wolConfigRef('strong'));

      await reporter.untilWakes(testMac(123), 'default/declares');
    });
  });

  describe('a virtual machine', () => {
    beforeEach(async () => {
      await cluster.api.apply(aWolConfig('all'));
      await untilCondition(cluster.api, 'all', 'Ready', 'True', 'MappingUpdated');
    });

    it('can be woken as soon as it is created and no more once it is deleted', async () => {
      await cluster.api.apply(aVm({ name: 'short-lived', mac: testMac(130) }));
      await reporter.untilWakes(testMac(130), 'default/short-lived');

      await cluster.api.delete(vmRef('short-lived'));

      await reporter.untilUnknown(testMac(130));
    });

    it('is found under its new address and no more under the old one after an edit', async () => {
      await cluster.api.apply(aVm({ name: 'edited', mac: testMac(131) }));
      await reporter.untilWakes(testMac(131), 'default/edited');

      await cluster.api.apply(aVm({ name: 'edited', mac: testMac(132) }));

      await reporter.untilWakes(testMac(132), 'default/edited');
      expect((await reporter.report(testMac(131))).status).to.equal('VM_NOT_FOUND');
    });

    it('is found under any usual way to write its address', async () => {
      await cluster.api.apply(aVm({ name: 'loud', mac: '02:00:00:00:AB:CD' }));

      await reporter.untilWakes('02-00-00-00-ab-cd', 'default/loud');
      await reporter.untilWakes('0200.0000.ABCD', 'default/loud');
    });

    it('counts as absent while it carries the opt-out annotation', async () => {
      await cluster.api.apply(aVm({ name: 'shy', mac: testMac(133) }));
      await reporter.untilWakes(testMac(133), 'default/shy');

      await cluster.api.mergePatch(vmRef('shy'), { metadata: { annotations: { 'wol.pillon.org/ignore': 'true' } } });
      await reporter.untilUnknown(testMac(133));
      await untilStatus(cluster.api, 'all', 'not to count it', ({ managedVMs, unwakeableVMs }) => managedVMs === 0 && unwakeableVMs === 0);
      await cluster.api.mergePatch(vmRef('shy'), { metadata: { annotations: { 'wol.pillon.org/ignore': null } } });

      await reporter.untilWakes(testMac(133), 'default/shy');
    });
  });

  describe('a WolConfig', () => {
    it('takes effect with each change of its spec, and none once it is deleted', async () => {
      await cluster.api.apply(aVm({ name: 'a', namespace: 'lab', mac: testMac(140) }));
      await cluster.api.apply(aWolConfig('moving', { namespaceSelectors: ['office'] }));
      await untilCondition(cluster.api, 'moving', 'Ready', 'True', 'MappingUpdated');
      expect((await reporter.report(testMac(140))).status).to.equal('VM_NOT_FOUND');

      await cluster.api.apply(aWolConfig('moving', { namespaceSelectors: ['lab'] }));
      await reporter.untilWakes(testMac(140), 'lab/a');
      await cluster.api.apply(aWolConfig('moving', { namespaceSelectors: ['lab'], wolPorts: [4_010] }));
      await reporter.untilUnknown(testMac(140));
      await reporter.untilWakes(testMac(140), 'lab/a', { port: 4_010 });
      await cluster.api.delete(wolConfigRef('moving'));

      await reporter.untilUnknown(testMac(140), { port: 4_010 });
    });

    it('contributes nothing while it is invalid and disturbs no other', async () => {
      await cluster.api.apply(aVm({ name: 'a', namespace: 'lab', mac: testMac(141) }));
      await cluster.api.apply(aVm({ name: 'b', namespace: 'office', mac: testMac(142) }));
      await cluster.api.apply(aWolConfig('good', { namespaceSelectors: ['lab'] }));
      await cluster.api.apply(aWolConfig('spoilt', { namespaceSelectors: ['office'] }));
      await reporter.untilWakes(testMac(142), 'office/b');

      await cluster.api.apply(aWolConfig('spoilt', { discoveryMode: 'LabelSelector' }));

      await reporter.untilUnknown(testMac(142));
      await reporter.untilWakes(testMac(141), 'lab/a');
    });

    it('counts machines, addresses and machines without one, and shows them in its columns', async () => {
      await cluster.api.apply(aVm({ name: 'one', namespace: 'lab', mac: testMac(143) }));
      await cluster.api.apply(aVm({ name: 'two', namespace: 'lab', mac: testMac(144) }));
      await cluster.api.apply(aVm({ name: 'mute', namespace: 'lab' }));
      await cluster.api.apply(aWolConfig('counted', { namespaceSelectors: ['lab'], wolPorts: [9, 7, 9] }));

      const config = await untilStatus(
        cluster.api,
        'counted',
        'to count all three',
        ({ managedVMs, unwakeableVMs }) => managedVMs === 2 && unwakeableVMs === 1,
      );

      expect(config.status).to.deep.include({ managedVMs: 2, managedMACs: 2, unwakeableVMs: 1, wolPorts: [9, 7], observedGeneration: 1 });
      await reporter.untilWakes(testMac(143), 'lab/one');
      const { columns, row } = await poll('the last wake in the columns', async () => {
        const table = await tableRow(cluster, 'counted');
        return table.row[6] === null || table.row[6] === '' ? undefined : table;
      });
      expect(columns).to.deep.equal([
        'Discovery Mode',
        'WOL Ports',
        'Managed VMs',
        'Ready',
        'Managed MACs',
        'Unwakeable',
        'Last Wake',
        'Age',
      ]);
      expect(row.slice(0, 6)).to.deep.equal(['All', '[9,7]', 2, 'True', 2, 1]);
    });
  });

  it('serves real packets through an agent after every change, and nothing that only resembles one', async () => {
    const agent: AgentProcess = await startAgent(manager.grpcPort);
    const [port] = agent.udpPorts;
    try {
      await cluster.api.apply(aWolConfig('all', { wolPorts: [port!] }));
      await cluster.api.apply(aVm({ name: 'first', mac: testMac(150) }));
      await cluster.api.apply(aVm({ name: 'second', mac: testMac(151) }));
      await untilStatus(cluster.api, 'all', 'to count both', ({ managedVMs }) => managedVMs === 2);
      await cluster.api.apply(aVm({ name: 'second', mac: testMac(152) }));
      // The answer to a report proves that the edit has arrived.
      await reporter.untilUnknown(testMac(151), { port: port! });

      await sendDatagrams(port!, nearMisses(testMac(150)));
      await sendMagicPackets(port!, [testMac(151), testMac(152), testMac(153)]);

      await poll('the edited machine to run', async () => {
        return (await cluster.kubevirt.vm({ namespace: 'default', name: 'second' }))?.status?.printableStatus === 'Running';
      });
      expect(cluster.kubevirt.journal.calls({ verb: 'start', name: 'first' })).to.deep.equal([]);
      expect(cluster.kubevirt.journal.calls({ verb: 'start', name: 'second' })).to.have.length(1);
    } finally {
      await agent.process.stop();
    }
  });
});

/** Almost magic: the last repetition differs, one repetition is missing, the sync stream is a byte short. */
function nearMisses(mac: string): Uint8Array[] {
  const packet = buildMagicPacket(mac);
  const differs = Uint8Array.from(packet);
  differs[differs.length - 1]! ^= 1;
  return [differs, packet.slice(0, -6), packet.slice(1)];
}

/** One row of what `kubectl get wolcfg -o wide` shows, without the name. */
async function tableRow({ controlPlane }: StewardCluster, name: string): Promise<{ columns: string[]; row: unknown[] }> {
  const { body } = await controlPlane.request({
    path: `/apis/wol.pillon.org/v1beta1/wolconfigs/${name}`,
    accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
  });
  const table = body as { columnDefinitions: { name: string }[]; rows: { cells: unknown[] }[] };
  return { columns: table.columnDefinitions.slice(1).map((column) => column.name), row: table.rows[0]!.cells.slice(1) };
}
