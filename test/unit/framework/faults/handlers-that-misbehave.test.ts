import { expect } from 'chai';
import { Handler, Reconcile, type ReconcileContext } from '../../../../src/framework';
import type { HandlerClass } from '../../../../src/framework/decorators/handler';
import { aPart, aWorld, endWorlds, Part, type World } from './world';

/** One object that the handler gets wrong, and five that it gets right. */
async function withSix(handler: HandlerClass): Promise<World & { operator: Awaited<ReturnType<World['start']>> }> {
  const world = await aWorld();
  for (const name of ['bad', 'a', 'b', 'c', 'd', 'e']) world.server.objects.create(Part, aPart(name));
  const operator = await world.start({ handlers: [handler] });
  return { ...world, operator };
}

const isBad = ({ metadata }: Part): boolean => metadata?.name === 'bad';
const readyOf = ({ server }: World, name: string): { status: string; reason: string; message: string } | undefined =>
  server.objects.get(Part, `default/${name}`)?.status?.conditions?.find(({ type }) => type === 'Ready') as never;

describe('a handler that misbehaves', () => {
  afterEach(endWorlds);

  it('and hangs without a look at its signal costs one worker, which is replaced, is named in the log, and never runs twice at once', async () => {
    let hanging = 0;
    @Handler()
    class Hangs {
      @Reconcile(Part, { timeoutMs: 5_000 })
      async reconcile(part: Part): Promise<void> {
        if (!isBad(part)) return;
        hanging++;
        await new Promise(() => undefined);
      }
    }
    const { operator, server, log } = await withSix(Hangs);
    await operator.advance(20_000);
    server.objects.update(Part, 'default/bad', (part) => Object.assign(part, { spec: { size: 2 } }));
    for (const name of ['a', 'b', 'c', 'd', 'e'])
      server.objects.update(Part, `default/${name}`, (part) => Object.assign(part, { spec: { size: 2 } }));
    await operator.advance(60_000);

    expect(hanging).to.equal(1);
    for (const name of ['a', 'b', 'c', 'd', 'e']) expect(operator.key(Part, `default/${name}`).history, name).to.have.length(2);
    const named = log.lines.filter(({ level, fields }) => level === 'error' && fields['controller'] === 'Hangs.reconcile');
    expect(named.map(({ fields }) => fields['key'] ?? `${fields['namespace']}/${fields['name']}`)).to.deep.equal(['default/bad']);
  });

  for (const [what, thrown, message] of [
    ['a text', 'no luck', 'no luck'],
    ['nothing', undefined, 'undefined was thrown'],
    ['null', null, 'null was thrown'],
    ['an object', { code: 7 }, 'an object that is no error was thrown'],
  ] as const) {
    it(`and throws ${what} has failed like any other, with a condition that says so, and is repeated`, async () => {
      @Handler()
      class Throws {
        @Reconcile(Part)
        async reconcile(part: Part): Promise<void> {
          if (isBad(part)) throw thrown;
        }
      }
      const world = await withSix(Throws);
      await world.operator.advance(5_000);

      expect(readyOf(world, 'bad')).to.include({ status: 'False', reason: 'ReconcileError', message });
      expect(world.operator.key(Part, 'default/bad').history.length).to.be.at.least(3);
      expect(world.operator.key(Part, 'default/a').history).to.have.length(1);
    });
  }

  it('and returns garbage has failed, and its condition tells what is allowed', async () => {
    @Handler()
    class Returns {
      @Reconcile(Part)
      async reconcile(part: Part): Promise<void> {
        return (isBad(part) ? { requeueAfterMs: 'soon' } : undefined) as never;
      }
    }
    const world = await withSix(Returns);
    await world.operator.advance(1_000);

    expect(readyOf(world, 'bad')).to.include({
      status: 'False',
      message: 'a handler returned a value of type object; allowed: nothing, or { requeueAfterMs: number }',
    });
    expect(world.operator.key(Part, 'default/a').history).to.have.length(1);
  });

  it('and changes the cached object fails, and the cache is as it was', async () => {
    @Handler()
    class Mutates {
      @Reconcile(Part)
      async reconcile(part: Part, _ctx: ReconcileContext<Part>): Promise<void> {
        if (isBad(part)) part.spec!.size = 99;
      }
    }
    const world = await withSix(Mutates);
    await world.operator.advance(1_000);

    expect(readyOf(world, 'bad')).to.include({ status: 'False' });
    expect(readyOf(world, 'bad')?.message).to.match(/read only property 'size'/);
    expect(world.operator.cluster.store(Part).get('default/bad')?.spec).to.deep.equal({ size: 1 });
  });
});
