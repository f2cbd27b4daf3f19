import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { Scrape } from '../../../hack/bench/scrape';
import { ANSWER_WITHIN_MS } from '../../../src/wol/manager/limits';
import { AgentIdentities } from '../../harness/agent-identities';
import { poll } from '../../harness/poll';
import { ROOT, StewardCluster } from '../../harness/steward-cluster';
import { type AgentProcess, type ManagerProcess, startAgent, startManager } from '../../harness/steward-processes';
import { sendMagicPackets } from '../../harness/udp-sender';
import { aVm, aWolConfig, testMac } from '../../harness/virtual-machines';
import { wolConfigRef } from '../../harness/wol-objects';

/** Names that dashboards and alerts are built on, with their types. */
const OF_THE_MANAGER: Readonly<Record<string, string>> = {
  wol_agent_kernel_drops_reported: 'gauge',
  wol_agents_connected: 'gauge',
  wol_clock_skew_total: 'counter',
  wol_dedup_entries: 'gauge',
  wol_dedup_evictions_total: 'counter',
  wol_dispatch_latency_seconds: 'histogram',
  wol_errors_total: 'counter',
  wol_events_total: 'counter',
  wol_grpc_auth_failures_total: 'counter',
  wol_grpc_certificate_expiry_seconds: 'gauge',
  wol_grpc_connections: 'gauge',
  wol_grpc_connections_closed_total: 'counter',
  wol_grpc_insecure: 'gauge',
  wol_grpc_streams: 'gauge',
  wol_inflight_wakes: 'gauge',
  wol_learned_macs: 'gauge',
  wol_learned_macs_rejected_total: 'counter',
  wol_mac_conflicts: 'gauge',
  wol_managed_macs: 'gauge',
  wol_managed_vms: 'gauge',
  wol_map_macs: 'gauge',
  wol_map_ready: 'gauge',
  wol_map_repairs_total: 'counter',
  wol_map_vms: 'gauge',
  wol_packets_total: 'counter',
  wol_rate_limited_total: 'counter',
  wol_start_latency_seconds: 'histogram',
  wol_unwakeable_vms: 'gauge',
  wol_vm_started_total: 'counter',
  wol_vm_unpaused_total: 'counter',
  wol_waiting_wakes: 'gauge',
  wol_wake_unconfirmed_total: 'counter',
};
const OF_AN_AGENT: Readonly<Record<string, string>> = {
  wol_agent_connected: 'gauge',
  wol_agent_dedupe_cache_size: 'gauge',
  wol_agent_dedupe_evictions_total: 'counter',
  wol_agent_info: 'gauge',
  wol_agent_kernel_drops_total: 'counter',
  wol_agent_packets_total: 'counter',
  wol_agent_port_bound: 'gauge',
  wol_agent_queue_depth: 'gauge',
  wol_agent_queue_dropped_total: 'counter',
  wol_agent_raw_interfaces: 'gauge',
  wol_agent_receive_buffer_bytes: 'gauge',
  wol_agent_reconnects_total: 'counter',
  wol_agent_report_seconds: 'histogram',
  wol_agent_reports_total: 'counter',
};
const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, Number.POSITIVE_INFINITY];

function typesIn(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/^# TYPE (wol_\w+) (\w+)$/gm)].map(([, name, type]) => [name!, type!]));
}

describe('metrics of Wake-on-LAN', () => {
  let cluster: StewardCluster;
  let manager: ManagerProcess;
  let agent: AgentProcess;

  before(async function () {
    this.timeout(0);
    cluster = await StewardCluster.start({ modules: 'wol' });
    manager = await startManager(cluster, { secure: true, flags: ['--wol-dedup-window=60s'] });
    const identities = await AgentIdentities.create(cluster);
    const identity = await identities.folder('node-a');
    agent = await startAgent(manager.grpcPort, { nodeName: 'node-a', identity, flags: ['--config-name=lab', '--dedup-window=60s'] });
    await cluster.api.apply(aWolConfig('lab', { wolPorts: [...agent.udpPorts] }));
    await cluster.api.apply(aVm({ name: 'sleeper', mac: testMac(1) }));
    await poll('the machine to be wakeable', async () => (await ofManager()).sum('wol_managed_vms', { config: 'lab' }) === 1);
    await sendMagicPackets(agent.udpPorts[0]!, [testMac(1), testMac(1), testMac(2)]);
    await poll('both addresses to be answered', async () => (await ofAgent()).sum('wol_agent_reports_total') >= 2);
  });

  after(async () => {
    await agent?.process.stop();
    await manager?.process.stop();
    await cluster?.stop();
  });

  const ofManager = async (): Promise<Scrape> => new Scrape(await manager.metrics());
  const ofAgent = async (): Promise<Scrape> => new Scrape((await agent.health('/metrics')).text);

  it('have the names and types that dashboards rely on, no more and no less, and the reference explains each', async () => {
    const reference = await readFile(join(ROOT, 'docs/reference/metrics.md'), 'utf8');
    const agents = await readFile(join(ROOT, 'docs/reference/agent.md'), 'utf8');

    expect(typesIn(await manager.metrics())).to.deep.equal(OF_THE_MANAGER);
    expect(typesIn((await agent.health('/metrics')).text)).to.deep.equal(OF_AN_AGENT);
    for (const name of [...Object.keys(OF_THE_MANAGER), ...Object.keys(OF_AN_AGENT)]) expect(`${reference}${agents}`).to.contain(name);
  });

  it('of a manager tell of a wake and of a packet for nobody', async () => {
    const lab = { config: 'lab' };
    const scrape = await poll('the start to be counted', async () => {
      const found = await ofManager();
      return found.sum('wol_vm_started_total', lab) >= 1 && found.sum('wol_start_latency_seconds_count', lab) >= 1 && found;
    });
    // An agent is not kept waiting longer.
    const isLate = scrape.sum('wol_start_latency_seconds_sum', lab) * 1_000 >= ANSWER_WITHIN_MS;

    expect(scrape.sum('wol_map_ready')).to.equal(1);
    expect([scrape.sum('wol_map_vms'), scrape.sum('wol_map_macs'), scrape.sum('wol_map_repairs_total')]).to.deep.equal([1, 1, 0]);
    expect(scrape.sum('wol_packets_total', lab)).to.equal(1);
    expect(scrape.sum('wol_vm_started_total', lab)).to.equal(1);
    const answers = ['vm_start_initiated', ...(isLate ? ['accepted'] : [])].map((result) =>
      scrape.sum('wol_events_total', { ...lab, result }),
    );
    expect(answers.reduce((sum, count) => sum + count)).to.equal(1);
    expect(scrape.sum('wol_events_total', { config: '', result: 'vm_not_found' })).to.equal(1);
    expect([scrape.sum('wol_dedup_entries'), scrape.sum('wol_inflight_wakes'), scrape.sum('wol_waiting_wakes')]).to.deep.equal([1, 0, 0]);
    expect([scrape.sum('wol_grpc_insecure'), scrape.sum('wol_grpc_streams'), scrape.sum('wol_agents_connected', lab)]).to.deep.equal([
      0, 1, 1,
    ]);
    expect(scrape.sum('wol_grpc_connections', { of: 'agents' })).to.equal(1);
    expect(scrape.sum('wol_grpc_certificate_expiry_seconds', { which: 'server' })).to.be.greaterThan(0);
    expect(scrape.sum('wol_grpc_certificate_expiry_seconds', { which: 'ca' })).to.be.greaterThan(0);
    for (const name of ['wol_start_latency_seconds', 'wol_dispatch_latency_seconds']) {
      expect(scrape.sum(`${name}_count`, lab), name).to.equal(1);
      expect(
        scrape.buckets(name).map(({ upTo }) => upTo),
        name,
      ).to.deep.equal(BUCKETS_S);
    }
  });

  it('of an agent tell what it received and which buffer it got, all with its node', async () => {
    const scrape = await ofAgent();
    const node = { node: 'node-a' };

    expect(scrape.sum('wol_agent_packets_total', { ...node, transport: 'udp4', result: 'accepted' })).to.equal(2);
    expect(scrape.sum('wol_agent_packets_total', { ...node, transport: 'udp4', result: 'duplicate' })).to.equal(1);
    expect(scrape.sum('wol_agent_report_seconds_count', node)).to.equal(2);
    expect(scrape.sum('wol_agent_dedupe_evictions_total', node)).to.equal(0);
    expect(scrape.sum('wol_agent_port_bound', { ...node, port: String(agent.udpPorts[0]), family: 'ipv4' })).to.equal(1);
    expect(scrape.sum('wol_agent_receive_buffer_bytes', { ...node, family: 'ipv4' })).to.be.greaterThan(0);
  });

  it('name no address, no virtual machine, no node and no source in the manager', async () => {
    const own = (await manager.metrics()).split('\n').filter((line) => line.startsWith('wol_'));

    for (const secret of [testMac(1), testMac(2), 'sleeper', 'node-a', '127.0.0.1']) {
      expect(own.filter((line) => line.includes(secret))).to.deep.equal([]);
    }
  });

  it('of a config that was deleted disappear', async () => {
    await cluster.api.delete(wolConfigRef('lab'));

    await poll('its series to go', async () => !(await manager.metrics()).includes('config="lab"'));
  });
});
