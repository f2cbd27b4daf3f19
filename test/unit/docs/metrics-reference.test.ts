import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Metric, Registry } from 'prom-client';
import { defaultSettings } from '../../../src/cli/modules';
import type { Cluster } from '../../../src/framework';
import { FrameworkMetrics } from '../../../src/framework/serving/metrics/framework-metrics';
import { FakeClock } from '../../../src/framework/testing/fake-clock';
import { ClusterMetrics } from '../../../src/machines/clusters/cluster-metrics';
import { exposeApiFigures, exposeClusterFigures } from '../../../src/machines/handlers/cluster-gauges';
import { exposeMachineFigures } from '../../../src/machines/handlers/machine-gauges';
import { ClusterLabels } from '../../../src/machines/observability/cluster-labels';
import type { SupervisorApi } from '../../../src/machines/supervisor-api';
import { PlatformMetrics } from '../../../src/platform/observability/platform-metrics';
import { GrpcMetrics } from '../../../src/wol/handlers/grpc-metrics';
import { exposeWakeFigures, type WakeFigures } from '../../../src/wol/handlers/wake-gauges';
import { WakeMetrics } from '../../../src/wol/handlers/wake-metrics';

const PAGE = readFileSync(join(__dirname, '..', '..', '..', '..', 'docs', 'reference', 'metrics.md'), 'utf8');

/** The rows of a table of metrics, as the page shows them. */
async function rowsOf(registry: Registry): Promise<string[]> {
  const labels = new Map(
    (registry.getMetricsAsArray() as unknown as (Metric & { name: string; labelNames: string[] })[]).map((m) => [m.name, m.labelNames]),
  );
  return (await registry.getMetricsAsJSON())
    .filter(({ name }) => !/^(process|nodejs)_/.test(name))
    .map(({ name, type, help }) => {
      const names = (labels.get(name) ?? []).map((label) => `\`${label}\``).join(', ');
      return `| \`${name}\` | ${type} | ${names} | ${help} |`;
    })
    .sort();
}

const NO_FIGURES: WakeFigures = {
  isReady: () => false,
  size: () => ({ macs: 0, vms: 0 }),
  repairs: () => 0,
  wakes: () => ({ inFlight: 0, remembered: 0, evictions: 0 }),
  waiting: () => [],
  learned: () => ({ vms: 0, rejected: 0 }),
};

/** Rows of the page that belong to one section. */
function rowsIn(section: string): string[] {
  const text = PAGE.split(/^## /m).find((part) => part.startsWith(section)) ?? '';
  return text.split('\n').filter((line) => /^\| `[a-z_]+` \|/.test(line) && line.split('|').length === 6);
}

describe('the reference of metrics', () => {
  it('lists every metric of the framework as it is exposed', async () => {
    const registry = new Registry();
    new FrameworkMetrics(registry, new FakeClock(), { version: '0', modules: [] });
    expect(rowsIn('Every manager').sort().join('\n')).to.equal((await rowsOf(registry)).join('\n'));
  });

  it('lists every metric of Wake-on-LAN as it is exposed', async () => {
    const registry = new Registry();
    new WakeMetrics(registry);
    const cluster = { store: () => ({ list: () => [] }) } as unknown as Cluster;
    new GrpcMetrics(registry, cluster, new FakeClock(), defaultSettings().wol).measure({
      openStreams: () => 0,
      openConnections: () => ({ agents: 0, guests: 0 }),
      expiries: () => ({ ca: undefined, server: undefined }),
    });
    exposeWakeFigures(registry, NO_FIGURES);
    expect(rowsIn('Module wol').sort().join('\n')).to.equal((await rowsOf(registry)).join('\n'));
  });

  it('lists every metric of the machines module as it is exposed', async () => {
    const registry = new Registry();
    const labels = new ClusterLabels();
    new ClusterMetrics(registry, labels);
    exposeApiFigures(registry, { profile: 'first', isCompatible: () => true } as unknown as SupervisorApi);
    exposeClusterFigures(registry, labels, () => []);
    exposeMachineFigures(registry, { figures: () => ({ objects: [], notReady: [], deletion: [] }), macCollisions: () => 0 });
    expect(rowsIn('Module machines').sort().join('\n')).to.equal((await rowsOf(registry)).join('\n'));
  });

  it('lists every metric of the platform module as it is exposed', async () => {
    const registry = new Registry();
    new PlatformMetrics(registry);
    expect(rowsIn('Module platform').sort().join('\n')).to.equal((await rowsOf(registry)).join('\n'));
  });
});
