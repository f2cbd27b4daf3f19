import { expect } from 'chai';
import { Registry } from 'prom-client';
import { ClusterMetrics } from '../../../../src/machines/clusters/cluster-metrics';
import { ClusterLabels } from '../../../../src/machines/observability/cluster-labels';

describe('the label cluster of the machines module', () => {
  it('names 200 clusters and calls all others other', () => {
    const labels = new ClusterLabels();
    for (let n = 0; n < 200; n++) expect(labels.add(`c${n}`)).to.equal(`c${n}`);
    expect(labels.add('one-too-many')).to.equal('other');
    expect(labels.of('one-too-many')).to.equal('other');
    expect(labels.of('c7')).to.equal('c7');
  });

  it('gives the name of a cluster that is gone to the next one', () => {
    const labels = new ClusterLabels();
    for (let n = 0; n < 200; n++) labels.add(`c${n}`);
    labels.forget('c7');
    expect(labels.add('next')).to.equal('next');
  });

  it('names nothing that is asked for and is no cluster any more, whoever goes on asking', () => {
    const labels = new ClusterLabels();
    labels.add('east');
    labels.forget('east');
    for (let n = 0; n < 1_000; n++) expect(labels.of(`gone-${n}`)).to.equal('other');
    expect([labels.of('east'), labels.of('')]).to.deep.equal(['other', '']);
    expect(labels.add('west')).to.equal('west');
  });

  it('is on no series before a cluster is known, on zeros from then on, and on none when it is gone', async () => {
    const registry = new Registry();
    const metrics = new ClusterMetrics(registry, new ClusterLabels());
    const east = async (): Promise<string[]> => (await registry.metrics()).split('\n').filter((line) => line.includes('cluster="east"'));
    expect(await east()).to.deep.equal([]);

    metrics.declare('east');
    expect(await east()).to.include.members([
      'steward_machines_adoptions_total{cluster="east"} 0',
      'steward_machines_orphaned_total{cluster="east"} 0',
      'steward_machines_credential_rotations_total{cluster="east",result="used"} 0',
      'steward_machines_status_latency_seconds_count{cluster="east"} 0',
    ]);
    metrics.adopted('east');
    metrics.orphaned('east');
    metrics.statusWritten('east', 0.2);
    expect(await east()).to.include.members([
      'steward_machines_adoptions_total{cluster="east"} 1',
      'steward_machines_orphaned_total{cluster="east"} 1',
      'steward_machines_status_latency_seconds_count{cluster="east"} 1',
      'steward_machines_status_latency_seconds_sum{cluster="east"} 0.2',
    ]);

    metrics.forget('east');
    expect(await east()).to.deep.equal([]);
    metrics.adopted('east');
    metrics.statusWritten('east', 0.2);
    expect(await east()).to.deep.equal([]);
  });
});
