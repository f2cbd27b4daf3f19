import { expect } from 'chai';
import { ConfigMap, createContainer } from 'virt-steward/framework';
import { FakeApiServer, FakeClock, TestOperator } from 'virt-steward/framework/testing';
import { Catalog, handlers } from './handler';

describe('13-virtual-kind', () => {
  const catalog = new Catalog();
  let server: FakeApiServer;
  let operator: TestOperator;
  const texts = (): Record<string, string | undefined> =>
    Object.fromEntries(server.objects.list(ConfigMap).map(({ metadata, data }) => [metadata?.name, data?.['text']]));

  beforeEach(async () => {
    const clock = new FakeClock();
    server = await FakeApiServer.start({ clock });
    // The operator is given the catalog of the test instead of making its own.
    const container = createContainer();
    container.registerInstance(Catalog, catalog);
    operator = await TestOperator.start({ handlers, container, server, clock });
  });

  afterEach(async () => {
    await operator.stop();
    await server.stop();
  });

  it('writes every page of the catalog', () => {
    expect(texts()).to.deep.equal({ 'page-rules': 'Wipe your feet.', 'page-welcome': 'Come in.' });
  });

  it('puts a page back that was deleted or changed, without touching the others', async () => {
    const before = operator.writes().length;
    server.objects.delete(ConfigMap, 'default/page-rules');
    await operator.settle();
    server.objects.update(ConfigMap, 'default/page-welcome', (map) => {
      map.data = { text: 'Go away.' };
    });
    await operator.settle();

    expect(texts()).to.deep.equal({ 'page-rules': 'Wipe your feet.', 'page-welcome': 'Come in.' });
    expect(operator.writes()).to.have.length(before + 2);
  });

  it('follows the catalog while it runs', async () => {
    catalog.put('goodbye', 'Mind the step.');
    await operator.settle();

    expect(texts()).to.include({ 'page-goodbye': 'Mind the step.' });
  });
});
