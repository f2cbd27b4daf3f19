import { expect } from 'chai';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane';
import { Handler, Reconcile, type ReconcileContext } from '../../../src/framework';
import { defineKind } from '../../../src/framework/kinds/kind';
import type { KubernetesObject } from '../../../src/framework/kinds/object';
import { closeAtOnce, slowBytes, status } from '../../../src/framework/testing';
import { poll } from '../../harness/poll';
import { aPart, Part } from '../../unit/framework/faults/world';
import { call, type Json, type ServerUnderTest } from '../../unit/framework/testing/http-client';
import { installParts, PARTS } from './parts';
import { Stage } from './stage';

const WATCH = { verb: 'watch', kind: Part } as const;
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const Gadget = defineKind<KubernetesObject>('example.org/v1', 'Gadget', 'gadgets', { scope: 'Namespaced', status: false, optional: true });
const GADGETS_CRD: Json = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'gadgets.example.org' },
  spec: {
    group: 'example.org',
    names: { kind: 'Gadget', plural: 'gadgets' },
    scope: 'Namespaced',
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
};
describe('faults of the network before a real API server', function () {
  this.timeout(60_000);

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

  it('a kind whose definition comes and goes five times has its handlers start and stop with it', async () => {
    const runs: string[] = [];
    @Handler()
    class Gadgets {
      @Reconcile(Gadget)
      async reconcile(gadget: KubernetesObject): Promise<void> {
        runs.push(gadget.metadata?.name ?? '');
      }
    }
    stage = await Stage.set(controlPlane, { handlers: [Gadgets] });
    const { cluster } = stage.operator;
    const gadgets = '/apis/example.org/v1/namespaces/default/gadgets';
    for (let cycle = 0; cycle < 5; cycle++) {
      await call(direct, 'POST', CRDS, { body: GADGETS_CRD });
      await poll('gadgets are served', async () => (await call(direct, 'GET', gadgets)).status === 200);
      const body = { apiVersion: Gadget.apiVersion, kind: Gadget.kind, metadata: { name: `g${cycle}` } };
      await poll('a gadget is created', async () => (await call(direct, 'POST', gadgets, { body })).status === 201);
      await stage.until('the handler runs', () => runs.at(-1) === `g${cycle}`);
      await call(direct, 'DELETE', `${CRDS}/gadgets.example.org`);
      await stage.until('the kind is gone', () => !cluster.serves(Gadget) && cluster.store(Gadget).size === 0);
      await poll('the definition is gone', async () => (await call(direct, 'GET', `${CRDS}/gadgets.example.org`)).status === 404);
    }

    expect(runs).to.deep.equal(['g0', 'g1', 'g2', 'g3', 'g4']);
  });
});
