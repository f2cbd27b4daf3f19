import { expect } from 'chai';
import {
  Cluster,
  ConfigMap,
  Handler,
  mapped,
  OPERATOR_NAMESPACE,
  owned,
  Reconcile,
  type ReconcileContext,
  type Selection,
} from '../../../../src/framework';
import { aPart, aWorld, endWorlds, Part } from '../faults/world';

const HERE: Selection = { namespaces: [OPERATOR_NAMESPACE] };

@Handler()
class Settings {
  constructor(private readonly cluster: Cluster) {}

  @Reconcile(Part, {
    owns: [owned(ConfigMap, { select: HERE })],
    watches: [mapped(ConfigMap, () => ['default/a'], { select: HERE })],
  })
  async reconcile(_part: Part, ctx: ReconcileContext<Part>): Promise<void> {
    const names = [...this.cluster.store(ConfigMap, HERE).list()].map(({ metadata }) => metadata?.name);
    ctx.status.set({ size: names.length });
  }
}

describe('a watch on the namespace of the operator', () => {
  afterEach(endWorlds);

  it('lists and follows that namespace, whatever its name is, and no other', async () => {
    const { server, start } = await aWorld({ kinds: [Part, ConfigMap] });
    server.objects.create(Part, aPart('a'));
    server.objects.create(ConfigMap, { metadata: { name: 'one', namespace: 'steward' } });
    server.objects.create(ConfigMap, { metadata: { name: 'one', namespace: 'elsewhere' } });
    const operator = await start({ handlers: [Settings], namespace: 'steward' });
    expect(server.objects.get(Part, 'default/a')?.status?.size).to.equal(1);

    server.objects.create(ConfigMap, { metadata: { name: 'two', namespace: 'elsewhere' } });
    server.objects.create(ConfigMap, { metadata: { name: 'two', namespace: 'steward' } });
    await operator.settle();

    expect(server.objects.get(Part, 'default/a')?.status?.size).to.equal(2);
    const asked = server.journal.entries().filter(({ resource }) => resource === 'configmaps');
    expect(new Set(asked.map(({ namespace }) => namespace))).to.deep.equal(new Set(['steward']));
  });
});
