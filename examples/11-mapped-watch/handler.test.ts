import { expect } from 'chai';
import { ConfigMap, conditionOf, Node } from 'virt-steward/framework';
import { FakeApiServer, FakeClock, TestOperator } from 'virt-steward/framework/testing';
import { handlers, NodePool, POOL_LABEL } from './handler';

const ready = (status: 'True' | 'False'): NonNullable<Node['status']> => ({
  conditions: [{ type: 'Ready', status, reason: 'Kubelet', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }],
});
const aNode = (name: string, pool: string): Node => ({ metadata: { name, labels: { [POOL_LABEL]: pool } }, status: ready('True') });

describe('11-mapped-watch', () => {
  let server: FakeApiServer;
  let operator: TestOperator;
  const runsOf = (pool: string): number => operator.key(NodePool, pool).history.length;
  const statusOf = (pool: string): NodePool['status'] => server.objects.get(NodePool, pool)?.status;

  beforeEach(async () => {
    const clock = new FakeClock();
    server = await FakeApiServer.start({ clock, crdFiles: ['examples/crds/nodepools.yaml'] });
    for (const name of ['blue', 'green']) server.objects.create(NodePool, { metadata: { name } });
    for (const name of ['n1', 'n2']) server.objects.create(Node, aNode(name, 'blue'));
    operator = await TestOperator.start({ handlers, server, clock });
  });

  afterEach(async () => {
    await operator.stop();
    await server.stop();
  });

  it('counts the nodes of a pool', () => {
    expect(statusOf('blue')).to.include({ nodes: 2, ready: 2 });
    expect(statusOf('green')).to.include({ nodes: 0, ready: 0 });
  });

  it('wakes the pool a node left and the one it went to', async () => {
    server.objects.update(Node, 'n2', (node) => {
      node.metadata!.labels = { [POOL_LABEL]: 'green' };
    });
    await operator.settle();

    expect(statusOf('blue')).to.include({ nodes: 1 });
    expect(statusOf('green')).to.include({ nodes: 1 });
  });

  it('wakes the pool of a node that is no longer ready, and no other', async () => {
    const before = runsOf('green');
    server.objects.update(Node, 'n1', (node) => {
      node.status = ready('False');
    });
    await operator.settle();

    expect(statusOf('blue')).to.include({ nodes: 2, ready: 1 });
    expect(runsOf('green')).to.equal(before);
  });

  it('sleeps through the heartbeats of the kubelet', async () => {
    const before = runsOf('blue');
    server.objects.update(Node, 'n1', (node) => {
      node.status!.addresses = [{ type: 'InternalIP', address: '192.0.2.1' }];
    });
    await operator.settle();

    expect(runsOf('blue')).to.equal(before);
  });

  it('wakes every pool when the defaults change', async () => {
    server.objects.create(ConfigMap, { metadata: { name: 'nodepool-defaults', namespace: 'default' }, data: { minReady: '2' } });
    await operator.settle();

    const reasons = ['blue', 'green'].map((name) => conditionOf(server.objects.get(NodePool, name)!, 'Ready')?.reason);
    expect(reasons).to.deep.equal(['EnoughNodes', 'TooFewNodes']);
  });
});
