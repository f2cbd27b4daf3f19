import { expect } from 'chai';
import { type Metric, Registry } from 'prom-client';
import { FrameworkMetrics } from '../../../../src/framework/serving/metrics/framework-metrics';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';

/** What of a metric prom-client keeps and does not show in its types. */
type Described = Metric & { name: string; help: string; labelNames: string[]; type?: string; buckets?: number[]; upperBounds?: number[] };

const EXPECTED = `
controller_runtime_active_workers gauge controller
controller_runtime_max_concurrent_reconciles gauge controller
controller_runtime_reconcile_errors_total counter controller
controller_runtime_reconcile_time_seconds histogram controller | 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 30 60
controller_runtime_reconcile_total counter controller result
controller_runtime_terminal_reconcile_errors_total counter controller
leader_election_master_status gauge name
rest_client_request_duration_seconds histogram cluster verb | 0.005 0.025 0.1 0.25 0.5 1 2 4 8 15 30 60
rest_client_requests_total counter cluster code method
steward_api_writes_total counter kind result verb
steward_build_info gauge modules node version
steward_certificate_expiry_timestamp_seconds gauge use
steward_certificate_reload_errors_total counter use
steward_client_waiting gauge cluster
steward_cluster_last_success_timestamp_seconds gauge cluster
steward_cluster_up gauge cluster
steward_daemons_running gauge controller
steward_event_handler_errors_total counter controller
steward_filter_errors_total counter controller
steward_handler_abandoned gauge controller
steward_handler_timeouts_total counter controller
steward_index_errors_total counter controller
steward_informer_last_activity_timestamp_seconds gauge cluster kind
steward_informer_lost_events_total counter cluster kind
steward_informer_objects gauge cluster kind
steward_informer_reconnects_total counter cluster kind
steward_informer_relists_total counter cluster kind reason
steward_informer_state gauge cluster kind state
steward_informer_synced gauge cluster kind
steward_kind_available gauge cluster kind
steward_kubernetes_events_dropped_total counter
steward_mapped_watch_errors_total counter controller
steward_queue_rejected_total counter name
steward_unhandled_rejections_total counter
workqueue_adds_total counter cluster name
workqueue_depth gauge cluster name priority
workqueue_longest_running_processor_seconds gauge cluster name
workqueue_queue_duration_seconds histogram cluster name | 0.001 0.01 0.1 1 10 100 1000
workqueue_retries_total counter cluster name
workqueue_unfinished_work_seconds gauge cluster name
workqueue_work_duration_seconds histogram cluster name | 0.001 0.01 0.1 1 10 100 1000
`.trim();

function aRegistry(): Registry {
  const registry = new Registry();
  new FrameworkMetrics(registry, new FakeClock(), { version: '1.2.3', modules: ['wol', 'platform'] });
  return registry;
}

describe('the metrics of the framework', () => {
  const registry = aRegistry();
  const all = registry.getMetricsAsArray() as unknown as Described[];
  const ours = all.filter(({ name }) => !/^(process|nodejs)_/.test(name));

  it('have the names, types, labels and buckets that dashboards and alerts are written for', async () => {
    const types = new Map((await registry.getMetricsAsJSON()).map(({ name, type }) => [name, String(type)]));

    const lines = ours
      .map(({ name, labelNames, upperBounds }) => {
        const buckets = upperBounds === undefined ? '' : ` | ${upperBounds.join(' ')}`;
        return `${[name, types.get(name), ...[...labelNames].sort()].join(' ')}${buckets}`;
      })
      .sort();

    expect(lines.join('\n')).to.equal(EXPECTED);
  });

  it('come with those of Node.js', () => {
    const names = all.map(({ name }) => name);
    expect(names).to.include.members(['process_resident_memory_bytes', 'nodejs_eventloop_lag_seconds']);
  });

  it('keep to the naming rules of Prometheus', async () => {
    for (const { name, type, help } of await registry.getMetricsAsJSON()) {
      if (/^(process|nodejs)_/.test(name)) continue;
      expect(name, name).to.match(/^[a-z][a-z0-9_]*$/);
      expect(help, name).to.match(/^[A-Z].*\.$/);
      expect(name.endsWith('_total'), `${name} is a ${type}`).to.equal(String(type) === 'counter');
      expect(name, 'a suffix that histograms add').not.to.match(/_(bucket|count|sum)$/);
      expect(name, 'base units only').not.to.match(/_(milliseconds|ms|minutes|kilobytes|mib|percent)(_|$)/);
      if (String(type) === 'histogram') expect(name).to.match(/_(seconds|bytes)$/);
    }
  });

  it('have no label that could hold the name of an object', () => {
    const named = ours.flatMap(({ name, labelNames }) => labelNames.map((label) => `${name} ${label}`));
    expect(named.filter((text) => / (namespace|object|key|uid|pod|path|node_name|instance)$/.test(text))).to.deep.equal([]);
    const byName = named.filter((text) => text.endsWith(' name')).map((text) => text.split(' ')[0]!);
    expect(byName.filter((name) => !/^(workqueue_|steward_queue_rejected_total|leader_election_)/.test(name))).to.deep.equal([]);
  });

  it('tell what runs', async () => {
    const text = await registry.getSingleMetricAsString('steward_build_info');
    expect(text).to.contain(`steward_build_info{version="1.2.3",node="${process.versions.node}",modules="wol,platform"} 1`);
  });
});
