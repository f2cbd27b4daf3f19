import { expect } from 'chai';
import { type Informer, type KubernetesObject, nullLogger } from '../../../../src/framework';
import { FakeClock } from '../../../../src/framework/testing';
import { ClusterFacts, FAILURE_TOLD_MS } from '../../../../src/platform/context/cluster-facts';
import { ServedKinds } from '../../../../src/platform/context/served-kinds';

type Status = ReturnType<Informer['status']>;

/** An informer that a test drives. */
class DrivenInformer {
  private readonly listeners = new Set<(status: Status) => void>();
  private current: Status = { state: 'Listing', synced: false, lastActivityMs: 0, detail: '', late: false, stale: false };
  objects: KubernetesObject[] = [];
  readonly store = {
    synced: false,
    size: 0,
    list: () => this.objects.values(),
    get: (key: string) => this.objects.find(({ metadata }) => metadata?.name === key),
  };

  become(state: Status['state'], detail = ''): void {
    if (state === 'Watching') this.store.synced = true;
    this.current = { ...this.current, state, detail, synced: this.store.synced };
    for (const listener of this.listeners) listener(this.current);
  }

  status = (): Status => this.current;
  subscribe = (): (() => void) => () => undefined;
  onStatus = (listener: (status: Status) => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  start = (): void => undefined;
  stop = async (): Promise<void> => undefined;
}

describe('the facts of the cluster', () => {
  async function bench() {
    const clock = new FakeClock();
    const nodes = new DrivenInformer();
    const resource = { resource: 'nodes', responseKind: { kind: 'Node' }, scope: 'Cluster' };
    const core = { kind: 'APIGroupDiscoveryList', items: [{ metadata: {}, versions: [{ version: 'v1', resources: [resource] }] }] };
    const served = new ServedKinds({ ask: async ({ path }) => ({ body: path === '/api' ? core : {} }), clock, log: nullLogger });
    const listed: { nodes: object[]; failing: boolean; lists: number } = {
      nodes: [{ status: { capacity: { 'nvidia.com/gpu': '1' } } }],
      failing: false,
      lists: 0,
    };
    const client = {
      list: async function* () {
        listed.lists++;
        if (listed.failing) throw new Error('no answer');
        yield* listed.nodes;
      },
    };
    const facts = new ClusterFacts({
      ...{ served, clock, log: nullLogger, resyncMs: 600_000, client: client as never, open: () => nodes as unknown as Informer },
      onChange: () => undefined,
    });
    await served.refresh();
    return { clock, nodes, listed, facts };
  }

  it('are not known before nodes were listed, both for their labels and for their resources', async () => {
    const { clock, nodes, listed, facts } = await bench();
    listed.failing = true;
    facts.start();
    await clock.advance(0);
    nodes.become('Watching');
    expect(facts.topology()).to.include({ totalNodeCount: 0 });
    expect(facts.hardware([])).to.equal(undefined);

    listed.failing = false;
    await clock.advance(15_000);

    expect(facts.hardware([])).to.include({ gpuPresent: true });
    await facts.stop();
  });

  it('stay as they were while they cannot be read, which is told after five minutes and not before', async () => {
    const { clock, nodes, facts } = await bench();
    facts.start();
    await clock.advance(0);
    nodes.objects = [{ metadata: { name: 'a', uid: 'a' } }];
    nodes.become('Watching');
    const [hardware, topology] = [facts.hardware([]), facts.topology()];

    nodes.become('Backoff', 'connection refused');
    await clock.advance(FAILURE_TOLD_MS - 1);
    expect(facts.lastingFailures).to.deep.equal([]);
    await clock.advance(1);
    expect(facts.lastingFailures).to.deep.equal(['Node: connection refused']);
    expect(facts.hardware([])).to.equal(hardware);
    expect(facts.topology()).to.equal(topology);
    nodes.become('Watching');

    expect(facts.lastingFailures).to.deep.equal([]);
    await facts.stop();
  });

  it('list resources at start, when the set of nodes changes, and at each resync', async () => {
    const { clock, nodes, listed, facts } = await bench();
    facts.start();
    nodes.objects = [{ metadata: { name: 'a', uid: 'a' } }];
    nodes.become('Watching');
    await clock.advance(10_000);
    expect(listed.lists).to.equal(1);

    nodes.objects = [...nodes.objects, { metadata: { name: 'b', uid: 'b' } }];
    nodes.become('Watching');
    await clock.advance(2_000);
    expect(listed.lists).to.equal(2);
    nodes.become('Watching');
    await clock.advance(10_000);
    expect(listed.lists).to.equal(2);
    await clock.advance(600_000);

    expect(listed.lists).to.equal(3);
    await facts.stop();
  });
});
