import { expect } from 'chai';
import fc from 'fast-check';
import { ApplyMemo, hashOf } from '../../../../src/framework/client/apply-memo';
import { contains } from '../../../../src/framework/client/containment';
import { movedFields } from '../../../../src/framework/client/field-manager-migration';
import type { KubernetesObject } from '../../../../src/framework/kinds/object';
import { aWidget, type Bench, bench, Settings, WIDGET_PATH, Widget } from './fixtures';
import { errorOf, failure, json, type Received, TestServer } from './test-server';

const OWNER = { apiVersion: 'example.org/v1', kind: 'Widget', metadata: { name: 'owner', namespace: 'ns', uid: 'owner-uid' } };

describe('writing rules', () => {
  let server: TestServer;
  let current: Bench;
  const desired = { metadata: { name: 'w', namespace: 'ns', labels: { app: 'a' } }, spec: { size: 1 } };
  const live = (overrides: Parameters<typeof aWidget>[0] = {}): ReturnType<typeof aWidget> =>
    aWidget({ ...overrides, metadata: { labels: { app: 'a', more: 'b' }, ...overrides.metadata } });
  const steps = (): string[] => server.received.map(({ method, query }) => `${method}${query['dryRun'] === undefined ? '' : ' dry'}`);

  beforeEach(async () => {
    server = await TestServer.start();
    current = bench(server.url);
  });
  afterEach(async () => {
    current.transport.close();
    await server.stop();
  });

  describe('applyIfChanged', () => {
    it('creates what is absent', async () => {
      server.answer = ({ method }, response) =>
        method === 'GET' ? failure(response, 404, 'NotFound', 'no') : json(response, 201, aWidget());

      const { changed } = await current.client.applyIfChanged(Widget, desired);

      expect(changed).to.equal(true);
      expect(steps()).to.deep.equal(['GET', 'PATCH']);
    });

    it('applies at once when the live object lacks something', async () => {
      server.answer = (_request, response) => json(response, 200, live({ metadata: { resourceVersion: '11', generation: 2 } }));

      const { changed } = await current.client.applyIfChanged(Widget, desired, { live: live({ spec: { size: 7 } }) });

      expect(changed).to.equal(true);
      expect(steps()).to.deep.equal(['PATCH']);
    });

    it('asks by a dry run when everything is there, and writes nothing when the answer is equal', async () => {
      server.answer = (_request, response) =>
        json(response, 200, live({ metadata: { managedFields: [{ manager: 'x' }], resourceVersion: '99', generation: 3 } }));

      const { changed } = await current.client.applyIfChanged(Widget, desired, { live: live() });

      expect(changed).to.equal(false);
      expect(steps()).to.deep.equal(['PATCH dry']);
    });

    it('takes a status that moved since the cache saw it for no difference', async () => {
      server.answer = (_request, response) => json(response, 200, live({ status: { ready: true }, metadata: { resourceVersion: '11' } }));

      const { changed } = await current.client.applyIfChanged(Widget, desired, { live: live({ status: { ready: false } }) });

      expect(changed).to.equal(false);
      expect(steps()).to.deep.equal(['PATCH dry']);
    });

    it('writes when the dry run shows a difference', async () => {
      server.answer = (_request, response) => json(response, 200, live({ spec: {}, metadata: { resourceVersion: '11' } }));

      const { changed } = await current.client.applyIfChanged(Widget, desired, { live: live({ spec: { size: 1, color: 'ours before' } }) });

      expect(changed).to.equal(true);
      expect(steps()).to.deep.equal(['PATCH dry', 'PATCH']);
    });

    it('applies when a webhook with side effects refuses dry runs', async () => {
      server.answer = ({ query }, response) =>
        query['dryRun'] === undefined
          ? json(response, 200, live())
          : failure(response, 400, 'BadRequest', 'admission webhook "x" does not support dry run');

      const { changed } = await current.client.applyIfChanged(Widget, desired, { live: live() });

      expect(changed).to.equal(false);
      expect(steps()).to.deep.equal(['PATCH dry', 'PATCH']);
    });

    it('does not ask again while desired state, UID, generation, labels and annotations stay', async () => {
      server.answer = (_request, response) => json(response, 200, live());
      await current.client.applyIfChanged(Widget, desired, { live: live() });
      const asked = server.received.length;

      await current.client.applyIfChanged(Widget, desired, {
        live: live({ metadata: { resourceVersion: '50' }, status: { ready: true } }),
      });
      expect(server.received).to.have.length(asked);

      for (const change of [{ uid: 'uid-2' }, { generation: 2 }, { labels: {} }]) {
        const before: number = server.received.length;
        server.answer = (_request, response) => json(response, 200, live());
        await current.client.applyIfChanged(Widget, desired, { live: live({ metadata: change }) });
        expect(server.received.length, JSON.stringify(change)).to.be.greaterThan(before);
      }
    });

    it('notices that an owner was taken off, which moves no generation', async () => {
      const owner = { apiVersion: 'v1', kind: 'Owner', name: 'o', uid: 'uid-o', controller: true };
      const owned = { ...desired, metadata: { ...desired.metadata, ownerReferences: [owner] } };
      server.answer = (_request, response) => json(response, 200, live({ metadata: { ownerReferences: [owner] } }));
      await current.client.applyIfChanged(Widget, owned, { live: live({ metadata: { ownerReferences: [owner] } }) });
      const asked = server.received.length;

      await current.client.applyIfChanged(Widget, owned, { live: live({ metadata: { ownerReferences: [owner] } }) });
      expect(server.received).to.have.length(asked);
      await current.client.applyIfChanged(Widget, owned, {
        live: live({ metadata: { ownerReferences: [{ ...owner, controller: false }] } }),
      });
      expect(steps().slice(asked)).to.deep.equal(['PATCH']);
    });

    it('watches the resourceVersion of kinds that keep no generation', async () => {
      const settings = (resourceVersion: string): KubernetesObject => ({
        metadata: { name: 'w', namespace: 'ns', uid: 'u', resourceVersion },
      });
      server.answer = (_request, response) => json(response, 200, settings('1'));
      const wanted = { metadata: { name: 'w', namespace: 'ns' } };
      await current.client.applyIfChanged(Settings, wanted, { live: settings('1') });

      await current.client.applyIfChanged(Settings, wanted, { live: settings('1') });
      expect(server.received).to.have.length(1);
      await current.client.applyIfChanged(Settings, wanted, { live: settings('2') });

      expect(server.received).to.have.length(2);
    });

    it('does not fight a webhook that changes what we apply', async () => {
      const changedByWebhook = live({ spec: { size: 5 }, metadata: { resourceVersion: '11', generation: 2 } });
      server.answer = (_request, response) => json(response, 200, changedByWebhook);
      await current.client.applyIfChanged(Widget, desired, { live: live({ spec: { size: 3 } }) });

      await current.client.applyIfChanged(Widget, desired, { live: changedByWebhook });

      expect(steps()).to.deep.equal(['PATCH']);
    });

    it('takes the live object from the cache, unless the cache trims the kind', async () => {
      server.answer = (_request, response) => json(response, 200, live());
      const cached = <T>(): T => live() as T;
      const client = current.client.derive({ cached });

      await client.applyIfChanged(Widget, desired);
      await client.applyIfChanged({ ...Widget, trim: (object) => object }, { ...desired, spec: { size: 1, color: 'x' } });

      expect(steps()).to.deep.equal(['PATCH dry', 'GET', 'PATCH']);
    });
  });

  it('forgets the least recently used memo first', () => {
    const memo = new ApplyMemo(2);
    const object = aWidget();
    memo.remember('a', 'h', object);
    memo.remember('b', 'h', object);
    memo.holds('a', 'h', object);
    memo.remember('c', 'h', object);

    expect([memo.holds('a', 'h', object), memo.holds('b', 'h', object), memo.holds('c', 'h', object)]).to.deep.equal([true, false, true]);
    expect(memo.size).to.equal(2);
  });

  it('hashes equal content equally, whatever the order of fields', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (fields) => {
        const reversed = Object.fromEntries(Object.entries(fields).reverse());
        expect(hashOf(reversed)).to.equal(hashOf(fields));
      }),
    );
    expect(hashOf({ a: 1 })).not.to.equal(hashOf({ a: '1' }));
  });

  it('finds every object contained in itself, and in itself with more', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), (fields, extra) => {
        expect(contains(fields, fields)).to.equal(true);
        if (!(extra in fields)) expect(contains({ ...fields, [extra]: 1 }, fields)).to.equal(true);
        if (!Object.hasOwn(fields, extra) && extra !== '__proto__') expect(contains(fields, { ...fields, [extra]: 1 })).to.equal(false);
      }),
    );
  });

  describe('applyChild', () => {
    const child = { metadata: { name: 'w', namespace: 'ns' }, spec: { size: 1 } };

    it('sets owner and label, and forces', async () => {
      server.answer = (_request, response) => json(response, 200, aWidget());

      await current.client.applyChild(OWNER, Widget, child, { live: 'absent' });

      const [request] = server.received;
      expect(request?.query).to.include({ force: 'true' });
      expect((request!.body as KubernetesObject).metadata).to.deep.equal({
        name: 'w',
        namespace: 'ns',
        labels: { 'app.kubernetes.io/managed-by': 'virt-steward' },
        ownerReferences: [
          { apiVersion: 'example.org/v1', kind: 'Widget', name: 'owner', uid: 'owner-uid', controller: true, blockOwnerDeletion: true },
        ],
      });
    });

    it('leaves an object alone that has neither our owner nor our label, and says whose it is', async () => {
      const theirs = aWidget({ metadata: { labels: { 'app.kubernetes.io/managed-by': 'Helm' } } });

      const error = await errorOf(current.client.applyChild(OWNER, Widget, child, { live: theirs }));

      expect(error['code']).to.equal('NOT_OURS');
      expect(error.message).to.equal('Widget ns/w exists and is not ours: managed by "Helm", no controlling owner');
      expect(server.received).to.deep.equal([]);
    });

    it('does not take the owner of the same name but another UID for ours', async () => {
      const reference = { apiVersion: 'example.org/v1', kind: 'Widget', name: 'owner', uid: 'another', controller: true };

      const error = await errorOf(
        current.client.applyChild(OWNER, Widget, child, { live: aWidget({ metadata: { ownerReferences: [reference] } }) }),
      );

      expect(error.message).to.include('no managed-by label, controlled by Widget owner');
    });

    it('adopts objects that an older operator labelled', async () => {
      server.answer = (_request, response) => json(response, 200, aWidget());
      const { client, transport } = bench(server.url, { client: { adoptedManagers: ['wol-operator'] } });
      const theirs = aWidget({ metadata: { labels: { 'app.kubernetes.io/managed-by': 'wol-operator' } } });

      await client.applyChild(OWNER, Widget, child, { live: theirs });
      transport.close();

      expect(server.count('PATCH')).to.be.greaterThan(0);
    });

    const impossible = [
      ['an owner in another cluster', OWNER, child, { ownerCluster: 'remote' }, 'the owner lives in cluster remote, the child in local'],
      [
        'an owner in another namespace',
        OWNER,
        { metadata: { name: 'w', namespace: 'other' } },
        {},
        'owner and child must share a namespace',
      ],
      ['an owner without UID', { ...OWNER, metadata: { name: 'owner' } }, child, {}, 'the owner needs apiVersion, kind, name and uid'],
    ] as const;
    for (const [what, owner, object, options, text] of impossible) {
      it(`refuses ${what}`, async () => {
        const error = await errorOf(current.client.applyChild(owner as KubernetesObject, Widget, object as KubernetesObject, options));

        expect(error).to.include({ code: 'PERMANENT', reason: 'InvalidOwner' });
        expect(error.message).to.include(text);
        expect(server.received).to.deep.equal([]);
      });
    }
  });

  describe('finalizers', () => {
    const withFinalizers = (finalizers?: string[], metadata: object = {}): ReturnType<typeof aWidget> =>
      aWidget({ metadata: { ...(finalizers === undefined ? {} : { finalizers }), ...metadata } });

    it('are put on an empty list with a test that it is still empty', async () => {
      server.answer = (_request, response) => json(response, 200, withFinalizers(['x/y']));

      await current.client.addFinalizer(Widget, withFinalizers(), 'x/y');

      expect(server.received[0]?.body).to.deep.equal([
        { op: 'test', path: '/metadata/uid', value: 'uid-1' },
        { op: 'test', path: '/metadata/finalizers', value: null },
        { op: 'add', path: '/metadata/finalizers', value: ['x/y'] },
      ]);
    });

    it('are appended with a test of the list seen', async () => {
      await current.client.addFinalizer(Widget, withFinalizers(['a/b']), 'x/y');

      expect((server.received[0]!.body as unknown[]).slice(1)).to.deep.equal([
        { op: 'test', path: '/metadata/finalizers', value: ['a/b'] },
        { op: 'add', path: '/metadata/finalizers/-', value: 'x/y' },
      ]);
    });

    it('are taken off by their place with a test of what stands there', async () => {
      await current.client.removeFinalizer(Widget, withFinalizers(['a/b', 'x/y']), 'x/y');

      expect((server.received[0]!.body as unknown[]).slice(1)).to.deep.equal([
        { op: 'test', path: '/metadata/finalizers/1', value: 'x/y' },
        { op: 'remove', path: '/metadata/finalizers/1' },
      ]);
    });

    it('cost no request when they are as wanted, or when the object is being deleted', async () => {
      const on = withFinalizers(['x/y']);
      const terminating = withFinalizers([], { deletionTimestamp: '2026-01-01T00:00:00Z' });

      expect(await current.client.addFinalizer(Widget, on, 'x/y')).to.equal(on);
      expect(await current.client.removeFinalizer(Widget, withFinalizers(), 'x/y')).not.to.equal(undefined);
      expect(await current.client.addFinalizer(Widget, terminating, 'x/y')).to.equal(terminating);
      expect(server.received).to.deep.equal([]);
    });

    for (const status of [409, 422]) {
      it(`are tried again on a fresh read after ${status}`, async () => {
        let patches = 0;
        server.answer = ({ method }, response) => {
          if (method === 'GET') return json(response, 200, withFinalizers(['a/b']));
          if (++patches === 1)
            return failure(response, status, 'Invalid', 'the server rejected our request due to an error in our request');
          json(response, 200, withFinalizers(['a/b', 'x/y']));
        };

        const result = await current.client.addFinalizer(Widget, withFinalizers(), 'x/y');

        expect(result?.metadata?.finalizers).to.deep.equal(['a/b', 'x/y']);
        expect(server.received.map(({ method }) => method)).to.deep.equal(['PATCH', 'GET', 'PATCH']);
      });
    }

    it('give up after the fifth failed test', async () => {
      server.answer = ({ method }, response) =>
        method === 'GET' ? json(response, 200, withFinalizers()) : failure(response, 422, 'Invalid', 'test failed');

      expect((await errorOf(current.client.addFinalizer(Widget, withFinalizers(), 'x/y')))['code']).to.equal('INVALID');
      expect(server.count('PATCH')).to.equal(5);
    });

    it('take a missing object, or another of the same name, for gone', async () => {
      server.answer = (_request, response) => failure(response, 404, 'NotFound', 'no');
      expect(await current.client.removeFinalizer(Widget, withFinalizers(['x/y']), 'x/y')).to.equal(undefined);

      server.answer = ({ method }, response) =>
        method === 'GET'
          ? json(response, 200, withFinalizers(['x/y'], { uid: 'uid-2' }))
          : failure(response, 422, 'Invalid', 'test failed');
      expect(await current.client.removeFinalizer(Widget, withFinalizers(['x/y']), 'x/y')).to.equal(undefined);

      expect(server.count('PATCH')).to.equal(2);
    });
  });

  describe('moving field managers', () => {
    const entry = (manager: string, operation: string, fieldsV1: object, subresource?: string): object => ({
      manager,
      operation,
      apiVersion: 'v1',
      fieldsType: 'FieldsV1',
      fieldsV1,
      ...(subresource === undefined ? {} : { subresource }),
    });

    it('joins old entries with ours and keeps strangers', () => {
      const before = [
        entry('virt-steward', 'Apply', { 'f:spec': { 'f:a': {} } }),
        entry('old', 'Update', { 'f:spec': { 'f:b': {} }, 'f:metadata': { 'f:finalizers': {}, 'f:labels': {} } }),
        entry('kubectl', 'Update', { 'f:spec': { 'f:c': {} } }),
      ];

      expect(movedFields(before, ['old'], 'virt-steward')).to.deep.equal([
        entry('virt-steward', 'Apply', { 'f:spec': { 'f:a': {}, 'f:b': {} }, 'f:metadata': { 'f:labels': {} } }),
        entry('kubectl', 'Update', { 'f:spec': { 'f:c': {} } }),
      ]);
    });

    it('keeps status apart', () => {
      const moved = movedFields([entry('old', 'Update', {}), entry('old', 'Update', { 'f:status': {} }, 'status')], ['old'], 'us');

      expect(moved).to.deep.equal([entry('us', 'Apply', {}), entry('us', 'Apply', { 'f:status': {} }, 'status')]);
    });

    it('has nothing to do the second time', () => {
      const once = movedFields([entry('old', 'Update', {})], ['old'], 'us');

      expect(movedFields(once!, ['old'], 'us')).to.equal(undefined);
    });

    it('reads the object when a cache has stripped what it needs', async () => {
      server.answer = ({ method }: Received, response) =>
        json(
          response,
          200,
          aWidget({ metadata: method === 'GET' ? { managedFields: [entry('old', 'Update', {})] } : { resourceVersion: '11' } }),
        );

      const moved = await current.client.migrateFieldManager(Widget, aWidget(), ['old']);

      expect(moved?.metadata?.resourceVersion).to.equal('11');
      expect(server.received[1]).to.include({ method: 'PATCH', path: WIDGET_PATH });
      expect(server.received[1]?.body).to.deep.include({ op: 'test', path: '/metadata/resourceVersion', value: '10' });
    });
  });
});
