import { expect } from 'chai';
import { Handler, OnStartup, Reconcile, type ReconcileContext } from '../../../../src/framework';
import { FakeApiServer, FakeClock, TestOperator } from '../../../../src/framework/testing';
import { sleep } from '../../../../src/framework/time/sleep';
import { poll } from '../../../harness/poll';
import { aPart, aWorld, endWorlds, Part } from '../faults/world';

@Handler()
class Sizes {
  @Reconcile(Part)
  async reconcile(part: Part, ctx: ReconcileContext<Part>): Promise<void> {
    if (part.spec?.size === 0) throw new Error('too small');
    ctx.status.set({ size: part.spec?.size });
  }
}

describe('the test operator', () => {
  afterEach(endWorlds);

  it('has settled when every object was reconciled and no write is under way', async () => {
    const { server, start } = await aWorld();
    for (let index = 0; index < 200; index++) server.objects.create(Part, aPart(`p${index}`, index + 1));
    await start({ handlers: [Sizes] });

    expect(server.objects.list(Part).filter(({ spec, status }) => status?.size === spec?.size)).to.have.length(200);
  });

  it('lets no time limit strike a request that is merely under way while time moves', async () => {
    const { server, start, clock } = await aWorld();
    @Handler()
    class Patient {
      @Reconcile(Part, { timeoutMs: 61_000 })
      async reconcile(part: Part, ctx: ReconcileContext<Part>): Promise<void> {
        await sleep(ctx.clock, 60_000, ctx.signal);
        await ctx.client.get(Part, 'default/a');
        ctx.status.set({ size: part.spec?.size });
      }
    }
    const operator = await start({ handlers: [Patient] });
    server.objects.create(Part, aPart('a'));
    await operator.advance(600_000);

    expect(operator.key(Part, 'default/a').history).to.have.length(1);
    expect(server.objects.get(Part, 'default/a')?.status?.size).to.equal(1);
    expect(clock.monotonicMs()).to.equal(600_000);
  });

  it('leaves nothing behind when the operator does not start', async () => {
    const { server, clock } = await aWorld();
    @Handler()
    class Refuses {
      @OnStartup()
      open(): void {
        throw new Error('no');
      }
    }
    const started = TestOperator.start({ handlers: [Refuses], server, clock });

    expect(await started.catch((error: Error) => error.message)).to.equal('no');
    expect([server.openSockets, clock.pendingTimers]).to.deep.equal([0, 0]);
  });

  it('tells the health of the operator as its endpoints would', async () => {
    const { start } = await aWorld();
    const { operator } = await start({ handlers: [Sizes] });

    const { healthy, text } = await operator.health('readyz');
    expect(healthy).to.equal(true);
    expect(text)
      .to.match(/^\[\+\]informers ok/)
      .and.match(/readyz check passed$/);
  });

  it('keeps the history of each key, errors and attempts included', async () => {
    const { server, start } = await aWorld();
    const operator = await start({ handlers: [Sizes] });
    server.objects.create(Part, aPart('bad', 0));
    server.objects.create(Part, aPart('good'));
    await operator.advance(1_500);

    const { history } = operator.key(Part, 'default/bad');
    expect(history.map(({ attempt }) => attempt)).to.deep.equal([1, 2]);
    expect(history[0]).to.include({ controller: 'Sizes.reconcile', key: 'default/bad' });
    expect((history[0]!.error as Error).message).to.equal('too small');
    expect(operator.key(Part, 'default/good').history.map(({ error }) => error)).to.deep.equal([undefined]);
  });

  it('is shut down, and its server with it, at the end of the block that uses them', async () => {
    const clock = new FakeClock();
    let server: FakeApiServer;
    {
      await using used = await FakeApiServer.start({ clock, kinds: [Part] });
      await using operator = await TestOperator.start({ handlers: [Sizes], server: used, clock });
      expect(operator.isLeader).to.equal(true);
      server = used;
    }

    await poll('sockets and timers to be gone', () => server.openSockets === 0 && clock.pendingTimers === 0);
  });

  it('leaves nothing of the old life behind a restart', async () => {
    const { server, start, clock } = await aWorld();
    server.objects.create(Part, aPart('bad', 0));
    const operator = await start({ handlers: [Sizes] });
    const first = operator.operator;
    await operator.kill();
    await operator.settle();
    expect(server.openSockets).to.equal(0);
    expect(clock.pendingTimers).to.equal(0);

    await operator.restart();
    expect(operator.operator).not.to.equal(first);
    expect(operator.key(Part, 'default/bad').history.map(({ attempt }) => attempt)).to.deep.equal([1, 1]);
  });

  it('writes nothing while it stands by, works when it becomes the leader, and stops when it loses the Lease', async () => {
    const { server, start } = await aWorld();
    server.objects.create(Part, aPart('a'));
    const operator = await start({ handlers: [Sizes], election: 'standby' });
    await operator.advance(60_000);
    expect(operator.isLeader).to.equal(false);
    expect(operator.writes()).to.deep.equal([]);

    await operator.becomeLeader();
    expect(operator.isLeader).to.equal(true);
    expect(operator.writes()).to.have.length(1);

    await operator.loseLeadership();
    server.objects.create(Part, aPart('b'));
    await operator.advance(60_000);
    expect(operator.writes()).to.have.length(1);
    expect(await operator.stop()).to.equal(0);
  });
});
