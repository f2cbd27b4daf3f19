/** Answers of the fake API server that are refused, spoiled or lost, as an operator meets them. */
import { expect } from 'chai';
import { ConfigMap, Handler, OnEvent, Reconcile, type ReconcileContext } from '../../../../src/framework';
import { dropBookmarks, garbageLine, gone, loseResponse, status, type TestOperator, truncateLine } from '../../../../src/framework/testing';
import type { ResourceEvent } from '../../../../src/framework/watch/resource-event';
import { usedHeapBytes } from '../../../harness/heap';
import { aPart, aWorld, endWorlds, Part, type World } from './world';
import { Sample } from './writing-handler';

const MIB = 1024 * 1024;
const heard: string[] = [];

@Handler()
class Listener {
  @OnEvent(Part)
  seen({ type, object, lost }: ResourceEvent<Part>): void {
    heard.push(`${type} ${object.metadata?.name}${lost ? ' lost' : ''}`);
  }
}

@Handler()
class Sizes {
  @Reconcile(Part)
  async reconcile(part: Part, ctx: ReconcileContext<Part>): Promise<void> {
    ctx.status.set({ size: part.spec?.size });
  }
}

/** Reads another object before it is done. */
@Handler()
class Reader {
  @Reconcile(Part)
  async reconcile(part: Part, ctx: ReconcileContext<Part>): Promise<void> {
    await ctx.client.find(ConfigMap, `default/of-${part.metadata?.name}`);
  }
}

async function listening(): Promise<World & { operator: TestOperator }> {
  const world = await aWorld();
  world.server.objects.create(Part, aPart('a'));
  const operator = await world.start({ handlers: [Listener] });
  await operator.advance(10_000);
  heard.length = 0;
  return { ...world, operator };
}

/** Many megabytes take the reader longer than `settle` waits for without a sign of life. */
async function untilHeard(operator: TestOperator, line: string): Promise<void> {
  for (let second = 0; second < 300 && !heard.includes(line); second++) await operator.advance(1_000);
}

describe('answers of an API server that are refused, spoiled or lost', () => {
  afterEach(endWorlds);
  beforeEach(() => {
    heard.length = 0;
  });

  for (const seconds of [7, 30]) {
    const tooMany = status(429, { retryAfterS: seconds });

    it(`429 with Retry-After ${seconds} s to a read: ${seconds === 7 ? 'waited for inside the run' : 'the run fails and is repeated'}, no call earlier`, async () => {
      const world = await aWorld();
      const operator = await world.start({ handlers: [Reader] });
      world.server.faults.add({ on: { verb: 'get', kind: ConfigMap }, do: tooMany });
      world.server.objects.create(Part, aPart('a'));
      await operator.advance(60_000);

      const reads = world.server.journal.entries({ verb: 'get', resource: 'configmaps' }).map(({ atMs }) => atMs);
      expect(reads).to.have.length(2);
      expect(reads[1]! - reads[0]!).to.be.within(seconds * 1_000, seconds * 1_000 + 1_000);
      const runs = operator.key(Part, 'default/a').history;
      expect(runs.map(({ error }) => (error as { code?: string } | undefined)?.code)).to.deep.equal(
        seconds === 7 ? [undefined] : ['TOO_MANY_REQUESTS', undefined],
      );
    });

    it(`429 with Retry-After ${seconds} s to a status write: it is made no earlier`, async () => {
      const world = await aWorld();
      const operator = await world.start({ handlers: [Sizes] });
      world.server.faults.add({ on: { verb: 'patch', kind: Part, subresource: 'status' }, do: tooMany });
      world.server.objects.create(Part, aPart('a', 4));
      await operator.advance(60_000);

      const writes = world.server.journal.entries({ verb: 'patch', resource: 'parts' }).map(({ atMs }) => atMs);
      expect(writes).to.have.length(2);
      expect(writes[1]! - writes[0]!).to.be.within(seconds * 1_000, seconds * 1_000 + 1_000);
      expect(world.server.objects.get(Part, 'default/a')?.status?.size).to.equal(4);
    });

    it(`429 with Retry-After ${seconds} s to a watch: it connects no earlier, and does not list`, async () => {
      const { server, operator } = await listening();
      const before = server.journal.count({ verb: 'watch', resource: 'parts' });
      server.faults.add({ on: { verb: 'watch', kind: Part }, do: tooMany });
      operator.proxy.reset();
      await operator.advance(60_000);

      const watches = server.journal.entries({ verb: 'watch', resource: 'parts' }).slice(before);
      expect(watches).to.have.length(2);
      expect(watches[1]!.atMs - watches[0]!.atMs).to.be.at.least(seconds * 1_000);
      expect(server.journal.count({ verb: 'list', resource: 'parts' })).to.equal(1);
    });
  }

  for (const [what, fault] of [
    ['is cut off', truncateLine()],
    ['is garbage', garbageLine()],
    ['has 17 MiB', garbageLine({ bytes: 17 * MIB })],
  ] as const) {
    it(`a line of a watch that ${what}: resumed twice, the third time listed anew, nothing is lost or told twice`, async () => {
      const { server, operator } = await listening();
      server.faults.add({ on: { verb: 'watch', kind: Part }, do: fault, times: 2 });
      operator.proxy.reset();
      server.objects.create(Part, aPart('b'));
      await untilHeard(operator, 'ADDED b');
      expect(heard).to.deep.equal(['ADDED b']);
      expect(server.journal.count({ verb: 'list', resource: 'parts' })).to.equal(1);

      await operator.advance(130_000);
      server.faults.add({ on: { verb: 'watch', kind: Part }, do: fault, times: 3 });
      operator.proxy.reset();
      server.objects.create(Part, aPart('c'));
      await untilHeard(operator, 'ADDED c');
      expect(heard).to.deep.equal(['ADDED b', 'ADDED c']);
      expect(server.journal.count({ verb: 'list', resource: 'parts' })).to.equal(2);
    });
  }

  it('ten minutes without a bookmark: the stream is renewed without a list, and is never taken for stale', async () => {
    const { server, operator } = await listening();
    server.faults.add({ on: { verb: 'watch', kind: Part }, do: dropBookmarks(), times: Number.POSITIVE_INFINITY });
    operator.proxy.reset();
    await operator.advance(10_000);
    const before = server.journal.count({ verb: 'watch', resource: 'parts' });
    for (let minute = 0; minute < 10; minute++) {
      await operator.advance(60_000);
      expect(operator.cluster.informers.list().map((informer) => informer.status().stale)).to.deep.equal([false]);
    }
    server.objects.create(Part, aPart('b'));
    await operator.settle();

    expect(server.journal.count({ verb: 'watch', resource: 'parts' }) - before).to.be.within(1, 3);
    expect(server.journal.count({ verb: 'list', resource: 'parts' })).to.equal(1);
    expect(heard).to.deep.equal(['ADDED b']);
  });

  for (const { what, on } of [
    { what: 'a POST', on: { verb: 'create', kind: ConfigMap } },
    { what: 'an apply', on: { verb: 'patch', kind: ConfigMap } },
    { what: 'the patch that puts a finalizer on', on: { verb: 'patch', kind: Part, subresource: '' } },
    { what: 'a status write', on: { verb: 'patch', kind: Part, subresource: 'status' } },
  ] as const) {
    it(`the answer to ${what} is lost: the pass converges, nothing is there twice, and then nothing is written any more`, async () => {
      const world = await aWorld();
      const operator = await world.start({ handlers: [Sample] });
      const lost = world.server.faults.add({ on, do: loseResponse() });
      world.server.objects.create(Part, aPart('a', 3));
      await operator.advance(10_000);

      expect(lost.strikes).to.equal(1);
      const part = world.server.objects.get(Part, 'default/a');
      expect(part?.metadata?.finalizers).to.deep.equal(['example.org/sample']);
      expect(part?.status?.size).to.equal(3);
      expect(world.server.objects.list(ConfigMap).map(({ metadata }) => metadata?.name)).to.deep.equal(['applied-a', 'posted-a']);
      const version = world.server.currentVersion;
      await operator.advance(600_000);
      expect(world.server.currentVersion).to.equal(version);
    });
  }

  it('a thousand objects listed again fifty times cause no event and no write, and the heap stays flat', async () => {
    const world = await aWorld();
    const { server } = world;
    for (let index = 0; index < 1_000; index++) server.objects.create(Part, aPart(`p${index}`));
    const operator = await world.start({ handlers: [Listener, Sizes] });
    await operator.advance(10_000);
    heard.length = 0;
    const writes = operator.writes().length;
    let heapBytes = 0;
    for (let round = 1; round <= 50; round++) {
      server.faults.strike({ kind: Part }, gone());
      await operator.advance(6_000);
      server.journal.clear();
      if (round === 10) heapBytes = await usedHeapBytes();
    }

    expect(heard).to.deep.equal([]);
    expect([operator.writes().length, writes]).to.deep.equal([0, 1_000]);
    expect((await usedHeapBytes()) - heapBytes).to.be.lessThan(10 * MIB);
  });
});
