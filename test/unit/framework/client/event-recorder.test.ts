import { expect } from 'chai';
import { type EventInput, EventRecorder } from '../../../../src/framework/client';
import { NotLeaderError } from '../../../../src/framework/errors/refusal-errors';
import { type LogFields, nullLogger } from '../../../../src/framework/logging/logger';
import { aWidget, type Bench, bench } from './fixtures';
import { failure, json, type Received, TestServer, until } from './test-server';

interface SentEvent {
  metadata: { name: string; namespace: string };
  eventTime: string;
  reportingController: string;
  reportingInstance: string;
  action: string;
  reason: string;
  regarding: object;
  note: string;
  type: string;
}

describe('event recorder', () => {
  let server: TestServer;
  let current: Bench;
  let recorder: EventRecorder;
  let dropped: number;
  let lines: [string, LogFields | undefined][];
  const event = (overrides: Partial<EventInput> = {}): EventInput => ({
    type: 'Warning',
    reason: 'Broken',
    note: 'it broke',
    about: aWidget(),
    action: 'WidgetHandler.reconcile',
    ...overrides,
  });
  const bodyOf = (request: Received | undefined): SentEvent => request!.body as SentEvent;
  const sent = async (): Promise<void> => until('everything was sent', () => recorder.waiting === 0 && server.received.length > 0);
  const flushed = (): Promise<void> => recorder.flush(1_000_000);

  beforeEach(async () => {
    server = await TestServer.start((_request, response) => json(response, 201, {}));
    current = bench(server.url);
    dropped = 0;
    lines = [];
    recorder = new EventRecorder({
      client: current.client,
      clock: current.clock,
      log: { ...nullLogger, warn: (message, fields) => lines.push([message, fields]) },
      instance: 'pod-1',
      metrics: { eventsDropped: (_cluster, events) => (dropped += events) },
    });
  });
  afterEach(async () => {
    recorder.stop();
    current.transport.close();
    await server.stop();
  });

  it('asks the guard of an event right before sending it, and drops and counts one that is refused', async () => {
    let mayWrite = true;
    const guard = (): void => {
      if (!mayWrite) throw new NotLeaderError();
    };
    recorder.record(event({ note: 'while leading' }), guard);
    await flushed();
    recorder.record(event({ note: 'recorded while leading, sent later' }), guard);
    mayWrite = false;
    await flushed();

    expect(server.received.map((request) => bodyOf(request).note)).to.deep.equal(['while leading']);
    expect(dropped).to.equal(1);
  });

  it('creates an event of events.k8s.io/v1 in the namespace of the object', async () => {
    recorder.record(event());
    await flushed();

    expect(server.received[0]).to.include({ method: 'POST', path: '/apis/events.k8s.io/v1/namespaces/ns/events' });
    const { metadata, ...body } = bodyOf(server.received[0]);
    expect(metadata.name).to.match(/^w\.[0-9a-f]{16}$/);
    expect(body).to.deep.equal({
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'virt-steward',
      reportingInstance: 'pod-1',
      action: 'WidgetHandler.reconcile',
      reason: 'Broken',
      regarding: { apiVersion: 'example.org/v1', kind: 'Widget', name: 'w', namespace: 'ns', uid: 'uid-1', resourceVersion: '10' },
      note: 'it broke',
      type: 'Warning',
    });
  });

  it('reports on cluster-scoped objects in namespace default', async () => {
    recorder.record(event({ about: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', uid: 'u' } } }));
    await flushed();

    expect(server.received[0]?.path).to.equal('/apis/events.k8s.io/v1/namespaces/default/events');
    expect(bodyOf(server.received[0]).metadata.namespace).to.equal('default');
  });

  it('cuts the note at 1024 bytes between characters, the action at 128, and masks secrets', async () => {
    recorder.record(event({ note: `password=hunter2 ${'ü'.repeat(600)}`, action: 'a'.repeat(300) }));
    await flushed();

    const { note, action } = bodyOf(server.received[0]);
    expect(Buffer.byteLength(note)).to.be.within(1_020, 1_024);
    expect(note).to.match(/^password=\[masked\] ü+$/);
    expect(action).to.have.length(128);
  });

  it('turns a repeat within 10 minutes into a series of the same event', async () => {
    recorder.record(event());
    await flushed();
    await current.clock.advance(600_000);
    recorder.record(event());
    await flushed();

    const [created, updated] = server.received;
    expect(updated).to.include({ method: 'PATCH', path: `/apis/events.k8s.io/v1/namespaces/ns/events/${bodyOf(created).metadata.name}` });
    expect(updated?.headers['content-type']).to.equal('application/json-patch+json');
    expect(updated?.body).to.deep.equal([
      { op: 'add', path: '/series', value: { count: 2, lastObservedTime: '2026-01-01T00:10:00.000000Z' } },
    ]);
  });

  it('begins a new event after more than 10 minutes, and for another type, reason or note', async () => {
    recorder.record(event());
    await flushed();
    await current.clock.advance(600_001);
    recorder.record(event());
    recorder.record(event({ type: 'Normal' }));
    recorder.record(event({ reason: 'Other' }));
    recorder.record(event({ note: 'other' }));
    await flushed();

    expect(server.received.map(({ method }) => method)).to.deep.equal(['POST', 'POST', 'POST', 'POST', 'POST']);
  });

  it('creates the event anew when the server has forgotten it', async () => {
    recorder.record(event());
    await flushed();
    server.answer = ({ method }, response) => (method === 'PATCH' ? failure(response, 404, 'NotFound', 'no') : json(response, 201, {}));
    recorder.record(event());
    await flushed();

    expect(server.received.map(({ method }) => method)).to.deep.equal(['POST', 'PATCH', 'POST']);
  });

  it('sends ten of one object at once, then one every 30 s, and leaves other objects alone', async () => {
    for (let index = 0; index < 20; index++) recorder.record(event({ note: `note ${index}` }));
    recorder.record(event({ about: aWidget({ metadata: { name: 'other' } }) }));
    await flushed();
    expect(server.received).to.have.length(11);

    await current.clock.advance(29_999);
    recorder.record(event({ note: 'too early' }));
    await current.clock.advance(1);
    recorder.record(event({ note: 'in time' }));
    recorder.record(event({ note: 'too late' }));
    await flushed();

    expect(server.received.slice(11).map((request) => bodyOf(request).note)).to.deep.equal(['in time']);
  });

  it('tells a reason that was not told within ten minutes, however much else its object has reported', async () => {
    const flood = (): void => {
      for (let index = 0; index < 30; index++) recorder.record(event({ type: 'Normal', reason: 'Asked', note: `by ${index}` }));
    };
    flood();
    recorder.record(event({ reason: 'Lost' }));
    recorder.record(event({ reason: 'Lost', note: 'in other words' }));
    await flushed();
    expect(server.received.map((request) => bodyOf(request).reason)).to.deep.equal([...Array<string>(10).fill('Asked'), 'Lost']);

    await current.clock.advance(600_000);
    flood();
    recorder.record(event({ reason: 'Lost', note: 'again' }));
    await flushed();
    expect(bodyOf(server.received.at(-1))).to.include({ reason: 'Lost', note: 'again' });
  });

  it('tells no more than ten reasons at once beside that', async () => {
    for (let index = 0; index < 50; index++) recorder.record(event({ reason: `Reason${index}` }));
    await flushed();

    expect(server.received).to.have.length(20);
  });

  it('counts what nobody heard of because its object had reported too much, and a repeat only with its series', async () => {
    for (let index = 0; index < 15; index++) recorder.record(event({ note: `note ${index}` }));
    await flushed();
    for (let index = 0; index < 15; index++) recorder.record(event({ note: 'note 0' }));
    await flushed();

    expect(dropped).to.equal(5);
  });

  it('gives up a Normal Event before a Warning when too many wait', async () => {
    server.answer = () => undefined;
    const about = (name: string): Pick<EventInput, 'about'> => ({ about: aWidget({ metadata: { name } }) });
    recorder.record(event({ ...about('sent'), note: 'on its way' }));
    recorder.record(event({ ...about('first'), note: 'what matters' }));
    for (let index = 0; index < 1_100; index++) recorder.record(event({ ...about(`w${index}`), type: 'Normal' }));
    recorder.record(event({ ...about('last'), note: 'what matters too' }));
    expect(recorder.waiting).to.equal(1_000);
    expect(dropped).to.equal(102);

    await until('the first is on its way', () => server.received.length === 1);
    server.answer = (_request, response) => json(response, 201, {});
    await current.clock.advance(10_000);
    await flushed();
    const warnings = server.received.map(bodyOf).filter(({ type }) => type === 'Warning');
    expect(warnings.map(({ note }) => note)).to.deep.equal(['on its way', 'what matters', 'what matters too']);
  });

  it('counts occurrences that were kept back in the next message of the series', async () => {
    for (let index = 0; index < 25; index++) {
      recorder.record(event());
      await flushed();
    }
    await current.clock.advance(30_000);
    recorder.record(event());
    await flushed();

    expect(server.received).to.have.length(11);
    expect(server.received.at(-1)?.body).to.have.nested.property('[0].value.count', 26);
  });

  it('returns at once while the server hangs, keeps at most 1000 waiting, and counts what it drops', async () => {
    server.answer = () => undefined;
    for (let index = 0; index < 1_100; index++) {
      recorder.record(event({ about: aWidget({ metadata: { name: `w${index}` } }) }));
    }

    expect(recorder.waiting).to.equal(1_000);
    expect(dropped).to.equal(99);
    recorder.stop();
    expect(recorder.waiting).to.equal(0);
    await until('the rest was counted', () => dropped === 1_100);
  });

  it('gives up an event after 10 s and goes on with the next', async () => {
    server.answer = ({ body }, response) => ((body as SentEvent).note === 'hangs' ? undefined : json(response, 201, {}));
    recorder.record(event({ note: 'hangs' }));
    recorder.record(event({ note: 'goes' }));
    await until('the first has arrived', () => server.received.length === 1);

    await current.clock.advance(10_000);
    await sent();

    expect(server.received.map((request) => bodyOf(request).note)).to.deep.equal(['hangs', 'goes']);
    expect(dropped).to.equal(1);
  });

  it('says once that sending is denied, and not at all for a namespace that is going', async () => {
    const causes = [{ reason: 'NamespaceTerminating', message: 'being terminated', field: 'metadata.namespace' }];
    server.answer = (_request, response) => failure(response, 403, 'Forbidden', 'unable to create', { details: { causes } });
    recorder.record(event());
    await flushed();
    expect(lines).to.deep.equal([]);

    server.answer = (_request, response) => failure(response, 403, 'Forbidden', 'cannot create events');
    recorder.record(event({ note: 'a' }));
    recorder.record(event({ note: 'b' }));
    await flushed();

    expect(lines.map(([message]) => message)).to.deep.equal(['sending events is not allowed, they are dropped']);
    expect(dropped).to.equal(3);
  });

  it('flushes no longer than its deadline', async () => {
    server.answer = () => undefined;
    recorder.record(event());
    await until('it has arrived', () => server.received.length === 1);
    let done = false;
    const flush = recorder.flush(2_000).then(() => (done = true));

    await current.clock.advance(1_999);
    expect(done).to.equal(false);
    await current.clock.advance(1);

    await flush;
    expect(done).to.equal(true);
  });

  it('never throws, whatever it is given', () => {
    recorder.record(event({ about: {} }));
    recorder.record(event({ about: { kind: 'X', apiVersion: 'v1', metadata: {} } }));
    recorder.stop();
    recorder.record(event());

    expect(recorder.waiting).to.equal(0);
  });
});
