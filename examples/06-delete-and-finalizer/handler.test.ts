import { expect } from 'chai';
import { createContainer, type ObjectKey } from 'virt-steward/framework';
import { FakeApiServer, FakeClock, TestOperator } from 'virt-steward/framework/testing';
import { Billboard } from './billboard';
import { Greeting, handlers } from './handler';

/** Files would be real I/O, which neither the fake clock nor `settle` waits for. */
class BillboardInMemory implements Billboard {
  readonly texts = new Map<ObjectKey, string>();
  isKept = false;

  async put(key: ObjectKey, text: string): Promise<void> {
    this.texts.set(key, text);
  }

  async takeDown(key: ObjectKey): Promise<boolean> {
    if (!this.isKept) this.texts.delete(key);
    return !this.isKept;
  }
}

const KEY = 'default/world';

describe('06-delete-and-finalizer', () => {
  let billboard: BillboardInMemory;
  let server: FakeApiServer;
  let operator: TestOperator;

  beforeEach(async () => {
    const clock = new FakeClock();
    billboard = new BillboardInMemory();
    server = await FakeApiServer.start({ clock, crdFiles: ['examples/crds/greetings.yaml'] });
    server.objects.create(Greeting, { metadata: { namespace: 'default', name: 'world' }, spec: { name: 'World' } });
    operator = await TestOperator.start({ handlers, server, clock, container: createContainer().registerInstance(Billboard, billboard) });
  });

  afterEach(async () => {
    await operator.stop();
    await server.stop();
  });

  it('takes the file down before the Greeting goes', async () => {
    expect(billboard.texts.get(KEY)).to.equal('Hello, World!');
    expect(server.objects.get(Greeting, KEY)?.metadata?.finalizers).to.deep.equal(['example.org/billboard']);

    server.objects.delete(Greeting, KEY);
    await operator.settle();

    expect(billboard.texts.size).to.equal(0);
    expect(server.objects.get(Greeting, KEY)).to.equal(undefined);
  });

  it('holds the Greeting, and asks again, while the file cannot go', async () => {
    billboard.isKept = true;
    server.objects.delete(Greeting, KEY);
    await operator.advance(60_000);
    expect(server.objects.get(Greeting, KEY)?.metadata).to.have.property('deletionTimestamp');

    billboard.isKept = false;
    await operator.advance(6_000);
    expect(server.objects.get(Greeting, KEY)).to.equal(undefined);
  });

  it('cleans up after a Greeting that was deleted while the operator was away', async () => {
    await operator.kill();
    server.objects.delete(Greeting, KEY);
    await operator.restart();

    expect(billboard.texts.size).to.equal(0);
    expect(server.objects.get(Greeting, KEY)).to.equal(undefined);
  });
});
