import { expect } from 'chai';
import { Handler, OnCreate, OnDelete, Reconcile, type ReconcileContext } from '../../../../src/framework';
import { ConfigMap } from '../../../../src/framework/kinds/core-kinds';
import { aPart, aWorld, endWorlds, Part } from './world';

@Handler({ rbac: [{ kind: ConfigMap, verbs: ['create', 'patch'], why: 'one map for each part' }] })
class Sample {
  @OnCreate(Part, { remember: 'annotation' })
  async created(): Promise<void> {}

  @Reconcile(Part, { owns: [ConfigMap], resyncMs: 60_000 })
  async reconcile(part: Part, ctx: ReconcileContext<Part>): Promise<void> {
    const { name, namespace } = part.metadata ?? {};
    await ctx.client.applyChild(part, ConfigMap, {
      metadata: { name: name!, namespace: namespace! },
      data: { size: String(part.spec?.size) },
    });
    ctx.status.set({ size: part.spec?.size });
    ctx.status.condition({ type: 'Ready', status: 'True', reason: 'Done', message: '' });
  }

  @OnDelete(Part, { finalizer: 'example.org/sample' })
  async clean(): Promise<void> {}
}

const TEN_MINUTES_MS = 600_000;

describe('a steady cluster', () => {
  afterEach(endWorlds);

  it('sees no write for ten minutes, although every object is looked at every minute, and none after a restart', async () => {
    const { server, start } = await aWorld();
    for (let index = 0; index < 20; index++) server.objects.create(Part, aPart(`p${index}`, index));
    const operator = await start({ handlers: [Sample] });
    await operator.advance(5_000);
    const version = server.currentVersion;
    const writes = operator.writes().length;

    await operator.advance(TEN_MINUTES_MS);
    expect([server.currentVersion, operator.writes().length]).to.deep.equal([version, writes]);
    expect(operator.key(Part, 'default/p0').history).to.have.length.at.least(10);

    await operator.restart();
    await operator.advance(TEN_MINUTES_MS);
    expect([server.currentVersion, operator.writes().length]).to.deep.equal([version, writes]);
  });
});
