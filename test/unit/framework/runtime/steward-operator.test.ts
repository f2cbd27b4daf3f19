import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ConfigError, ConflictError, type OperatorEvent, type OperatorOptions, StewardOperator } from '../../../../src/framework';
import { closeAtOnce, status, type TestOperator } from '../../../../src/framework/testing';
import { aPart, aWorld, endWorlds, Part, type World } from '../faults/world';

type OnEvent = (event: OperatorEvent) => Promise<void>;

/** What a user of @dot-i/k8s-operator would write, with the protected members within reach. */
class UserOperator extends StewardOperator {
  watches: { onEvent: OnEvent; namespace?: string }[] = [];
  initialized = 0;

  protected override async init(): Promise<void> {
    await super.init();
    this.initialized++;
    for (const { onEvent, namespace } of this.watches) await this.watchResource('example.org', 'v1', 'parts', onEvent, namespace);
  }

  get core() {
    return this.k8sApi;
  }
  uri = (namespace?: string): string => this.getCustomResourceApiUri('example.org', 'v1', 'parts', namespace);
  setStatus = (event: OperatorEvent, value: unknown) => this.setResourceStatus(event.meta, value);
  patchStatus = (event: OperatorEvent, value: unknown) => this.patchResourceStatus(event.meta, value);
  finalize = (event: OperatorEvent, name: string, action: OnEvent) => this.handleResourceFinalizer(event, name, action);
  setFinalizers = (event: OperatorEvent, names: string[]) => this.setResourceFinalizers(event.meta, names);
  register = (file: string) => this.registerCustomResourceDefinition(file);
  axios = () => this.applyAxiosKubeConfigAuth();
  gaxios = () => this.applyGaxiosKubeConfigAuth();
}

const FINALIZER = 'example.org/mine';

async function running(...watches: UserOperator['watches']): Promise<World & { test: TestOperator; user: UserOperator }> {
  const world = await aWorld();
  const create = (options: OperatorOptions): UserOperator => Object.assign(new UserOperator(options), { watches });
  const test = await world.start({ handlers: [], create });
  return { ...world, test, user: test.operator as UserOperator };
}

/** An operator and the last event of a part. */
async function withPart(part = aPart('a')) {
  let last: OperatorEvent | undefined;
  const world = await running({
    onEvent: async (event) => {
      last = event;
    },
  });
  world.server.objects.create(Part, part);
  await world.test.settle();
  return { ...world, event: () => last! };
}

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );
const finalizersOf = ({ server }: World): readonly string[] | undefined => server.objects.get(Part, 'default/a')?.metadata?.finalizers;

describe('StewardOperator as a user of @dot-i/k8s-operator extends it', () => {
  afterEach(endWorlds);

  it('constructor: the client of the base talks to our API server', async () => {
    const { server, start } = await aWorld({ tls: true });
    const user = (await start({ handlers: [], create: (options) => new UserOperator(options) })).operator as UserOperator;
    await user.core.listNamespace();

    expect(server.journal.count({ resource: 'namespaces', verb: 'list' })).to.equal(1);
  });

  it('constructor: says what is wrong with KUBECONFIG before the base trips over it', () => {
    const { KUBECONFIG: before } = process.env;
    process.env['KUBECONFIG'] = '/nowhere/kubeconfig';
    try {
      const text = 'kubeconfig /nowhere/kubeconfig: cannot be read: no such file';
      expect(() => new UserOperator({ name: 'test', handlers: [] })).to.throw(ConfigError, text);
    } finally {
      if (before === undefined) delete process.env['KUBECONFIG'];
      else process.env['KUBECONFIG'] = before;
    }
  });

  it('start: calls init once', async () => {
    expect((await running()).user.initialized).to.equal(1);
  });

  it('stop: ends watches in order, leaves nothing behind and does not end the process', async () => {
    const { test, clock, server } = await running({ onEvent: async () => undefined });
    expect(server.openWatches).to.be.above(0);

    expect(await test.stop()).to.equal(0);
    await test.settle();
    expect([clock.pendingTimers, server.openSockets]).to.deep.equal([0, 0]);
  });

  it('watchResource: hands on objects that are there, changes and deletes, with the meta of the base', async () => {
    const told: string[] = [];
    const { server, test } = await running({
      onEvent: async ({ type, meta }) => void told.push(`${type} ${meta.id} ${meta.namespace}/${meta.name}`),
    });
    server.objects.create(Part, aPart('a'));
    await test.settle();
    server.objects.update(Part, 'default/a', (part) => Object.assign(part, { spec: { size: 2 } }));
    await test.settle();
    server.objects.delete(Part, 'default/a');
    await test.settle();

    const id = 'parts.example.org/v1 default/a';
    expect(told).to.deep.equal([`ADDED ${id}`, `MODIFIED ${id}`, `DELETED ${id}`]);
  });

  it('watchResource: a delete in a gap is told, and a reconnect replays nothing', async () => {
    const told: string[] = [];
    const { server, test } = await running({ onEvent: async ({ type, meta }) => void told.push(`${type} ${meta.name}`) });
    for (const name of ['a', 'b']) server.objects.create(Part, aPart(name));
    await test.advance(10_000);
    told.length = 0;
    server.faults.strike({ kind: Part }, closeAtOnce());
    server.objects.delete(Part, 'default/b');
    await test.advance(5_000);

    expect(told).to.deep.equal(['DELETED b']);
  });

  it('watchResource: a callback that throws is repeated with the same event, and does not end the process', async () => {
    const told: string[] = [];
    const { server, test } = await running({
      onEvent: async ({ type }) => {
        told.push(type);
        if (told.length < 3) throw new Error('not yet');
      },
    });
    server.objects.create(Part, aPart('a'));
    await test.advance(10_000);

    expect(told).to.deep.equal(['ADDED', 'ADDED', 'ADDED']);
  });

  it('watchResource: callbacks of one object wait for each other, those of others do not', async () => {
    const begun: string[] = [];
    let finish: () => void = () => undefined;
    const { server, test } = await running({
      onEvent: async ({ type, meta }) => {
        begun.push(`${type} ${meta.name}`);
        if (meta.name === 'slow') await new Promise<void>((resolve) => (finish = resolve));
      },
    });
    server.objects.create(Part, aPart('slow'));
    await test.settle();
    server.objects.delete(Part, 'default/slow');
    server.objects.create(Part, aPart('quick'));
    await test.settle();
    expect(begun).to.deep.equal(['ADDED slow', 'ADDED quick']);

    finish();
    await test.settle();
    expect(begun.at(-1)).to.equal('DELETED slow');
  });

  it('watchResource: a change during a callback is told after it, with the newest object', async () => {
    const seen: (number | undefined)[] = [];
    let finish: () => void = () => undefined;
    const { server, test } = await running({
      onEvent: async ({ object }) => {
        seen.push((object as unknown as Part).spec?.size);
        if (seen.length === 1) await new Promise<void>((resolve) => (finish = resolve));
      },
    });
    server.objects.create(Part, aPart('a', 1));
    await test.settle();
    for (const size of [2, 3]) server.objects.update(Part, 'default/a', (part) => Object.assign(part, { spec: { size } }));
    await test.settle();
    finish();
    await test.settle();

    expect(seen).to.deep.equal([1, 3]);
  });

  it('watchResource: a second namespace is watched beside the first', async () => {
    const told: string[] = [];
    const onEvent: OnEvent = async ({ meta }) => void told.push(`${meta.namespace}/${meta.name}`);
    const { server, test } = await running({ onEvent, namespace: 'one' }, { onEvent, namespace: 'two' });
    for (const namespace of ['one', 'two', 'three']) server.objects.create(Part, { metadata: { namespace, name: 'a' } });
    await test.settle();

    expect(told.sort()).to.deep.equal(['one/a', 'two/a']);
  });

  it('watchResource: begins when the resource is served, without a restart', async () => {
    const told: string[] = [];
    const world = await aWorld({ kinds: [] });
    const watches = [{ onEvent: async ({ meta }: OperatorEvent) => void told.push(meta.name) }];
    const test = await world.start({ handlers: [], create: (options) => Object.assign(new UserOperator(options), { watches }) });
    await test.advance(30_000);
    world.server.serve(Part);
    world.server.objects.create(Part, aPart('a'));
    await test.advance(10_000);

    expect(told).to.deep.equal(['a']);
  });

  it('getCustomResourceApiUri: names server, group, version, namespace and plural', async () => {
    const { user, test } = await running();
    const base = `http://127.0.0.1:${test.proxy.port}/apis/example.org/v1`;

    expect([user.uri(), user.uri('default')]).to.deep.equal([`${base}/parts`, `${base}/namespaces/default/parts`]);
  });

  it('setResourceStatus: replaces the status, also after conflicts, and tells the new version', async () => {
    const { user, event, server } = await withPart({ ...aPart('a'), status: { size: 1, observedGeneration: 1 } });
    const conflicts = server.faults.add({ on: { subresource: 'status' }, do: status(409, { reason: 'Conflict' }), times: 3 });
    const meta = await user.setStatus(event(), { size: 2 });

    expect(conflicts.strikes).to.equal(3);
    const live = server.objects.get(Part, 'default/a');
    expect(live?.status).to.deep.equal({ size: 2 });
    expect(meta).to.include({ name: 'a', resourceVersion: live?.metadata?.resourceVersion });
  });

  it('setResourceStatus: rejects with a typed error when conflicts persist, and yields null when the object is gone', async () => {
    const { user, event, server } = await withPart();
    const conflicts = server.faults.add({ on: { subresource: 'status' }, do: status(409, { reason: 'Conflict' }), times: 99 });
    expect(await failureOf(user.setStatus(event(), { size: 2 }))).to.be.instanceOf(ConflictError);

    conflicts.remove();
    server.objects.delete(Part, 'default/a');
    expect(await user.setStatus(event(), { size: 2 })).to.equal(null);
  });

  it('patchResourceStatus: merges, and rejects with what the server said', async () => {
    const { user, event, server } = await withPart({ ...aPart('a'), status: { size: 1, observedGeneration: 1 } });
    await user.patchStatus(event(), { size: 2 });
    expect(server.objects.get(Part, 'default/a')?.status).to.deep.equal({ size: 2, observedGeneration: 1 });

    server.faults.add({ on: { subresource: 'status' }, do: status(403) });
    expect(await failureOf(user.patchStatus(event(), { size: 3 }))).to.include({ code: 'FORBIDDEN' });
    server.objects.delete(Part, 'default/a');
    expect(await user.patchStatus(event(), { size: 2 })).to.equal(null);
  });

  it('handleResourceFinalizer: puts it on beside others, runs the action once the object is deleted, and takes off only its own', async () => {
    const world = await withPart({ ...aPart('a'), metadata: { name: 'a', namespace: 'default', finalizers: ['example.org/theirs'] } });
    const { user, event, server, test } = world;
    const cleaned: string[] = [];
    const handle = (): Promise<boolean> => user.finalize(event(), FINALIZER, async ({ meta }) => void cleaned.push(meta.name));
    expect(await handle()).to.equal(true);
    expect(finalizersOf(world)).to.deep.equal(['example.org/theirs', FINALIZER]);
    await test.settle();
    expect(await handle()).to.equal(false);

    server.objects.delete(Part, 'default/a');
    await test.settle();
    expect(await handle()).to.equal(true);
    expect(cleaned).to.deep.equal(['a']);
    expect(finalizersOf(world)).to.deep.equal(['example.org/theirs']);
  });

  it('handleResourceFinalizer: rejects when the finalizer cannot be written, and keeps it when the action fails', async () => {
    const world = await withPart();
    const { user, event, server, test } = world;
    const refusal = server.faults.add({ on: { verb: 'patch', kind: Part }, do: status(403), times: 99 });
    expect(await failureOf(user.finalize(event(), FINALIZER, async () => undefined))).to.include({ code: 'FORBIDDEN' });
    refusal.remove();

    await user.finalize(event(), FINALIZER, async () => undefined);
    server.objects.delete(Part, 'default/a');
    await test.settle();
    const failure = await failureOf(user.finalize(event(), FINALIZER, () => Promise.reject(new Error('clean-up failed'))));
    expect(failure).to.have.property('message', 'clean-up failed');
    expect(finalizersOf(world)).to.deep.equal([FINALIZER]);
  });

  it('setResourceFinalizers: replaces the list of exactly the object it was told of', async () => {
    const world = await withPart();
    const { user, event, server, test } = world;
    await user.setFinalizers(event(), ['example.org/one']);
    expect(finalizersOf(world)).to.deep.equal(['example.org/one']);
    await test.settle();

    const known = event();
    server.objects.update(Part, 'default/a', (part) => Object.assign(part, { spec: { size: 9 } }));
    expect(await failureOf(user.setFinalizers(known, []))).to.be.instanceOf(ConflictError);
    expect(finalizersOf(world)).to.deep.equal(['example.org/one']);
  });

  describe('registerCustomResourceDefinition', () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'steward-crd-'));
    });
    afterEach(() => rm(folder, { recursive: true }));

    const file = async (text: string): Promise<string> => {
      await writeFile(join(folder, 'crd.yaml'), text);
      return join(folder, 'crd.yaml');
    };

    it('applies the definition and resolves when it is served', async () => {
      const { user, server } = await running();
      const schema = { openAPIV3Schema: { type: 'object' } };
      const names = { kind: 'Gadget', plural: 'gadgets' };
      const spec = { group: 'example.org', scope: 'Namespaced', names, versions: [{ name: 'v1', served: true, storage: true, schema }] };
      const crd = {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'gadgets.example.org' },
        spec,
      };
      const registered = await user.register(await file(JSON.stringify(crd)));

      expect(registered).to.include({ group: 'example.org', plural: 'gadgets' });
      expect(registered.versions.map(({ name }) => name)).to.deep.equal(['v1']);
      const answer = await fetch(`${server.url}/apis/example.org/v1/gadgets`);
      expect(answer.status).to.equal(200);
    });

    it('refuses a file that holds something else, naming the file', async () => {
      const { user } = await running();
      const path = await file('kind: ConfigMap');
      const failure = await failureOf(user.register(path));
      expect((failure as Error).message).to.equal(`${path} is not a CustomResourceDefinition of apiextensions.k8s.io/v1`);
    });
  });

  it('applyAxiosKubeConfigAuth, applyGaxiosKubeConfigAuth: reject and name what to use', async () => {
    const { user } = await running();
    for (const call of [user.axios, user.gaxios]) {
      expect(((await failureOf(call())) as Error).message).to.match(/is not supported: use this\.cluster\.client$/);
    }
  });
});
