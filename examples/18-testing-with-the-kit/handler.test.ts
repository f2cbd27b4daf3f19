import { expect } from 'chai';
import { buildRegistry, ConfigMap, type PermanentError, rbacObjects, rbacRules } from 'virt-steward/framework';
import { FakeApiServer, FakeClock, loseResponse, runHandler, status, TestOperator } from 'virt-steward/framework/testing';
import { DICTIONARY, Greeting, GreetingHandler, handlers, LOOK_AGAIN_MS, options } from './handler';

const KEY = 'default/ada';
const ada: Greeting = { metadata: { namespace: 'default', name: 'ada' }, spec: { name: 'Ada', language: 'da' } };

describe('18-testing-with-the-kit: one pass of one object', () => {
  const providers = [{ token: DICTIONARY, useValue: async (language: string) => (language === 'da' ? 'Hej' : undefined) }];

  it('tells what a handler wrote, said and returned', async () => {
    const { status, conditions, events, writes, requeueAfterMs } = await runHandler(GreetingHandler, { object: ada, providers });

    expect(status).to.include({ text: 'Hej, Ada!', observedGeneration: 1 });
    expect(conditions[0]).to.include({ type: 'Ready', status: 'True' });
    expect(events).to.deep.equal([{ type: 'Normal', reason: 'Greeted', note: 'Hej, Ada!' }]);
    expect(writes.map(({ verb, resource, subresource }) => [verb, resource, subresource])).to.deep.equal([
      ['patch', 'configmaps', ''],
      ['patch', 'greetings', 'status'],
    ]);
    expect(requeueAfterMs).to.equal(LOOK_AGAIN_MS);
  });

  it('tells what people see of a failure', async () => {
    const object = { ...ada, spec: { name: 'Ada', language: 'tlh' } };
    const { error, conditions, events } = await runHandler(GreetingHandler, { object, providers });

    expect((error as PermanentError).message).to.equal('nobody speaks tlh');
    expect(conditions[0]).to.include({ status: 'False', reason: 'UnknownLanguage' });
    expect(events[0]).to.include({ type: 'Warning', reason: 'UnknownLanguage' });
  });
});

describe('18-testing-with-the-kit: the whole operator', () => {
  let clock: FakeClock;
  let server: FakeApiServer;

  beforeEach(async () => {
    clock = new FakeClock();
    server = await FakeApiServer.start({ clock, crdFiles: ['examples/crds/greetings.yaml'] });
    server.objects.create(Greeting, ada);
  });

  afterEach(() => server.stop());

  it('lets hours go by in no time', async () => {
    await using operator = await TestOperator.start({ handlers, ...options, server, clock });
    const writes = operator.writes().length;
    await operator.advance(3.5 * LOOK_AGAIN_MS);

    expect(operator.key(Greeting, KEY).history).to.have.length(4);
    expect(operator.writes()).to.have.length(writes);
  });

  it('makes the API server fail, and shows that the handler is tried again', async () => {
    server.faults.add({ on: { verb: 'patch', kind: ConfigMap }, do: status(500), times: 2 });
    await using operator = await TestOperator.start({ handlers, ...options, server, clock });
    expect(server.objects.get(ConfigMap, KEY)).to.equal(undefined);

    await operator.advance(10_000);
    expect(server.objects.get(ConfigMap, KEY)?.data).to.deep.equal({ text: 'Hej, Ada!' });
    expect(operator.key(Greeting, KEY).history.map(({ error }) => error === undefined)).to.deep.equal([false, false, true]);
  });

  it('loses the answer of a write and kills the process, and shows that nothing is done twice', async () => {
    server.faults.add({ on: { verb: 'patch', kind: Greeting, subresource: 'status' }, do: loseResponse() });
    await using operator = await TestOperator.start({ handlers, ...options, server, clock });
    await operator.restart();
    await operator.advance(10_000);

    expect(server.objects.get(Greeting, KEY)?.status).to.include({ text: 'Hej, Ada!' });
    expect(server.objects.list(ConfigMap)).to.have.length(1);
  });

  it('keeps a standby from writing until it leads', async () => {
    await using operator = await TestOperator.start({ handlers, ...options, server, clock, election: 'standby' });
    expect(operator.writes()).to.deep.equal([]);

    await operator.becomeLeader();
    expect(server.objects.get(ConfigMap, KEY)?.data).to.deep.equal({ text: 'Hej, Ada!' });
  });

  it('runs with the generated rights, and shows that they are enough', async () => {
    const roles = rbacObjects(rbacRules(buildRegistry({ handlers })), { name: 'greeter', namespace: 'default', serviceAccount: 'greeter' });
    server.auth.addUser({ token: 'secret', name: 'greeter', rules: roles.flatMap(({ rules = [] }) => rules) });
    await using _operator = await TestOperator.start({ handlers, ...options, server, clock, token: 'secret' });

    expect(server.objects.get(Greeting, KEY)?.status).to.include({ text: 'Hej, Ada!' });
    expect(server.journal.entries().filter((request) => request.status === 403)).to.deep.equal([]);
  });
});
