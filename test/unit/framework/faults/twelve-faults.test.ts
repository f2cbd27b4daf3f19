import { expect } from 'chai';
import { Handler, OnEvent, Reconcile, type ReconcileContext } from '../../../../src/framework';
import { Lease } from '../../../../src/framework/kinds/core-kinds';
import { closeAtOnce, gone, stall, status, type TestOperator } from '../../../../src/framework/testing';
import type { ResourceEvent } from '../../../../src/framework/watch/resource-event';
import { aPart, aWorld, endWorlds, Part, type World } from './world';

/** A handler that writes down in short form what it hears. */
function listener() {
  const heard: string[] = [];
  @Handler()
  class Listener {
    @OnEvent(Part)
    seen({ type, object, lost }: ResourceEvent<Part>): void {
      heard.push(`${type} ${object.metadata?.name}${lost ? ' lost' : ''}`);
    }
  }
  return { Listener, take: () => heard.splice(0) };
}

/** Three parts that are known, and a stream old enough for the operator to trust it. */
async function listening(): Promise<World & { operator: TestOperator; take: () => string[] }> {
  const world = await aWorld();
  for (const name of ['a', 'b', 'c']) world.server.objects.create(Part, aPart(name));
  const { Listener, take } = listener();
  const operator = await world.start({ handlers: [Listener] });
  await operator.advance(10_000);
  take();
  return { ...world, operator, take };
}

const PARTS = { kind: Part };
const listsOf = ({ server }: World): number => server.journal.count({ verb: 'list', resource: 'parts' });
const watchTimesOf = ({ server }: World): number[] => server.journal.entries({ verb: 'watch', resource: 'parts' }).map(({ atMs }) => atMs);

describe('the twelve faults, on the fake API server', () => {
  afterEach(endWorlds);

  it('1: a delete in the gap after the server ended the watch is delivered, and nothing else is replayed', async () => {
    const world = await listening();
    const { server, operator, take } = world;
    server.faults.strike(PARTS, closeAtOnce());
    server.objects.delete(Part, 'default/b');
    await operator.advance(3_000);

    expect(take()).to.deep.equal(['DELETED b']);
    expect(listsOf(world)).to.equal(1);
  });

  it('2: after an ERROR event 410 there is one relist, the delete it missed is told as lost, and unchanged objects are silent', async () => {
    const world = await listening();
    const { server, operator, take } = world;
    server.faults.add({ on: { ...PARTS, verb: 'watch' }, do: gone() });
    server.faults.strike(PARTS, closeAtOnce());
    server.objects.delete(Part, 'default/b');
    server.compact();
    await operator.advance(5_000);

    expect(take()).to.deep.equal(['DELETED b lost']);
    expect(listsOf(world)).to.equal(2);
  });

  it('3: after a TCP reset the watch goes on from the last version, and the next event is delivered', async () => {
    const world = await listening();
    const { server, operator, take } = world;
    const version = String(server.currentVersion);
    operator.proxy.reset();
    await operator.settle();
    server.objects.create(Part, aPart('d'));
    await operator.advance(3_000);

    expect(take()).to.deep.equal(['ADDED d']);
    expect(server.journal.entries({ verb: 'watch', resource: 'parts' }).at(-1)?.query['resourceVersion']).to.equal(version);
    expect(listsOf(world)).to.equal(1);
  });

  it('4: five answers of 503 to a reconnect are met with growing pauses, then the watch goes on without a relist', async () => {
    const world = await listening();
    const { server, operator, take, clock } = world;
    const before = watchTimesOf(world).length;
    const startMs = clock.monotonicMs();
    server.faults.add({ on: { ...PARTS, verb: 'watch' }, do: status(503), times: 5 });
    operator.proxy.reset();
    await operator.advance(60_000);
    server.objects.create(Part, aPart('d'));
    await operator.settle();

    // Pauses are of 0.8 s, doubled each time, of which a random share between one half and all is waited, here three quarters; the second
    // one lies between 1 s after the connect before it and 1.6 s.
    const sinceMs = watchTimesOf(world)
      .slice(before)
      .map((atMs) => Math.round(atMs - startMs));
    expect(sinceMs).to.deep.equal([600, 1_900, 4_300, 9_100, 18_700, 37_900]);
    expect(take()).to.deep.equal(['ADDED d']);
    expect(listsOf(world)).to.equal(1);
  });

  it('5: while a relist is answered with 503 the store stays readable, and the operator recovers', async () => {
    const world = await listening();
    const { server, operator, take } = world;
    server.faults.add({ on: { ...PARTS, verb: 'list' }, do: status(503), times: 5 });
    server.faults.strike(PARTS, gone());
    server.objects.delete(Part, 'default/b');
    await operator.advance(5_000);
    expect(take()).to.deep.equal([]);
    expect([...operator.cluster.store(Part).list()]).to.have.length(3);

    await operator.advance(60_000);
    expect(take()).to.deep.equal(['DELETED b lost']);
    expect([...operator.cluster.store(Part).list()]).to.have.length(2);
  });

  it('6: an object made anew in a gap is told as deleted, then added, and its retries begin anew', async () => {
    const world = await aWorld();
    const { server } = world;
    server.objects.create(Part, aPart('a'));
    const { Listener, take } = listener();
    @Handler()
    class Failing {
      @Reconcile(Part)
      async reconcile(): Promise<void> {
        throw new Error('no luck');
      }
    }
    const operator = await world.start({ handlers: [Listener, Failing] });
    await operator.advance(10_000);
    take();

    server.faults.strike(PARTS, closeAtOnce());
    server.objects.delete(Part, 'default/a');
    server.objects.create(Part, aPart('a'));
    await operator.advance(1_500);

    expect(take().slice(0, 2)).to.deep.equal(['DELETED a', 'ADDED a']);
    const attempts = operator.key(Part, 'default/a').history.map(({ attempt }) => attempt);
    expect(attempts.slice(0, 4)).to.deep.equal([1, 2, 3, 4]);
    expect(attempts[4]).to.equal(1);
  });

  it('7: a handler that throws twice runs at 0, about 1 s and about 3 s, and its condition follows', async () => {
    const world = await aWorld();
    const { server, clock } = world;
    let runs = 0;
    @Handler()
    class Twice {
      @Reconcile(Part)
      async reconcile(): Promise<void> {
        if (++runs <= 2) throw new Error('not yet');
      }
    }
    const operator = await world.start({ handlers: [Twice] });
    const startMs = clock.monotonicMs();
    server.objects.create(Part, aPart('a'));
    await operator.settle();
    const ready = (): unknown => server.objects.get(Part, 'default/a')?.status?.conditions?.find(({ type }) => type === 'Ready');
    expect(ready()).to.include({ status: 'False' });
    await operator.advance(5_000);

    const { history } = operator.key(Part, 'default/a');
    const atMs = history.map(({ startedMs }) => startedMs - startMs);
    expect(atMs).to.have.length(3);
    expect(atMs[0]).to.equal(0);
    expect(atMs[1]).to.be.within(800, 1_200);
    expect(atMs[2]).to.be.within(2_400, 3_600);
    expect(ready()).to.include({ status: 'True' });
  });

  it('8: three slow objects run side by side, and one that changes meanwhile waits its turn and is seen at its newest', async () => {
    const world = await aWorld();
    const { server } = world;
    const running = new Map<string, () => void>();
    const seen: string[] = [];
    @Handler()
    class Slow {
      @Reconcile(Part)
      async reconcile(part: Part): Promise<void> {
        const name = part.metadata?.name ?? '';
        seen.push(`${name} ${part.spec?.size}`);
        await new Promise<void>((resolve) => running.set(name, resolve));
      }
    }
    const operator = await world.start({ handlers: [Slow] });
    for (const name of ['a', 'b', 'c']) server.objects.create(Part, aPart(name));
    await operator.settle();
    expect(seen).to.deep.equal(['a 1', 'b 1', 'c 1']);

    for (const size of [2, 3]) server.objects.update(Part, 'default/a', (part) => Object.assign(part, { spec: { size } }));
    await operator.settle();
    expect(seen).to.have.length(3);
    running.get('a')!();
    await operator.settle();
    expect(seen.slice(3)).to.deep.equal(['a 3']);
  });

  it('9: a server that ends every watch at once is asked at most once a second, and less and less', async () => {
    const world = await listening();
    const { server, operator, take } = world;
    const before = watchTimesOf(world).length;
    server.faults.add({ on: { ...PARTS, verb: 'watch' }, do: closeAtOnce(), times: Number.POSITIVE_INFINITY });
    server.faults.strike(PARTS, closeAtOnce());
    await operator.advance(300_000);

    const times = watchTimesOf(world).slice(before);
    const gaps = times.slice(1).map((atMs, index) => atMs - times[index]!);
    expect(Math.min(...gaps)).to.be.at.least(1_000);
    expect(gaps.at(-1)).to.be.within(15_000, 30_000);
    expect(take()).to.deep.equal([]);
    expect(listsOf(world)).to.equal(1);
  });

  it('10: a stream that has gone silent is given up after 90 s, and what it missed is delivered', async () => {
    const world = await listening();
    const { server, operator, take } = world;
    await operator.advance(60_000);
    const before = watchTimesOf(world).length;
    server.faults.strike(PARTS, stall());
    server.objects.create(Part, aPart('d'));
    await operator.advance(80_000);
    expect(watchTimesOf(world)).to.have.length(before);
    await operator.advance(20_000);

    expect(take()).to.deep.equal(['ADDED d']);
    expect(listsOf(world)).to.equal(1);
  });

  it('11: a conflict on a status write is read again and repeated; one that persists is retried by the queue', async () => {
    const world = await aWorld();
    const { server, log } = world;
    @Handler()
    class Sizes {
      @Reconcile(Part)
      async reconcile(part: Part, ctx: ReconcileContext<Part>): Promise<void> {
        ctx.status.set({ size: part.spec?.size });
      }
    }
    const operator = await world.start({ handlers: [Sizes] });
    const conflict = { on: { ...PARTS, verb: 'patch', subresource: 'status' }, do: status(409, { reason: 'Conflict' }) } as const;
    const first = server.faults.add({ ...conflict, times: 2 });
    server.objects.create(Part, aPart('a'));
    await operator.advance(1_500);
    expect(first.strikes).to.equal(2);
    expect(server.objects.get(Part, 'default/a')?.status?.size).to.equal(1);

    const lasting = server.faults.add({ ...conflict, times: Number.POSITIVE_INFINITY });
    server.objects.update(Part, 'default/a', (part) => Object.assign(part, { spec: { size: 2 } }));
    await operator.advance(5_000);
    const failures = log.lines.filter(({ message }) => message === 'writing finalizer or status failed');
    expect(failures[0]?.fields['error']).to.include({ code: 'CONFLICT' });
    lasting.remove();
    await operator.advance(60_000);
    expect(server.objects.get(Part, 'default/a')?.status?.size).to.equal(2);
  });

  it('12: stop lets the handler in flight end, releases the Lease, closes every socket and ends with 0', async () => {
    const world = await aWorld();
    const { server, clock } = world;
    let hasEnded = false;
    let finish: () => void = () => undefined;
    @Handler()
    class Slow {
      @Reconcile(Part)
      async reconcile(_part: Part, ctx: ReconcileContext<Part>): Promise<void> {
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        ctx.status.set({ size: 7 });
        hasEnded = true;
      }
    }
    const operator = await world.start({ handlers: [Slow], election: 'leader' });
    await operator.advance(3_000);
    server.objects.create(Part, aPart('a'));
    await operator.settle();
    const stopped = operator.stop();
    await operator.advance(5_000);
    expect(hasEnded).to.equal(false);
    finish();

    expect(await stopped).to.equal(0);
    expect(server.objects.get(Part, 'default/a')?.status?.size).to.equal(7);
    expect(server.objects.get(Lease, 'test-operator/test-operator')?.spec?.holderIdentity).to.equal('');
    await operator.settle();
    expect(clock.pendingTimers).to.equal(0);
    expect(server.openSockets).to.equal(0);
  });
});
