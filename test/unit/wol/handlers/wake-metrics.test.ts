import { expect } from 'chai';
import { Registry } from 'prom-client';
import { WakeMetrics } from '../../../../src/wol/handlers/wake-metrics';
import type { WakeFacts, WakeNotification } from '../../../../src/wol/manager/wake-observer';

const COUNTS = { managedVms: 3, managedMacs: 4, unwakeableVms: 1, conflicts: 2 };

function facts(config: string): WakeFacts {
  return {
    mac: '02:00:00:00:00:01',
    vm: 'lab/web',
    target: undefined,
    config,
    nodeName: 'node-1',
    sourceIp: '192.0.2.7',
    destPort: 9,
    transport: 'udp4',
    packetAtMs: 0,
  };
}

/** Everything that can happen to a packet. */
function everything(config: string): WakeNotification[] {
  const about = facts(config);
  return [
    { kind: 'packet', config, clockSkew: false },
    { kind: 'packet', config, clockSkew: true },
    { kind: 'answered', config, status: 'VM_START_INITIATED' },
    { kind: 'answered', config, status: 'ERROR' },
    { kind: 'dispatched', facts: about, latencyMs: 4 },
    { kind: 'started', facts: about, latencyMs: 8 },
    { kind: 'unpaused', facts: about },
    { kind: 'not-confirmed', facts: about },
    { kind: 'failed', facts: about, reason: 'StartTimeout', text: '' },
    { kind: 'skipped', facts: about, reason: 'SkippedByPolicy', text: '' },
    { kind: 'refused', facts: about, reason: 'RateLimited', text: '' },
  ];
}

async function series(registry: Registry): Promise<string[]> {
  return (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#') && !line.includes('_bucket'));
}

describe('the metrics of wakes', () => {
  it('count each outcome under the config that acted', async () => {
    const registry = new Registry();
    const metrics = new WakeMetrics(registry);
    metrics.setCounts('lab', COUNTS);
    for (const notification of everything('lab')) metrics.count(notification);

    expect((await series(registry)).sort()).to.deep.equal(
      [
        'wol_packets_total{config="lab"} 2',
        'wol_events_total{config="lab",result="vm_start_initiated"} 1',
        'wol_events_total{config="lab",result="error"} 1',
        'wol_vm_started_total{config="lab"} 1',
        'wol_vm_unpaused_total{config="lab"} 1',
        'wol_wake_unconfirmed_total{config="lab"} 1',
        'wol_errors_total{config="lab",reason="StartTimeout"} 1',
        'wol_errors_total{config="lab",reason="SkippedByPolicy"} 1',
        'wol_errors_total{config="lab",reason="RateLimited"} 1',
        'wol_rate_limited_total{config="lab"} 1',
        'wol_clock_skew_total 1',
        'wol_start_latency_seconds_sum{config="lab"} 0.008',
        'wol_start_latency_seconds_count{config="lab"} 1',
        'wol_dispatch_latency_seconds_sum{config="lab"} 0.004',
        'wol_dispatch_latency_seconds_count{config="lab"} 1',
        'wol_managed_vms{config="lab"} 3',
        'wol_managed_macs{config="lab"} 4',
        'wol_unwakeable_vms{config="lab"} 1',
        'wol_mac_conflicts{config="lab"} 2',
      ].sort(),
    );
  });

  it('lose every series of a config with it, and get none back from a wake that was under way', async () => {
    const registry = new Registry();
    const metrics = new WakeMetrics(registry);
    metrics.setCounts('lab', COUNTS);
    for (const notification of everything('lab')) metrics.count(notification);

    metrics.forget('lab');
    for (const notification of everything('lab')) metrics.count(notification);

    expect((await series(registry)).filter((line) => line.includes('lab'))).to.deep.equal([]);
    expect(await series(registry)).to.include('wol_vm_started_total{config=""} 1');
  });
});
