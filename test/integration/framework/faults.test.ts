import { expect } from 'chai';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane';
import { Handler, Reconcile, type ReconcileContext } from '../../../src/framework';
import { defineKind, type Kind } from '../../../src/framework/kinds/kind';
import type { KubernetesObject } from '../../../src/framework/kinds/object';
import { closeAtOnce, gone, slowBytes, status } from '../../../src/framework/testing';
import { usedHeapBytes } from '../../harness/heap';
import { poll } from '../../harness/poll';
import { aPart, Part } from '../../unit/framework/faults/world';
import { call, type Json, type ServerUnderTest } from '../../unit/framework/testing/http-client';
import { installParts, PARTS } from './parts';
import { Stage } from './stage';

const WATCH = { verb: 'watch', kind: Part } as const;
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
/** As many definitions come and go side by side, so often each: fifty comings and goings, in the time of five. */
const GADGETS = Array.from({ length: 10 }, (_, index) =>
  defineKind<KubernetesObject>('example.org/v1', `Gadget${index}`, `gadget${index}s`, {
    scope: 'Namespaced',
    status: false,
    optional: true,
    alternatives: ['example.org/v1beta1'],
  }),
);
const CYCLES = 5;

const definitionOf = ({ group, kind, plural }: Kind, version: string): Json => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.${group}` },
  spec: {
    group,
    names: { kind, plural },
    scope: 'Namespaced',
    versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
});

describe('faults of the network before a real API server', function () {
  // Each step of the clock asks the API server: hundreds of questions a test.
  this.timeout(900_000);
  let controlPlane: ControlPlane;
  let direct: ServerUnderTest;
  let stage: Stage | undefined;

  before(async function () {
    this.timeout(600_000);
    controlPlane = await startControlPlane({ controllerManager: false });
    direct = { baseUrl: controlPlane.server, token: controlPlane.adminToken, ca: controlPlane.ca };
    await installParts(direct);
  });

  beforeEach(async () => {
    for (const name of ['a', 'b', 'c']) await create(name);
  });

  afterEach(async () => {
    await stage?.end();
    stage = undefined;
    await call(direct, 'DELETE', PARTS);
  });

  after(() => controlPlane?.stop());

  async function create(name: string, size = 1): Promise<void> {
    const body = { apiVersion: Part.apiVersion, kind: Part.kind, ...aPart(name, size) } as unknown as Json;
    expect((await call(direct, 'POST', PARTS, { body })).status).to.equal(201);
  }

  const remove = (name: string): Promise<unknown> => call(direct, 'DELETE', `${PARTS}/${name}`);

  it('1: a delete in the gap after the connection was closed is delivered, and nothing else is replayed', async () => {
    stage = await Stage.set(controlPlane);
    stage.http.faults.add({ on: WATCH, do: closeAtOnce() });
    stage.tcp.cut();
    await remove('b');
    await stage.until('the delete is heard', () => stage!.heard.length > 0);

    expect(stage.heard).to.deep.equal(['DELETED b']);
  });

  it('2: after a real 410 the delete it missed is told as lost, and unchanged objects are silent', async () => {
    stage = await Stage.set(controlPlane);
    const end = stage.http.rewrite({ on: ({ verb, resource }) => verb === 'watch' && resource === 'parts', resourceVersion: () => '1' });
    stage.http.faults.add({ on: { verb: 'list', kind: Part }, do: status(503), times: 2 });
    stage.tcp.reset();
    await remove('b');
    await stage.until('the delete is heard', () => stage!.heard.length > 0);
    end();
    await create('d');
    await stage.until('the watch goes on', () => stage!.heard.includes('ADDED d'));

    expect(stage.heard).to.deep.equal(['DELETED b lost', 'ADDED d']);
  });

  it('3: after a TCP reset the watch goes on from the last version, and the next event is delivered', async () => {
    stage = await Stage.set(controlPlane);
    const lists = stage.http.faults.add({ on: { verb: 'list', kind: Part }, do: status(500), times: Number.POSITIVE_INFINITY });
    stage.tcp.reset();
    await create('d');
    await stage.until('the event is heard', () => stage!.heard.length > 0);

    expect(stage.heard).to.deep.equal(['ADDED d']);
    expect(lists.strikes).to.equal(0);
  });

  it('4: five answers of 503 to a reconnect are outlasted without a relist', async () => {
    stage = await Stage.set(controlPlane);
    const lists = stage.http.faults.add({ on: { verb: 'list', kind: Part }, do: status(500), times: Number.POSITIVE_INFINITY });
    const refusals = stage.http.faults.add({ on: WATCH, do: status(503), times: 5 });
    stage.tcp.reset();
    await create('d');
    await stage.until('the event is heard', () => stage!.heard.length > 0);

    expect([refusals.strikes, lists.strikes]).to.deep.equal([5, 0]);
    expect(stage.heard).to.deep.equal(['ADDED d']);
  });

  it('5: while a relist is answered with 503 the store stays readable, and the operator recovers', async () => {
    stage = await Stage.set(controlPlane);
    stage.http.faults.add({ on: WATCH, do: gone({ as: 'status' }) });
    const refusals = stage.http.faults.add({ on: { verb: 'list', kind: Part }, do: status(503), times: 5 });
    stage.tcp.reset();
    await remove('b');
    await stage.until('the list is refused', () => refusals.strikes >= 3);
    expect([...stage.operator.cluster.store(Part).list()]).to.have.length(3);
    await stage.until('the delete is heard', () => stage!.heard.length > 0);

    expect(refusals.strikes).to.equal(5);
    expect(stage.heard).to.deep.equal(['DELETED b lost']);
  });

  it('6: an object made anew in a gap is told as deleted, then added, and its retries begin anew', async () => {
    const attempts: string[] = [];
    @Handler()
    class Failing {
      @Reconcile(Part, { failure: { condition: false, event: false } })
      async reconcile({ metadata }: Part, ctx: ReconcileContext<Part>): Promise<void> {
        if (metadata?.name !== 'b') return;
        attempts.push(`${metadata.uid} ${ctx.attempt}`);
        throw new Error('no luck');
      }
    }
    stage = await Stage.set(controlPlane, { handlers: [Failing] });
    await stage.until('the third attempt', () => attempts.some((attempt) => attempt.endsWith(' 3')));
    stage.http.faults.add({ on: WATCH, do: closeAtOnce() });
    stage.tcp.cut();
    await remove('b');
    await create('b', 2);
    const uid = (((await call(direct, 'GET', `${PARTS}/b`)).body['metadata'] as Json)['uid'] as string) ?? '';
    await stage.until('the new one is handled', () => attempts.includes(`${uid} 1`));

    expect(stage.heard.slice(0, 2)).to.deep.equal(['DELETED b', 'ADDED b']);
  });

  it('7: a handler that throws twice is repeated, and its condition follows', async () => {
    const runsMs: number[] = [];
    @Handler()
    class Twice {
      @Reconcile(Part)
      async reconcile({ metadata }: Part, ctx: ReconcileContext<Part>): Promise<void> {
        if (metadata?.name === 'd' && runsMs.push(ctx.clock.monotonicMs()) <= 2) throw new Error('not yet');
      }
    }
    stage = await Stage.set(controlPlane, { handlers: [Twice] });
    await create('d');
    const ready = async (): Promise<string | undefined> => {
      const { conditions = [] } = ((await call(direct, 'GET', `${PARTS}/d`)).body as Part).status ?? {};
      return conditions.find(({ type }) => type === 'Ready')?.status;
    };
    await poll('the condition says so', async () => {
      await stage!.clock.advance(0);
      return (await ready()) === 'False';
    });
    await stage.until('the condition says that it is over', async () => (await ready()) === 'True');

    expect(runsMs).to.have.length(3);
    expect(runsMs[1]! - runsMs[0]!).to.be.at.least(800);
    expect(runsMs[2]! - runsMs[1]!).to.be.at.least(1_600);
  });

  it('8: three slow objects run side by side, and one that changes meanwhile waits its turn and is seen at its newest', async () => {
    const running = new Map<string, () => void>();
    const seen: string[] = [];
    @Handler()
    class Slow {
      @Reconcile(Part, { timeoutMs: 3_600_000, failure: { condition: false, event: false } })
      async reconcile({ metadata, spec }: Part): Promise<void> {
        seen.push(`${metadata?.name} ${spec?.size}`);
        await new Promise<void>((resolve) => running.set(metadata!.name!, resolve));
      }
    }
    stage = await Stage.set(controlPlane, { handlers: [Slow] });
    await stage.until('three run', () => running.size === 3);
    for (const size of [2, 3]) {
      const options = { body: { spec: { size } }, contentType: 'application/merge-patch+json' };
      expect((await call(direct, 'PATCH', `${PARTS}/a`, options)).status).to.equal(200);
    }
    await stage.until('both changes are heard', () => stage!.heard.filter((line) => line === 'MODIFIED a').length === 2);
    expect(seen.sort()).to.deep.equal(['a 1', 'b 1', 'c 1']);
    running.get('a')!();
    await stage.until('a runs again', () => seen.length > 3);
    for (const end of running.values()) end();

    expect(seen.slice(3)).to.deep.equal(['a 3']);
  });

  it('9: a server that ends every watch at once is asked less and less, and nothing is told twice', async () => {
    stage = await Stage.set(controlPlane);
    const ended = stage.http.faults.add({ on: WATCH, do: closeAtOnce(), times: Number.POSITIVE_INFINITY });
    stage.tcp.cut();
    await stage.pass(60_000);

    expect(ended.strikes).to.be.within(3, 12);
    expect(stage.heard).to.deep.equal([]);
  });

  it('10: a connection that has gone silent is given up, and what it missed is delivered', async () => {
    stage = await Stage.set(controlPlane);
    const { accepted } = stage.tcp;
    stage.tcp.halfOpen();
    await create('d');
    // No bookmark comes in the short time that passes for the server, so the operator waits as long as a watch may last at most.
    await stage.until('the operator connects anew', () => stage!.tcp.accepted > accepted, 2_000);
    expect(stage.heard).to.deep.equal([]);
    stage.tcp.reset();
    await stage.tcp.heal();
    await stage.until('the event is heard', () => stage!.heard.length > 0);

    expect(stage.heard).to.deep.equal(['ADDED d']);
  });

  it('11: a status write that meets conflicts is repeated until it is in', async () => {
    @Handler()
    class Sizes {
      @Reconcile(Part)
      async reconcile(part: Part, ctx: ReconcileContext<Part>): Promise<void> {
        ctx.status.set({ size: part.spec?.size });
      }
    }
    stage = await Stage.set(controlPlane, { handlers: [Sizes] });
    const conflicts = stage.http.faults.add({ on: { verb: 'patch', kind: Part }, do: status(409, { reason: 'Conflict' }), times: 9 });
    await create('d', 4);
    const size = async (): Promise<unknown> => ((await call(direct, 'GET', `${PARTS}/d`)).body['status'] as Json | undefined)?.['size'];
    await stage.until('the status is written', async () => (await size()) === 4);

    expect(conflicts.strikes).to.equal(9);
  });

  it('12: stop lets the handler in flight end, releases the Lease, closes every socket and ends with 0', async () => {
    let finish: (() => void) | undefined;
    @Handler()
    class Slow {
      @Reconcile(Part)
      async reconcile({ metadata }: Part, ctx: ReconcileContext<Part>): Promise<void> {
        if (metadata?.name !== 'd') return;
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        ctx.status.set({ size: 7 });
      }
    }
    stage = await Stage.set(controlPlane, { handlers: [Slow], lease: 'twelve' });
    await create('d');
    await stage.until('the handler runs', () => finish !== undefined);
    let hasEnded = false;
    const stopped = stage.operator.stop().then(() => {
      hasEnded = true;
    });
    await stage.pass(5_000);
    expect(hasEnded).to.equal(false);
    finish!();
    await stage.until('it has stopped', () => hasEnded);
    await stopped;

    expect(await stage.operator.finished).to.equal(0);
    expect(((await call(direct, 'GET', `${PARTS}/d`)).body as Part).status?.size).to.equal(7);
    const lease = (await call(direct, 'GET', '/apis/coordination.k8s.io/v1/namespaces/default/leases/twelve')).body;
    expect((lease['spec'] as Json)['holderIdentity'] ?? '').to.equal('');
    await poll('no socket is open', () => stage!.tcp.open === 0);
    expect(stage.clock.pendingTimers).to.equal(0);
  });

  it('a leader whose wall clock jumps by an hour, forth and back, keeps the Lease and goes on working', async () => {
    const done: string[] = [];
    @Handler()
    class Names {
      @Reconcile(Part, { failure: { condition: false, event: false } })
      async reconcile({ metadata }: Part): Promise<void> {
        done.push(metadata!.name!);
      }
    }
    stage = await Stage.set(controlPlane, { handlers: [Names], lease: 'jumping' });
    await stage.until('it leads', () => done.length === 3);
    for (const [jumpMs, name] of [
      [3_600_000, 'd'],
      [-7_200_000, 'e'],
    ] as const) {
      stage.clock.jumpWallClock(jumpMs);
      await stage.pass(30_000);
      await create(name);
      await stage.until('it works', () => done.includes(name));
    }

    const lease = (await call(direct, 'GET', '/apis/coordination.k8s.io/v1/namespaces/default/leases/jumping')).body;
    expect((lease['spec'] as Json)['leaseTransitions'] ?? 0).to.equal(0);
    expect(stage.log.lines.map(({ message }) => message)).not.to.include('leadership lost');
  });

  it('delivers what comes late or byte by byte', async () => {
    stage = await Stage.set(controlPlane);
    stage.tcp.delay(300);
    await create('d');
    await stage.until('the late event is heard', () => stage!.heard.includes('ADDED d'));
    stage.tcp.delay(0);
    stage.http.faults.add({ on: WATCH, do: slowBytes(2_000) });
    stage.tcp.reset();
    await create('e');
    await stage.until('the slow event is heard', () => stage!.heard.includes('ADDED e'));

    expect(stage.heard).to.deep.equal(['ADDED d', 'ADDED e']);
  });

  it('lists again when a refused server is back after a minute, and has lost no delete', async () => {
    stage = await Stage.set(controlPlane);
    await stage.tcp.refuse();
    stage.tcp.reset();
    await remove('b');
    await stage.pass(60_000);
    expect([...stage.operator.cluster.store(Part).list()]).to.have.length(3);
    await stage.tcp.heal();
    await stage.until('the delete is heard', () => stage!.heard.length > 0);

    expect(stage.heard).to.have.length(1);
    expect(stage.heard[0]).to.match(/^DELETED b/);
  });

  it('kinds whose definitions come and go, in one version and another, have their handlers start and stop with them', async () => {
    const runs: string[] = [];
    const handlers = GADGETS.map((gadgets) => {
      @Handler({ id: `Of${gadgets.kind}` })
      class OfGadgets {
        @Reconcile(gadgets)
        async reconcile({ kind, apiVersion, metadata }: KubernetesObject): Promise<void> {
          runs.push(`${kind} ${apiVersion} ${metadata?.name}`);
        }
      }
      return OfGadgets;
    });
    stage = await Stage.set(controlPlane, { handlers });
    const { cluster } = stage.operator;
    const expected: string[] = [];
    const sockets: number[] = [];
    let heapBytes = 0;
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      const version = cycle % 2 === 0 ? 'v1' : 'v1beta1';
      await Promise.all(
        GADGETS.map(async (gadgets) => {
          const path = `/apis/example.org/${version}/namespaces/default/${gadgets.plural}`;
          const body = { apiVersion: `example.org/${version}`, kind: gadgets.kind, metadata: { name: `g${cycle}` } };
          await call(direct, 'POST', CRDS, { body: definitionOf(gadgets, version) });
          const isCreated = async (): Promise<boolean> => (await call(direct, 'POST', path, { body })).status === 201;
          await poll(`a ${gadgets.kind} is created`, isCreated, { intervalMs: 200 });
          expected.push(`${gadgets.kind} example.org/${version} g${cycle}`);
        }),
      );
      await stage.until('every handler runs', () => runs.length >= expected.length);
      await Promise.all(GADGETS.map(({ plural }) => call(direct, 'DELETE', `${CRDS}/${plural}.example.org`)));
      await stage.until('the kinds are gone', () => GADGETS.every((kind) => !cluster.serves(kind) && cluster.store(kind).size === 0));
      const areGone = async (): Promise<boolean> => ((await call(direct, 'GET', CRDS)).body['items'] as unknown[]).length === 1;
      await poll('the definitions are gone', areGone, { intervalMs: 200 });
      if (cycle < 2) sockets.push(stage.tcp.open);
      if (cycle === 1) heapBytes = await usedHeapBytes();
    }

    expect(runs.sort()).to.deep.equal(expected.sort());
    // How many calls ran side by side, and left a connection that closes when it was idle for a while, is a matter of chance.
    await stage.until('no more sockets are open than at first', () => stage!.tcp.open <= Math.max(...sockets));
    expect((await usedHeapBytes()) - heapBytes).to.be.lessThan(10 * 1024 * 1024);
  });
});
