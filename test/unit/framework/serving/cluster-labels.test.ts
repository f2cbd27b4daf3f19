import { expect } from 'chai';
import { ClusterLabels } from '../../../../src/framework/serving/metrics/cluster-labels';

describe('the label cluster', () => {
  it('is the name of the first two hundred clusters and other for the rest, for good', () => {
    const labels = new ClusterLabels();
    for (let index = 0; index < 200; index++) expect(labels.of(`c${index}`)).to.equal(`c${index}`);
    expect(labels.of('c200')).to.equal('other');
    expect(labels.of('c7')).to.equal('c7');
    expect(labels.of('c200')).to.equal('other');
  });

  it('is the one that calls, informers and gauges carry', () => {
    const labels = new ClusterLabels();
    for (let index = 0; index < 200; index++) labels.of(`c${index}`);
    const told: unknown[] = [];
    const client = labels.client({
      request: ({ cluster }) => told.push(cluster),
      waiting: (cluster) => told.push(cluster),
      write: ({ cluster }) => told.push(cluster),
      eventsDropped: (cluster) => told.push(cluster),
    });
    client.request?.({ cluster: 'x', method: 'GET', verb: 'get', code: '200', durationSeconds: 1 });
    client.waiting?.('c1', 1);
    client.write?.({ cluster: 'x', kind: 'k', verb: 'create', result: 'changed' });
    client.eventsDropped?.('x', 1);
    const informers = labels.informers({
      relisted: ({ cluster }) => told.push(cluster),
      lostEvent: ({ cluster }) => told.push(cluster),
      reconnected: ({ cluster }) => told.push(cluster),
      indexError: ({ cluster }) => told.push(cluster),
    });
    informers.relisted?.({ cluster: 'x', kind: 'k' }, 'initial');
    informers.lostEvent?.({ cluster: 'c2', kind: 'k' });
    informers.reconnected?.({ cluster: 'x', kind: 'k' });
    informers.indexError?.({ cluster: 'x', kind: 'k' }, 'i');

    expect(told).to.deep.equal(['other', 'c1', 'other', 'other', 'other', 'c2', 'other', 'other']);
    const judged: string[] = [];
    const health = labels.health({
      judge: (name) => judged.push(name),
      succeeded: (name) => judged.push(name),
      forget: (name) => judged.push(name),
    });
    for (const name of ['x', 'c3']) {
      health.engaged?.(name);
      health.stateChanged?.(name, 'Ready');
      health.succeeded?.(name);
      health.disengaged?.(name);
    }
    expect(judged).to.deep.equal(['c3', 'c3', 'c3', 'c3']);
    const informer = { kind: {}, cluster: 'x', store: { size: 3 }, status: () => ({ state: 'Watching' }) };
    expect(labels.informer(informer as never)).to.deep.include({ cluster: 'other', store: { size: 3 } });
  });
});
