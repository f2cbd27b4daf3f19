import { expect } from 'chai';
import {
  type Cluster,
  ClusterRegistry,
  ConfigMap,
  Daemon,
  type DaemonContext,
  Handler,
  type KubeClient,
  Reconcile,
  type ReconcileContext,
} from '../../../../src/framework';
import { FakeApiServer } from '../../../../src/framework/testing';
import { aPart, aWorld, endWorlds, Part } from '../faults/world';

const kept: KubeClient[] = [];

@Handler()
class Writer {
  constructor(readonly clusters: ClusterRegistry) {
    registry = clusters;
  }

  @Reconcile(Part)
  async reconcile(_part: Part, ctx: ReconcileContext<Part>): Promise<void> {
    await write('handler', ctx.clientOf(remoteOf(ctx)));
    // For as long as it leads: the run never ends by itself.
    await new Promise((_resolve, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)));
  }

  @Daemon(Part)
  async daemon(_part: Part, ctx: DaemonContext<Part>): Promise<void> {
    await write('daemon', ctx.clientOf(remoteOf(ctx)));
  }
}

let registry: ClusterRegistry;
const remoteOf = ({ clusters }: { clusters: ClusterRegistry }): Cluster => clusters.get('east')!;

async function write(name: string, client: KubeClient): Promise<void> {
  kept.push(client);
  await client.apply(ConfigMap, { metadata: { namespace: 'default', name } });
}

describe('a client of another cluster', () => {
  let remote: FakeApiServer;
  const written = (): (string | undefined)[] => remote.objects.list(ConfigMap).map(({ metadata }) => metadata?.name);

  afterEach(async () => {
    await endWorlds();
    await remote.stop();
  });

  it('writes there for handlers and daemons, and refuses once this process does not lead any more', async () => {
    kept.length = 0;
    const { server, start, clock } = await aWorld();
    remote = await FakeApiServer.start({ clock, tls: true });
    const operator = await start({ handlers: [Writer], election: 'leader', remotes: [remote] });
    await registry.engage('east', remote.kubeconfig('token'));
    server.objects.create(Part, aPart('a'));
    await operator.advance(1_000);
    expect(written()).to.deep.equal(['daemon', 'handler']);

    await operator.loseLeadership();
    for (const client of kept) {
      const refused: unknown = await client.apply(ConfigMap, { metadata: { namespace: 'default', name: 'late' } }).catch((error) => error);
      expect(refused).to.be.instanceOf(Error);
    }
    expect(written()).to.deep.equal(['daemon', 'handler']);
    // What knows of no leadership would have written.
    await registry.get('east')!.client.apply(ConfigMap, { metadata: { namespace: 'default', name: 'unguarded' } });
    expect(written()).to.include('unguarded');
  });
});
