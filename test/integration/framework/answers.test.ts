/** What becomes of an operator when answers of a real API server are refused, spoiled or lost on their way. */
import { expect } from 'chai';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane';
import { ConfigMap } from '../../../src/framework/kinds/core-kinds';
import { expireContinue, garbageLine, gone, loseResponse, status, truncateLine } from '../../../src/framework/testing';
import { usedHeapBytes } from '../../harness/heap';
import { aPart, Part } from '../../unit/framework/faults/world';
import { Sample } from '../../unit/framework/faults/writing-handler';
import { call, type Json, type ServerUnderTest } from '../../unit/framework/testing/http-client';
import { installParts, PARTS } from './parts';
import { Stage } from './stage';

const MIB = 1024 * 1024;
const WATCH = { verb: 'watch', kind: Part } as const;
const MAPS = '/api/v1/namespaces/default/configmaps';

describe('answers of a real API server that are refused, spoiled or lost', function () {
  // Each step of the clock asks the API server: hundreds of questions a test.
  this.timeout(900_000);
  let controlPlane: ControlPlane;
  let direct: ServerUnderTest;
  let stage: Stage | undefined;

  const read = async (path: string): Promise<Part & { items?: Part[] }> => (await call(direct, 'GET', path)).body as Part;
  const create = async (name: string, size = 1): Promise<void> => {
    const body = { apiVersion: Part.apiVersion, kind: Part.kind, ...aPart(name, size) } as unknown as Json;
    expect((await call(direct, 'POST', PARTS, { body })).status).to.equal(201);
  };
  const resize = async (name: string, size: number): Promise<void> => {
    const body = { spec: { size } };
    const { status: code } = await call(direct, 'PATCH', `${PARTS}/${name}`, { body, contentType: 'application/merge-patch+json' });
    expect(code).to.equal(200);
  };
  const hasSize = (name: string, size: number) => async (): Promise<boolean> => (await read(`${PARTS}/${name}`)).status?.size === size;

  before(async function () {
    this.timeout(600_000);
    controlPlane = await startControlPlane({ controllerManager: false });
    direct = { baseUrl: controlPlane.server, token: controlPlane.adminToken, ca: controlPlane.ca };
    await installParts(direct);
  });

  afterEach(async () => {
    stage?.http.faults.clear();
    await call(direct, 'DELETE', PARTS);
    await stage?.until('every part is gone', async () => (await read(PARTS)).items?.length === 0);
    await stage?.end();
    stage = undefined;
    await call(direct, 'DELETE', MAPS);
  });

  after(() => controlPlane?.stop());

  describe('429 with Retry-After', () => {
    for (const seconds of [7, 30]) {
      it(`of ${seconds} s: a read, a write and a watch come back no earlier`, async () => {
        await create('a');
        stage = await Stage.set(controlPlane, { handlers: [Sample] });
        await stage.until('a is done', hasSize('a', 1));
        const tooMany = status(429, { retryAfterS: seconds });

        const firstRead = stage.requestsOf('get', 'parts').length;
        stage.http.faults.add({ on: { verb: 'get', kind: Part }, do: tooMany });
        let outcome: unknown;
        void stage.operator.cluster.client.get(Part, 'default/a').then(
          (part) => {
            outcome = part.metadata?.name;
          },
          (error: { retryAfterMs?: number }) => {
            outcome = error.retryAfterMs;
          },
        );
        await stage.until('the read has ended', () => outcome !== undefined);
        const reads = stage.requestsOf('get', 'parts').slice(firstRead);
        expect(outcome).to.equal(seconds === 7 ? 'a' : 30_000);
        expect(reads).to.have.length(seconds === 7 ? 2 : 1);
        if (seconds === 7) expect(reads[1]!.atMs - reads[0]!.atMs).to.be.at.least(7_000);
        await stage.pass(10_000);

        const firstWrite = stage.requestsOf('patch', 'parts/status').length;
        stage.http.faults.add({ on: { verb: 'patch', kind: Part, subresource: 'status' }, do: tooMany });
        await resize('a', 2);
        await stage.until('the status is written', hasSize('a', 2));
        const writes = stage.requestsOf('patch', 'parts/status').slice(firstWrite);
        expect(writes).to.have.length(2);
        expect(writes[1]!.atMs - writes[0]!.atMs).to.be.at.least(seconds * 1_000);

        const firstWatch = stage.requestsOf('watch', 'parts').length;
        const lists = stage.requestsOf('list', 'parts').length;
        stage.http.faults.add({ on: WATCH, do: tooMany });
        stage.tcp.reset();
        await create('late');
        await stage.until('the watch goes on', () => stage!.heard.includes('ADDED late'));
        const watches = stage.requestsOf('watch', 'parts').slice(firstWatch);
        expect(watches).to.have.length(2);
        expect(watches[1]!.atMs - watches[0]!.atMs).to.be.at.least(seconds * 1_000);
        expect(stage.requestsOf('list', 'parts')).to.have.length(lists);
      });
    }
  });

  for (const [what, fault] of [
    ['is cut off', truncateLine()],
    ['is garbage', garbageLine()],
    ['has 17 MiB', garbageLine({ bytes: 17 * MIB })],
  ] as const) {
    it(`a line of a watch that ${what} is survived: resumed twice, the third time listed anew, and nothing is lost or told twice`, async () => {
      await create('a');
      stage = await Stage.set(controlPlane);
      const [watches, lists] = [stage.requestsOf('watch', 'parts').length, stage.requestsOf('list', 'parts').length];
      const spoilt = stage.http.faults.add({ on: WATCH, do: fault, times: 2 });
      stage.tcp.reset();
      await create('b');
      await stage.until('b is heard', () => stage!.heard.includes('ADDED b'));
      expect(spoilt.strikes).to.equal(2);
      expect(stage.requestsOf('list', 'parts')).to.have.length(lists);
      expect(stage.requestsOf('watch', 'parts').length - watches).to.be.at.least(3);

      await stage.pass(130_000, 500);
      const third = stage.http.faults.add({ on: WATCH, do: fault, times: 3 });
      stage.tcp.reset();
      await create('c');
      await stage.until('c is heard', () => stage!.heard.includes('ADDED c'));
      expect(third.strikes).to.equal(3);
      expect(stage.requestsOf('list', 'parts').length - lists).to.equal(1);
      expect(stage.heard).to.deep.equal(['ADDED b', 'ADDED c']);
    });
  }

  it('ten minutes without a bookmark: the stream is renewed without a list, and is never taken for stale', async () => {
    await create('a');
    stage = await Stage.set(controlPlane);
    stage.http.rewrite({ stripBookmarks: true });
    stage.tcp.reset();
    await stage.pass(10_000);
    const [watches, lists] = [stage.requestsOf('watch', 'parts').length, stage.requestsOf('list', 'parts').length];
    const [informer] = stage.operator.cluster.informers.list();
    for (let second = 0; second < 610; second += 10) {
      await stage.pass(10_000, 500);
      expect(informer!.status().stale).to.equal(false);
    }
    expect(stage.requestsOf('watch', 'parts').length - watches).to.be.within(1, 4);
    expect(stage.requestsOf('list', 'parts')).to.have.length(lists);
    await create('b');
    await stage.until('b is heard', () => stage!.heard.includes('ADDED b'));
  });

  for (const { what, on } of [
    { what: 'a POST', on: { verb: 'create', kind: ConfigMap } },
    { what: 'an apply', on: { verb: 'patch', kind: ConfigMap } },
    { what: 'the patch that puts a finalizer on', on: { verb: 'patch', kind: Part, subresource: '' } },
    { what: 'a status write', on: { verb: 'patch', kind: Part, subresource: 'status' } },
  ] as const) {
    it(`the answer to ${what} is lost: the pass converges, and nothing is there twice`, async () => {
      stage = await Stage.set(controlPlane, { handlers: [Sample] });
      const lost = stage.http.faults.add({ on, do: loseResponse() });
      await create('a', 3);
      await stage.until('the status is written', hasSize('a', 3));
      await stage.pass(10_000);

      expect(lost.strikes).to.equal(1);
      const { metadata } = await read(`${PARTS}/a`);
      expect(metadata?.finalizers).to.deep.equal(['example.org/sample']);
      const maps = ((await read(MAPS)).items ?? []).map((map) => map.metadata?.name).filter((name) => name !== 'kube-root-ca.crt');
      expect(maps).to.deep.equal(['applied-a', 'posted-a']);
      const writes = stage.writes.length;
      await stage.pass(30_000);
      expect(stage.writes).to.have.length(writes);
    });
  }

  it('a thousand objects listed again fifty times cause no event and no write, and the heap stays flat', async () => {
    const OBJECTS = 1_000;
    const names = Array.from({ length: OBJECTS }, (_, index) => `p${String(index).padStart(4, '0')}`);
    for (let from = 0; from < OBJECTS; from += 50) await Promise.all(names.slice(from, from + 50).map((name) => create(name)));
    stage = await Stage.set(controlPlane);
    const firstList = stage.requestsOf('list', 'parts').length;
    // The first relist loses its second page: it starts over.
    stage.http.faults.add({ on: { verb: 'list', kind: Part }, do: expireContinue() });
    stage.http.faults.add({ on: WATCH, do: gone({ afterEvents: 1 }), times: Number.POSITIVE_INFINITY });
    stage.tcp.reset();
    await stage.pass(10_000);
    let heapBytes = 0;
    for (let round = 1; round <= 50; round++) {
      const before = stage.requestsOf('watch', 'parts').length;
      await resize('p0000', round + 1);
      await stage.until('it was listed and is watched again', () => stage!.requestsOf('watch', 'parts').length > before);
      await stage.pass(6_000, 500);
      if (round === 10) heapBytes = await usedHeapBytes();
    }

    const pages = stage.requestsOf('list', 'parts').slice(firstList);
    const isFirst = (page: (typeof pages)[number]): boolean => !page.query.has('continue');
    expect(pages.filter(isFirst).length).to.be.at.least(51);
    expect(stage.heard).to.deep.equal(Array(50).fill('MODIFIED p0000'));
    expect(stage.writes).to.deep.equal([]);
    expect(stage.operator.cluster.store(Part).size).to.equal(OBJECTS);
    expect((await usedHeapBytes()) - heapBytes).to.be.lessThan(10 * MIB);
  });
});
