import { expect } from 'chai';
import { mergeConditions } from '../../../../src/framework/client';
import { defineKind } from '../../../../src/framework/kinds/kind';
import type { Condition } from '../../../../src/framework/kinds/object';
import { aWidget, type Bench, bench, WIDGET_PATH, Widget } from './fixtures';
import { errorOf, failure, json, TestServer } from './test-server';

const T0 = '2025-01-01T00:00:00Z';
const NOW = '2026-01-01T00:00:00Z';
const ready = (overrides: Partial<Condition> = {}): Condition => ({
  type: 'Ready',
  status: 'True',
  reason: 'Done',
  message: '',
  lastTransitionTime: T0,
  observedGeneration: 1,
  ...overrides,
});
const { lastTransitionTime: _t, observedGeneration: _g, ...stated } = ready();

describe('conditions', () => {
  const stamp = { now: NOW, observedGeneration: 2 };

  it('move lastTransitionTime only when the status changes', () => {
    expect(mergeConditions([ready()], [{ ...stated, reason: 'Other', message: 'm' }], stamp)).to.deep.equal([
      ready({ reason: 'Other', message: 'm', observedGeneration: 2 }),
    ]);
    expect(mergeConditions([ready()], [{ ...stated, status: 'False' }], stamp)).to.deep.equal([
      ready({ status: 'False', lastTransitionTime: NOW, observedGeneration: 2 }),
    ]);
  });

  it('of other types stay as they are, in their order', () => {
    const other = ready({ type: 'Other' });

    expect(mergeConditions([other, ready()], [{ ...stated, type: 'New' }], stamp).map(({ type }) => type)).to.deep.equal([
      'Other',
      'Ready',
      'New',
    ]);
    expect(mergeConditions([other], [stated], stamp)[0]).to.equal(other);
  });

  it('carry at most 1024 characters on one line without secrets', () => {
    const [condition] = mergeConditions([], [{ ...stated, message: `a\nb password=hunter2 ${'x '.repeat(2_000)}` }], stamp);

    expect(condition?.message).to.match(/^a b password=\[masked\] x x/);
    expect(condition?.message.length).to.be.at.most(1_024);
  });

  it('refuse a reason that the API server would refuse', () => {
    expect(() => mergeConditions([], [{ ...stated, reason: 'not camel' }], stamp)).to.throw(
      RangeError,
      'reason of condition Ready is "not camel"; allowed: one CamelCase word',
    );
  });
});

describe('status writer', () => {
  let server: TestServer;
  let current: Bench;
  const before = aWidget({ status: { ready: true, lastSync: 'a', foreign: 'theirs', observedGeneration: 1, conditions: [ready()] } });

  beforeEach(async () => {
    server = await TestServer.start((_request, response) => json(response, 200, aWidget({ metadata: { resourceVersion: '11' } })));
    current = bench(server.url);
  });
  afterEach(async () => {
    current.transport.close();
    await server.stop();
  });

  it('writes nothing when nothing differs', async () => {
    const change = { fields: new Map([['ready', true]]), conditions: [stated], observedGeneration: 1 };

    expect(await current.client.applyStatus(Widget, before, change)).to.equal(before);
    expect(server.received).to.deep.equal([]);
  });

  it('writes nothing when only a volatile field differs, and writes it along with another', async () => {
    await current.client.applyStatus(Widget, before, { fields: { lastSync: 'b' } });
    expect(server.received).to.deep.equal([]);

    await current.client.applyStatus(Widget, before, { fields: { lastSync: 'b', ready: false } });

    expect(server.received[0]?.body).to.deep.nested.include({ 'status.lastSync': 'b', 'status.ready': false });
  });

  it('applies the whole of our status once, forced, for this object and version only', async () => {
    await current.client.applyStatus(Widget, before, { fields: { ready: undefined } });

    const [request] = server.received;
    expect(request).to.include({ method: 'PATCH', path: `${WIDGET_PATH}/status` });
    expect(request?.query).to.deep.equal({ fieldManager: 'virt-steward', force: 'true' });
    expect(request?.body).to.deep.equal({
      apiVersion: 'example.org/v1',
      kind: 'Widget',
      metadata: { name: 'w', namespace: 'ns', uid: 'uid-1', resourceVersion: '10' },
      status: { lastSync: 'a', foreign: 'theirs', observedGeneration: 1, conditions: [ready()] },
    });
  });

  it('leaves a map out that became empty, which the API server would refuse as null', async () => {
    const full = aWidget({ status: { counts: { east: { up: 1 } }, empty: {} } as object as NonNullable<Widget['status']> });

    await current.client.applyStatus(Widget, full, { fields: { counts: { east: {} }, empty: {}, ready: true } });

    expect((server.received[0]!.body as Widget).status).to.deep.equal({ empty: {}, ready: true });
  });

  it('writes nothing when an empty map is to be set where there is none', async () => {
    const bare = aWidget({ status: { ready: true } });

    expect(await current.client.applyStatus(Widget, bare, { fields: { counts: {} } })).to.equal(bare);
    expect(server.received).to.deep.equal([]);
  });

  it('never sends fields that are not ours', async () => {
    const kind = defineKind<Widget>('example.org/v1', 'Widget', 'widgets', { scope: 'Namespaced', ownStatus: ['ready'] });

    await current.client.applyStatus(kind, before, { fields: { ready: false } });

    expect((server.received[0]!.body as Widget).status).to.deep.equal({ ready: false });
  });

  it('writes to the object itself where the kind has no status subresource', async () => {
    const kind = defineKind<Widget>('example.org/v1', 'Widget', 'widgets', { scope: 'Namespaced', status: false });

    await current.client.applyStatus(kind, before, { fields: { ready: false } });

    expect(server.received[0]?.path).to.equal(WIDGET_PATH);
  });

  it('reads again after a conflict and merges into what it finds', async () => {
    let applies = 0;
    server.answer = ({ method }, response) => {
      if (method === 'GET') return json(response, 200, aWidget({ metadata: { resourceVersion: '12' }, status: { foreign: 'newer' } }));
      if (++applies === 1) return failure(response, 409, 'Conflict', 'the object has been modified');
      json(response, 200, aWidget());
    };

    await current.client.applyStatus(Widget, before, { fields: { ready: false } });

    expect(server.received.at(-1)?.body).to.deep.nested.include({
      'metadata.resourceVersion': '12',
      status: { foreign: 'newer', ready: false },
    });
    expect(server.received.find(({ method }) => method === 'GET')?.path, 'with the rights on the status alone').to.equal(
      `${WIDGET_PATH}/status`,
    );
  });

  it('hands a conflict that persists to the queue after five tries', async () => {
    server.answer = ({ method }, response) =>
      method === 'GET' ? json(response, 200, before) : failure(response, 409, 'Conflict', 'the object has been modified');

    expect((await errorOf(current.client.applyStatus(Widget, before, { fields: { ready: false } })))['code']).to.equal('CONFLICT');
    expect(server.count('PATCH')).to.equal(5);
  });

  it('takes a missing object for no error', async () => {
    server.answer = (_request, response) => failure(response, 404, 'NotFound', 'no');

    expect(await current.client.applyStatus(Widget, before, { fields: { ready: false } })).to.equal(undefined);
  });
});
