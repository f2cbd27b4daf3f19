import { expect } from 'chai';
import type { WriteSample } from '../../../../src/framework/client';
import { NotLeaderError } from '../../../../src/framework/errors/refusal-errors';
import type { Kind } from '../../../../src/framework/kinds/kind';
import { aWidget, type Bench, bench, Settings, WIDGET_PATH, Widget } from './fixtures';
import { errorOf, failure, json, TestServer, until } from './test-server';

const WIDGETS = '/apis/example.org/v1/namespaces/ns/widgets';

describe('client', () => {
  let server: TestServer;
  let open: Bench[] = [];
  const start = (options?: Parameters<typeof bench>[1]): Bench => {
    const made = bench(server.url, options);
    open.push(made);
    return made;
  };

  beforeEach(async () => {
    server = await TestServer.start();
  });
  afterEach(async () => {
    for (const { transport } of open) transport.close();
    open = [];
    await server.stop();
  });

  describe('reading', () => {
    it('finds nothing where get throws NotFoundError', async () => {
      server.answer = (_request, response) => failure(response, 404, 'NotFound', 'widgets "w" not found');
      const { client } = start();

      expect(await client.find(Widget, 'ns/w')).to.equal(undefined);
      expect((await errorOf(client.get(Widget, 'ns/w')))['code']).to.equal('NOT_FOUND');
    });

    it('keeps fields nobody knows', async () => {
      server.answer = (_request, response) => json(response, 200, { ...aWidget(), novelty: { deep: [1] } });
      const { client } = start();

      expect(await client.get(Widget, 'ns/w')).to.have.nested.property('novelty.deep[0]', 1);
    });

    it('lists page by page, asking for no page before it is needed', async () => {
      server.answer = ({ query }, response) => {
        const second = query['continue'] === 'next';
        json(response, 200, { metadata: second ? {} : { continue: 'next' }, items: [{ metadata: { name: second ? 'b' : 'a' } }] });
      };
      const { client } = start();
      const seen: string[] = [];

      for await (const widget of client.list(Widget, { namespace: 'ns', labels: 'a=b', fields: 'metadata.name=x' })) {
        seen.push(`${widget.kind} ${widget.metadata?.name} after ${server.received.length}`);
      }

      expect(seen).to.deep.equal(['Widget a after 1', 'Widget b after 2']);
      expect(server.received[0]?.query).to.deep.equal({ limit: '500', labelSelector: 'a=b', fieldSelector: 'metadata.name=x' });
    });

    it('starts a whole list over once when its pages have expired', async () => {
      let expired = false;
      server.answer = ({ query }, response) => {
        if (query['continue'] === undefined) return json(response, 200, { metadata: { continue: 'next' }, items: [aWidget()] });
        if (expired) return json(response, 200, { items: [] });
        expired = true;
        failure(response, 410, 'Expired', 'too old');
      };
      const { client } = start();

      expect(await client.list(Widget).toArray()).to.have.length(1);
    });

    it('escapes names so that they cannot leave their place', async () => {
      const { client } = start();

      await client.get(Widget, 'ns/..%2f..?x#y');

      expect(server.received[0]?.url).to.equal(`${WIDGETS}/..%252f..%3Fx%23y`);
    });

    it('refuses a key that does not fit the scope before anything is sent', async () => {
      const { client } = start();

      expect((await errorOf(client.get(Widget, 'w'))).message).to.equal('Widget "w": a namespace is needed, since the kind is namespaced');
      expect((await errorOf(client.get(Widget, 'ns/..'))).message).to.include('a name is needed');
      expect(server.received).to.deep.equal([]);
    });

    it('tells what is served, trying alternatives in order', async () => {
      server.answer = ({ path }, response) =>
        path === '/apis/example.org/v1beta1'
          ? json(response, 200, { resources: [{ name: 'widgets' }] })
          : failure(response, 404, 'NotFound', 'no');
      const { client } = start();

      expect(await client.discovery.servedVersion(Widget as Kind)).to.equal(undefined);
      expect(await client.discovery.servedVersion({ ...Widget, alternatives: ['example.org/v1beta1'] } as Kind)).to.equal(
        'example.org/v1beta1',
      );
    });
  });

  describe('writing', () => {
    it('sends the field manager, and dry run where asked for', async () => {
      const { client } = start();

      await client.create(Widget, aWidget(), { dryRun: true });
      await client.patch(Widget, 'ns/w', [{ op: 'remove', path: '/spec/size' }], { subresource: 'status' });

      expect(server.received[0]).to.include({ method: 'POST', url: `${WIDGETS}?fieldManager=virt-steward&dryRun=All` });
      expect(server.received[1]).to.include({ method: 'PATCH', url: `${WIDGET_PATH}/status?fieldManager=virt-steward` });
      expect(server.received[1]?.headers['content-type']).to.equal('application/json-patch+json');
    });

    it('reads the object first so that an apply carries its UID', async () => {
      server.answer = (_request, response) => json(response, 200, aWidget());
      const { client } = start();

      await client.apply(Widget, { metadata: { name: 'w', namespace: 'ns' } });

      const [read, apply] = server.received;
      expect(read).to.include({ method: 'GET', path: WIDGET_PATH });
      expect(apply?.headers['content-type']).to.equal('application/apply-patch+yaml');
      expect(apply?.query).to.deep.equal({ fieldManager: 'virt-steward' });
      expect(apply?.body).to.deep.equal({
        apiVersion: 'example.org/v1',
        kind: 'Widget',
        metadata: { name: 'w', namespace: 'ns', uid: 'uid-1' },
      });
    });

    it('applies without a read, forced or not, when the object is given or known to be absent', async () => {
      const { client } = start();
      const desired = { metadata: { name: 'w', namespace: 'ns' } };

      await client.apply(Widget, desired, { live: aWidget(), force: true });
      await client.apply(Widget, desired, { live: 'absent' });

      expect(server.count('GET')).to.equal(0);
      expect(server.received[0]?.query).to.deep.equal({ fieldManager: 'virt-steward', force: 'true' });
      expect(server.received[0]?.body).to.have.nested.property('metadata.uid', 'uid-1');
      expect(server.received[1]?.body).not.to.have.nested.property('metadata.uid');
    });

    it('refuses to replace an object without its version', async () => {
      const { client } = start();

      expect((await errorOf(client.replace(Widget, { ...aWidget(), metadata: { name: 'w', namespace: 'ns' } }))).message).to.include(
        'replace needs the resourceVersion',
      );
      expect(server.received).to.deep.equal([]);
    });

    const deletions = [
      ['deleted', 200, { kind: 'Status', status: 'Success' }],
      ['deleting', 200, aWidget({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } })],
      ['deleting', 202, {}],
      ['gone', 404, { kind: 'Status', reason: 'NotFound', message: 'not found' }],
      ['gone', 409, { kind: 'Status', reason: 'Conflict', message: 'Precondition failed: UID in precondition: a, UID in object meta: b' }],
    ] as const;
    for (const [result, status, body] of deletions) {
      it(`says ${result} when the server answers a delete with ${status}${'deletionTimestamp' in body ? ' and a held object' : ''}`, async () => {
        server.answer = (_request, response) => json(response, status, body);
        const { client } = start();

        expect(await client.delete(Widget as Kind, 'ns/w', { uid: 'a' })).to.equal(result);
        expect(server.received[0]?.body).to.deep.include({ propagationPolicy: 'Background', preconditions: { uid: 'a' } });
      });
    }

    it('throws a conflict of a delete that is none of the UID', async () => {
      server.answer = (_request, response) => failure(response, 409, 'Conflict', 'the object has been modified');
      const { client } = start();

      expect((await errorOf(client.delete(Widget as Kind, 'ns/w', { uid: 'a' })))['code']).to.equal('CONFLICT');
    });

    it('calls a subresource and takes an empty 202', async () => {
      server.answer = (_request, response) => response.writeHead(202).end();
      const { client } = start();

      expect(await client.subresource(Widget as Kind, 'ns/w', 'start', { method: 'PUT', body: {} })).to.equal(undefined);
      expect(server.received[0]).to.include({ method: 'PUT', path: `${WIDGET_PATH}/start` });
    });

    it('counts writes as changed, unchanged, conflict and error, and no dry run', async () => {
      const writes: WriteSample[] = [];
      let version = '10';
      let status = 200;
      server.answer = (_request, response) =>
        status === 200 ? json(response, 200, aWidget({ metadata: { resourceVersion: version } })) : failure(response, status, '', 'no');
      const { client } = start({ client: { metrics: { write: (sample) => writes.push(sample) }, retry: false } });
      const apply = (): Promise<unknown> => client.apply(Widget, { metadata: { name: 'w', namespace: 'ns' } }, { live: aWidget() });

      await apply();
      version = '11';
      await apply();
      await client.apply(Widget, { metadata: { name: 'w', namespace: 'ns' } }, { live: aWidget(), dryRun: true });
      status = 409;
      await errorOf(apply());
      status = 503;
      await errorOf(apply());

      expect(writes.map(({ kind, verb, result }) => `${kind} ${verb} ${result}`)).to.deep.equal([
        'widgets.example.org apply unchanged',
        'widgets.example.org apply changed',
        'widgets.example.org apply conflict',
        'widgets.example.org apply error',
      ]);
    });

    it('hands the answer of every write to the cache, but none of a dry run', async () => {
      server.answer = (_request, response) => json(response, 200, aWidget());
      const written: string[] = [];
      const { client } = start({ client: { onWritten: (kind, object) => written.push(`${kind.id} ${object.metadata?.resourceVersion}`) } });

      await client.create(Widget, aWidget(), { dryRun: true });
      await client.create(Widget, aWidget());
      await client.patch(Widget, 'ns/w', []);

      expect(written).to.deep.equal(['widgets.example.org 10', 'widgets.example.org 10']);
    });
  });

  describe('write guard', () => {
    it('refuses every kind of write when leadership is not held, and lets reads through', async () => {
      const { client } = start({
        client: {
          guard: () => {
            throw new NotLeaderError();
          },
        },
      });
      const writes = [
        client.create(Widget, aWidget()),
        client.replace(Widget, aWidget()),
        client.apply(Widget, aWidget()),
        client.patch(Widget, 'ns/w', []),
        client.delete(Widget as Kind, 'ns/w', { uid: 'a' }),
        client.subresource(Widget as Kind, 'ns/w', 'start', { method: 'PUT' }),
        client.raw({ method: 'POST', path: '/x' }),
        client.applyStatus(Widget, aWidget(), { fields: { ready: true } }),
        client.addFinalizer(Widget, aWidget(), 'example.org/f'),
      ];

      for (const write of writes) expect((await errorOf(write))['code']).to.equal('NOT_LEADER');
      await client.get(Widget, 'ns/w');

      expect(server.received.map(({ method }) => method)).to.deep.equal(['GET']);
    });

    it('is asked at the moment of sending, and again before a repeat', async () => {
      server.answer = (_request, response) => failure(response, 503, 'ServiceUnavailable', 'no');
      let leads = true;
      let answers = 0;
      const { client, clock } = start({
        transport: { metrics: { request: () => answers++ } },
        client: {
          guard: () => {
            if (!leads) throw new NotLeaderError();
          },
        },
      });
      const call = errorOf(client.patch(Widget, 'ns/w', [{ op: 'test', path: '/a', value: 1 }]));
      await until('the first answer was read', () => answers === 1);
      await clock.advance(0);
      leads = false;
      await clock.advance(250);

      expect((await call)['code']).to.equal('NOT_LEADER');
      expect(server.received).to.have.length(1);
    });
  });

  it('derives clients with other hooks that share connection and memory', async () => {
    server.answer = (_request, response) => json(response, 200, aWidget());
    const { client } = start();
    const controller = new AbortController();
    const derived = client.derive({ signal: controller.signal });
    const desired = { metadata: { name: 'w', namespace: 'ns' }, spec: { size: 1 } };
    await client.applyIfChanged(Widget, desired, { live: aWidget() });
    const before = server.received.length;

    expect((await derived.applyIfChanged(Widget, desired, { live: aWidget() })).changed).to.equal(false);
    controller.abort(new Error('the run is over'));

    expect(server.received).to.have.length(before);
    expect((await errorOf(derived.get(Settings, 'ns/x'))).message).to.equal('the run is over');
    expect(server.connections).to.equal(1);
  });
});
