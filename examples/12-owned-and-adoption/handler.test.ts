import { expect } from 'chai';
import { ConfigMap, conditionOf } from 'virt-steward/framework';
import { FakeApiServer, FakeClock, TestOperator } from 'virt-steward/framework/testing';
import { handlers, Motto, options } from './handler';

const KEY = 'default/daily';
const metadata = { namespace: 'default', name: 'daily' };
const MANAGED_BY = 'app.kubernetes.io/managed-by';

describe('12-owned-and-adoption', () => {
  let clock: FakeClock;
  let server: FakeApiServer;
  let running: TestOperator | undefined;

  const start = async (): Promise<TestOperator> => {
    server.objects.create(Motto, { metadata, spec: { text: 'be brief' } });
    running = await TestOperator.start({ handlers, ...options, server, clock });
    return running;
  };
  const map = (): ConfigMap | undefined => server.objects.get(ConfigMap, KEY);
  const ready = (): unknown => conditionOf(server.objects.get(Motto, KEY)!, 'Ready');

  beforeEach(async () => {
    clock = new FakeClock();
    server = await FakeApiServer.start({ clock, crdFiles: ['examples/crds/mottos.yaml'] });
  });

  afterEach(async () => {
    await running?.stop();
    running = undefined;
    await server.stop();
  });

  it('puts a child back that was deleted or changed', async () => {
    const operator = await start();
    expect(map()?.metadata?.ownerReferences?.[0]).to.include({ kind: 'Motto', name: 'daily', controller: true });

    server.objects.delete(ConfigMap, KEY);
    await operator.settle();
    expect(map()?.data).to.deep.equal({ text: 'be brief' });

    server.objects.update(ConfigMap, KEY, (child) => {
      child.data = { text: 'ramble on' };
    });
    await operator.settle();
    expect(map()?.data).to.deep.equal({ text: 'be brief' });
  });

  it('leaves the object of a stranger alone, says so, and takes the place once it is free', async () => {
    server.objects.create(ConfigMap, { metadata, data: { theirs: 'yes' } });
    const operator = await start();
    expect(map()?.data).to.deep.equal({ theirs: 'yes' });
    expect(ready()).to.include({ status: 'False', reason: 'NotOurs' });

    server.objects.delete(ConfigMap, KEY);
    await operator.settle();
    expect(map()?.data).to.deep.equal({ text: 'be brief' });
    expect(ready()).to.include({ status: 'True', reason: 'Kept' });
  });

  it('adopts the object of its predecessor, without the fields it does not want', async () => {
    const labels = { [MANAGED_BY]: 'motto-operator' };
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...metadata, labels }, data: { text: 'old', colour: 'red' } };
    // As the predecessor did it: server-side apply under its own field manager.
    await fetch(`${server.url}/api/v1/namespaces/default/configmaps/daily?fieldManager=motto-operator`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/apply-patch+yaml' },
      body: JSON.stringify(body),
    });
    await start();

    expect(map()?.data).to.deep.equal({ text: 'be brief' });
    expect(map()?.metadata?.labels?.[MANAGED_BY]).to.equal('test-operator');
    expect(map()?.metadata?.ownerReferences).to.have.length(1);
  });

  it('writes nothing more once all is well', async () => {
    const operator = await start();
    const before = operator.writes().length;
    await operator.restart();
    await operator.settle();
    expect(operator.writes()).to.have.length(before);
  });
});
