import { expect } from 'chai';
import type { Cluster, ClusterHealth } from '../../../../src/framework/cluster/cluster';
import { clustersCheck } from '../../../../src/framework/cluster/clusters-check';

const cluster = (name: string, health: Partial<ClusterHealth>): Cluster =>
  ({ name, health: { state: 'Ready', since: '', detail: '', problem: undefined, ...health } }) as Cluster;
const check = (...remotes: Cluster[]): unknown => clustersCheck({ remotes: () => remotes }).run();

describe('the check of remote clusters', () => {
  it('is ok when there are none, or all work', () => {
    expect(check()).to.deep.equal({ state: 'ok', detail: '0 remote' });
    expect(check(cluster('a', {}), cluster('b', {}))).to.deep.equal({ state: 'ok', detail: '2 remote' });
  });

  it('names those that do not, and never fails', () => {
    const away = cluster('a', { state: 'Unreachable', detail: 'connect ECONNREFUSED' });
    const stale = cluster('b', { problem: 'kubeconfig of cluster b: is larger than 1 MiB' });
    expect(check(away, cluster('ok', {}), stale, cluster('c', { state: 'Connecting' }))).to.deep.equal({
      state: 'waiting',
      detail: 'a is Unreachable (connect ECONNREFUSED); b is Ready (kubeconfig of cluster b: is larger than 1 MiB); c is Connecting',
    });
  });
});
