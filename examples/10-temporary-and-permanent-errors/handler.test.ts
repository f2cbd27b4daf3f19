import { expect } from 'chai';
import { ConfigMap, conditionOf } from 'virt-steward/framework';
import { FakeApiServer, FakeClock, status, TestOperator } from 'virt-steward/framework/testing';
import { Greeting, handlers } from './handler';

const KEY = 'default/a';

describe('10-temporary-and-permanent-errors', () => {
  let server: FakeApiServer;
  let operator: TestOperator;

  beforeEach(async () => {
    const clock = new FakeClock();
    server = await FakeApiServer.start({ clock, crdFiles: ['examples/crds/greetings.yaml'] });
    operator = await TestOperator.start({ handlers, server, clock });
  });

  afterEach(async () => {
    await operator.stop();
    await server.stop();
  });

  const greet = (spec: Partial<Greeting['spec']>): Greeting =>
    server.objects.create(Greeting, { metadata: { namespace: 'default', name: 'a' }, spec: { name: 'Ada', ...spec } });
  const addDictionary = (): ConfigMap =>
    server.objects.create(ConfigMap, { metadata: { namespace: 'default', name: 'words' }, data: { fr: 'Bonjour' } });
  const ready = () => conditionOf(server.objects.get(Greeting, KEY) ?? {}, 'Ready');
  const attempts = (): number => operator.key(Greeting, KEY).history.length;

  it('shows a permanent error at once and does not try again before the object changes', async () => {
    greet({});
    await operator.advance(3_600_000);

    expect(ready()).to.include({ status: 'False', reason: 'NoDictionary', message: 'spec.dictionary is missing' });
    expect(attempts()).to.equal(1);

    addDictionary();
    server.objects.update(Greeting, KEY, ({ spec }) => {
      spec.dictionary = 'words';
      spec.language = 'fr';
    });
    await operator.settle();
    expect(ready()).to.include({ status: 'True', reason: 'Greeted' });
  });

  it('tries again after a temporary error, tells it only when it stays, and recovers by itself', async () => {
    greet({ dictionary: 'words', language: 'fr' });
    await operator.settle();
    expect(ready()).to.equal(undefined);

    await operator.advance(25_000);
    expect(attempts()).to.equal(3);
    expect(ready()).to.include({ status: 'False', reason: 'DictionaryMissing', message: 'waiting for the ConfigMap words' });

    addDictionary();
    await operator.advance(12_000);
    expect(ready()).to.include({ status: 'True', reason: 'Greeted' });
    expect(server.objects.get(Greeting, KEY)?.status?.text).to.equal('Bonjour, Ada!');
  });

  it('shows what it did not expect, and tries again', async () => {
    server.faults.add({ on: { verb: 'get', kind: ConfigMap }, do: status(403), times: 1 });
    addDictionary();
    greet({ dictionary: 'words', language: 'fr' });
    await operator.settle();
    expect(ready()).to.include({ status: 'False', reason: 'ReconcileError' });

    await operator.advance(2_000);
    expect(ready()).to.include({ status: 'True', reason: 'Greeted' });
  });
});
