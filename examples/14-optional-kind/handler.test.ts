import { expect } from 'chai';
import { Service } from 'virt-steward/framework';
import { FakeApiServer, FakeClock, TestOperator } from 'virt-steward/framework/testing';
import { handlers, PORT_LABEL, ServiceMonitor } from './handler';

const aService = (name: string, labels = {}): Service => ({ metadata: { namespace: 'shop', name, labels } });
/** Without the right to watch CRDs or while that is quiet, discovery is asked this often at the latest. */
const DISCOVERY_MS = 75_000;

describe('14-optional-kind', () => {
  let server: FakeApiServer;
  let operator: TestOperator;
  const monitored = (): (string | undefined)[] => server.objects.list(ServiceMonitor).map(({ metadata }) => metadata?.name);

  beforeEach(async () => {
    const clock = new FakeClock();
    server = await FakeApiServer.start({ clock });
    server.objects.create(Service, aService('till', { app: 'till', [PORT_LABEL]: 'metrics' }));
    server.objects.create(Service, aService('queue'));
    operator = await TestOperator.start({ handlers, server, clock });
  });

  afterEach(async () => {
    await operator.stop();
    await server.stop();
  });

  it('does nothing and fails nothing while the kind is absent', () => {
    expect(operator.cluster.serves(ServiceMonitor)).to.equal(false);
    expect(operator.key(Service, 'shop/till').history.map(({ error }) => error)).to.deep.equal([undefined]);
    expect(operator.writes()).to.deep.equal([]);
  });

  it('catches up when the kind appears, with the Services that asked for it', async () => {
    server.serve(ServiceMonitor);
    await operator.advance(DISCOVERY_MS);

    expect(monitored()).to.deep.equal(['till']);
    expect(server.objects.get(ServiceMonitor, 'shop/till')?.spec?.endpoints).to.deep.equal([{ port: 'metrics' }]);
  });

  it('survives that the kind goes and comes back', async () => {
    server.serve(ServiceMonitor);
    await operator.advance(DISCOVERY_MS);
    server.unserve(ServiceMonitor);
    await operator.advance(DISCOVERY_MS);
    expect(operator.cluster.serves(ServiceMonitor)).to.equal(false);

    server.serve(ServiceMonitor);
    await operator.advance(DISCOVERY_MS);
    expect(monitored()).to.deep.equal(['till']);
  });
});
