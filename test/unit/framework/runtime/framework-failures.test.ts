import { expect } from 'chai';
import { Handler, OnDelete, Reconcile, type ReconcileContext } from '../../../../src/framework';
import { type FakeApiServer, status } from '../../../../src/framework/testing';
import { aPart, aWorld, endWorlds, Part } from '../faults/world';

@Handler()
class Sizes {
  @Reconcile(Part)
  async reconcile(part: Part, ctx: ReconcileContext<Part>): Promise<void> {
    ctx.status.set({ size: part.spec?.size });
  }

  @OnDelete(Part)
  async cleanUp(): Promise<void> {}
}

const warningsOf = (server: FakeApiServer): { reason: string; note: string; regarding: { name: string } }[] =>
  server.journal.writes({ verb: 'create', resource: 'events' }).map(({ body }) => body as ReturnType<typeof warningsOf>[number]);

describe('a finalizer or status that cannot be written', () => {
  afterEach(endWorlds);

  it('is reported by a Warning Event on the object, since nobody else would say why nothing happens to it', async () => {
    const { server, start } = await aWorld();
    server.objects.create(Part, aPart('p'));
    server.faults.add({ on: { verb: 'patch', kind: Part }, do: status(403), times: Number.POSITIVE_INFINITY });
    await start({ handlers: [Sizes] });

    const [warning, ...others] = warningsOf(server);
    expect(others).to.deep.equal([]);
    expect(warning).to.include({ reason: 'WriteFailed' });
    expect(warning?.note).to.match(/^finalizer or status could not be written: .*403/);
    expect(warning?.regarding.name).to.equal('p');
  });

  it('is not reported while it may be passing', async () => {
    const { server, start } = await aWorld();
    server.objects.create(Part, aPart('p'));
    server.faults.add({ on: { verb: 'patch', kind: Part }, do: status(409), times: 2 });
    const operator = await start({ handlers: [Sizes] });
    await operator.advance(10_000);

    expect(warningsOf(server)).to.deep.equal([]);
    expect(server.objects.get(Part, 'default/p')?.status?.size).to.equal(1);
  });
});
