import { expect } from 'chai';
import { Registry } from 'prom-client';
import { ConfigMap, DaemonSet } from '../../../../src/framework/kinds/core-kinds';
import type { Kind } from '../../../../src/framework/kinds/kind';
import { InformerMetrics, type ObservedInformer } from '../../../../src/framework/serving/metrics/informer-metrics';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import type { InformerStatus } from '../../../../src/framework/watch/informer-contract';
import { seriesValue } from './values';

const WATCHING: InformerStatus = { state: 'Watching', synced: true, lastActivityMs: 0, detail: '', late: false, stale: false };

function anInformer(status: Partial<InformerStatus> = {}, { size = 0, kind = ConfigMap as Kind } = {}): ObservedInformer {
  return { kind, cluster: 'local', store: { size }, status: () => ({ ...WATCHING, ...status }) };
}

async function seriesOf(...informers: ObservedInformer[]) {
  const registry = new Registry();
  const clock = new FakeClock(1_000_000);
  await clock.advance(60_000);
  const metrics = new InformerMetrics(registry, clock);
  const forget = metrics.observe(() => informers);
  const value = (name: string, labels: Record<string, string> = {}): Promise<number | undefined> =>
    seriesValue(registry, name, { cluster: 'local', kind: 'configmaps', ...labels });
  return { metrics, registry, value, forget, informers };
}

describe('informer metrics', () => {
  it('add up the objects of all watches on a kind', async () => {
    const { value } = await seriesOf(
      anInformer({}, { size: 3 }),
      anInformer({}, { size: 4 }),
      anInformer({}, { size: 9, kind: DaemonSet as Kind }),
    );

    expect(await value('steward_informer_objects')).to.equal(7);
    expect(await value('steward_informer_objects', { kind: 'daemonsets.apps' })).to.equal(9);
  });

  it('call a kind synced only when every watch on it is', async () => {
    const { value } = await seriesOf(anInformer(), anInformer({ synced: false }));
    expect(await value('steward_informer_synced')).to.equal(0);
  });

  it('show the states as zero and one', async () => {
    const { value } = await seriesOf(anInformer(), anInformer({ state: 'Backoff' }));

    expect(await value('steward_informer_state', { state: 'Watching' })).to.equal(1);
    expect(await value('steward_informer_state', { state: 'Backoff' })).to.equal(1);
    expect(await value('steward_informer_state', { state: 'Denied' })).to.equal(0);
  });

  it('tell the wall-clock time of the last activity, of the most silent watch', async () => {
    const { value } = await seriesOf(anInformer({ lastActivityMs: 50_000 }), anInformer({ lastActivityMs: 20_000 }));
    expect(await value('steward_informer_last_activity_timestamp_seconds')).to.equal(1_020);
  });

  it('show no activity before there was any', async () => {
    const { value } = await seriesOf(anInformer({ lastActivityMs: undefined, synced: false, state: 'Listing' }));
    expect(await value('steward_informer_last_activity_timestamp_seconds')).to.equal(undefined);
  });

  it('tell that a kind is not served', async () => {
    const { value } = await seriesOf(anInformer({ state: 'Waiting', synced: false }));
    expect(await value('steward_kind_available')).to.equal(0);
  });

  it('show informers that come later and forget those of a cluster that is left', async () => {
    const { value, informers, forget } = await seriesOf();
    expect(await value('steward_informer_objects')).to.equal(undefined);

    informers.push(anInformer({}, { size: 2 }));
    expect(await value('steward_informer_objects')).to.equal(2);

    forget();
    expect(await value('steward_informer_objects')).to.equal(undefined);
  });

  it('count relists by reason, losses and reconnects', async () => {
    const { metrics, value } = await seriesOf();
    const labels = { cluster: 'local', kind: 'configmaps' };
    metrics.hooks.relisted?.(labels, 'gone');
    metrics.hooks.lostEvent?.(labels);
    metrics.hooks.reconnected?.(labels);

    expect(await value('steward_informer_relists_total', { reason: 'gone' })).to.equal(1);
    expect(await value('steward_informer_lost_events_total')).to.equal(1);
    expect(await value('steward_informer_reconnects_total')).to.equal(1);
  });

  it('count errors of an index for the handler that declares it', async () => {
    const { metrics, registry } = await seriesOf();
    metrics.nameIndex('configmaps', 'byOwner', 'Indexes.byOwner');
    metrics.hooks.indexError?.({ cluster: 'local', kind: 'configmaps' }, 'byOwner');

    expect(await seriesValue(registry, 'steward_index_errors_total', { controller: 'Indexes.byOwner' })).to.equal(1);
  });
});
