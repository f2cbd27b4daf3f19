import { expect } from 'chai';
import { ConfigMap, NotOursError } from 'virt-steward/framework';
import { FakeApiServer, FakeClock, runHandler, TestOperator } from 'virt-steward/framework/testing';
import { Greeting, GreetingHandler, handlers } from './handler';

const CHILD = 'default/greeting-world';
const world: Greeting = { metadata: { namespace: 'default', name: 'world' }, spec: { name: 'World' } };

describe('02-reconcile-child', () => {
  it('makes a ConfigMap that belongs to its Greeting, and keeps up with it', async () => {
    const clock = new FakeClock();
    await using server = await FakeApiServer.start({ clock, crdFiles: ['examples/crds/greetings.yaml'] });
    const { metadata } = server.objects.create(Greeting, world);
    await using operator = await TestOperator.start({ handlers, server, clock });

    expect(server.objects.get(ConfigMap, CHILD)).to.have.nested.property('data.text', 'Hello, World!');
    expect(server.objects.get(ConfigMap, CHILD)?.metadata?.ownerReferences?.[0]).to.include({ uid: metadata?.uid, controller: true });

    server.objects.update(Greeting, 'default/world', (greeting) => {
      greeting.spec.name = 'Mars';
    });
    await operator.settle();
    expect(server.objects.get(ConfigMap, CHILD)).to.have.nested.property('data.text', 'Hello, Mars!');
  });

  it('repairs a ConfigMap that somebody edits or deletes, and writes nothing else', async () => {
    const clock = new FakeClock();
    await using server = await FakeApiServer.start({ clock, crdFiles: ['examples/crds/greetings.yaml'] });
    server.objects.create(Greeting, world);
    await using operator = await TestOperator.start({ handlers, server, clock });

    server.objects.update(ConfigMap, CHILD, (map) => {
      map.data = { text: 'Go away!' };
    });
    await operator.settle();
    expect(server.objects.get(ConfigMap, CHILD)).to.have.nested.property('data.text', 'Hello, World!');

    server.objects.delete(ConfigMap, CHILD);
    await operator.settle();
    expect(server.objects.get(ConfigMap, CHILD)).to.have.nested.property('data.text', 'Hello, World!');

    const writes = operator.writes().length;
    await operator.restart();
    await operator.advance(3_600_000);
    expect(operator.writes()).to.have.length(writes);
  });

  it('leaves a ConfigMap of somebody else alone and says so', async () => {
    const clock = new FakeClock();
    await using cluster = await FakeApiServer.start({ clock });
    cluster.objects.create(ConfigMap, { metadata: { namespace: 'default', name: 'greeting-world' }, data: { text: 'mine' } });

    const { error, writes } = await runHandler(GreetingHandler, { object: world, cluster, clock });

    expect(error).to.be.instanceOf(NotOursError);
    expect(writes).to.deep.equal([]);
  });
});
