import { expect } from 'chai';
import { Registry } from 'prom-client';
import type { RequestSample } from '../../../../src/framework/client';
import { ApiMetrics } from '../../../../src/framework/serving/metrics/api-metrics';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { seriesValue } from './values';

const OK: RequestSample = { cluster: 'local', method: 'GET', verb: 'list', code: '200', durationSeconds: 0.2 };

function someMetrics() {
  const registry = new Registry();
  const clock = new FakeClock(1_000_000);
  const metrics = new ApiMetrics(registry, clock);
  return { metrics, clock, registry, request: (sample: Partial<RequestSample>) => metrics.hooks.request?.({ ...OK, ...sample }) };
}

describe('API metrics', () => {
  it('count requests by code, those without an answer as <error>', async () => {
    const { registry, request } = someMetrics();
    request({});
    request({ code: '<error>' });
    request({ code: '<error>' });

    expect(await seriesValue(registry, 'rest_client_requests_total', { code: '200', method: 'GET', cluster: 'local' })).to.equal(1);
    expect(await seriesValue(registry, 'rest_client_requests_total', { code: '<error>', method: 'GET', cluster: 'local' })).to.equal(2);
    expect(await seriesValue(registry, 'rest_client_request_duration_seconds_count', { verb: 'list', cluster: 'local' })).to.equal(3);
  });

  for (const [code, up] of [
    ['200', 1],
    ['404', 1],
    ['429', 1],
    ['500', 0],
    ['503', 0],
    ['<error>', 0],
  ] as const) {
    it(`take a cluster for ${up === 1 ? 'up' : 'down'} after ${code}`, async () => {
      const { registry, request } = someMetrics();
      request({ code });
      expect(await seriesValue(registry, 'steward_cluster_up', { cluster: 'local' })).to.equal(up);
    });
  }

  it('keep the time of the last answer while a cluster is down', async () => {
    const { registry, clock, request } = someMetrics();
    request({});
    await clock.advance(5_000);
    request({ code: '<error>' });

    expect(await seriesValue(registry, 'steward_cluster_last_success_timestamp_seconds', { cluster: 'local' })).to.equal(1_000);
  });

  for (const [state, up] of [
    ['Connecting', 0],
    ['Ready', 1],
    ['Degraded', 1],
    ['Unreachable', 0],
    ['AuthFailed', 0],
    ['Refused', 0],
  ] as const) {
    it(`take a remote cluster that is ${state} for ${up === 1 ? 'up' : 'down'}, whatever becomes of single requests`, async () => {
      const { registry, metrics, request } = someMetrics();
      metrics.judge('far', state);
      for (const code of ['200', '401', '<error>']) {
        request({ cluster: 'far', code });
        expect(await seriesValue(registry, 'steward_cluster_up', { cluster: 'far' })).to.equal(up);
      }
    });
  }

  it('forget whether a cluster that was left is up', async () => {
    const { registry, metrics, request } = someMetrics();
    request({});
    metrics.forget('local');
    expect(await seriesValue(registry, 'steward_cluster_up', { cluster: 'local' })).to.equal(undefined);
  });

  it('count writes by their result, calls that wait, and Events that were dropped', async () => {
    const { registry, metrics } = someMetrics();
    metrics.hooks.write?.({ cluster: 'local', kind: 'configmaps', verb: 'apply', result: 'unchanged' });
    metrics.hooks.waiting?.('local', 5);
    metrics.hooks.eventsDropped?.('local', 3);

    expect(await seriesValue(registry, 'steward_api_writes_total', { kind: 'configmaps', verb: 'apply', result: 'unchanged' })).to.equal(1);
    expect(await seriesValue(registry, 'steward_client_waiting', { cluster: 'local' })).to.equal(5);
    expect(await seriesValue(registry, 'steward_kubernetes_events_dropped_total')).to.equal(3);
  });
});
