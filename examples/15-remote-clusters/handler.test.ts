import { expect } from 'chai';
import { ConfigMap, Secret } from 'virt-steward/framework';
import { FakeApiServer, FakeClock, TestOperator } from 'virt-steward/framework/testing';
import { Banner, handlers } from './handler';

/** Longest pause between two looks at a cluster that does not answer. */
const PROBE_MS = 75_000;
const TOKEN = 'token-of-the-operator';

describe('15-remote-clusters', () => {
  let clock: FakeClock;
  let home: FakeApiServer;
  let east: FakeApiServer;
  let west: FakeApiServer;
  let operator: TestOperator;

  const join = (name: string, server: FakeApiServer): Secret =>
    home.objects.update(Secret, 'fleet/kubeconfigs', (secret) => {
      secret.data = { ...secret.data, [name]: Buffer.from(server.kubeconfig(TOKEN)).toString('base64') };
    });
  const aRemote = async (): Promise<FakeApiServer> => {
    const server = await FakeApiServer.start({ clock, tls: true });
    server.auth.addUser({ token: TOKEN, name: 'operator' });
    return server;
  };
  const shownOn = (server: FakeApiServer): unknown => server.objects.get(ConfigMap, 'default/banner-hello')?.data;
  const clusters = (): unknown => home.objects.get(Banner, 'hello')?.status?.clusters;

  beforeEach(async () => {
    clock = new FakeClock();
    home = await FakeApiServer.start({ clock, crdFiles: ['examples/crds/banners.yaml'] });
    [east, west] = [await aRemote(), await aRemote()];
    home.objects.create(Secret, { metadata: { namespace: 'fleet', name: 'kubeconfigs' } });
    join('east', east);
    home.objects.create(Banner, { metadata: { name: 'hello' }, spec: { text: 'Hello' } });
    operator = await TestOperator.start({ handlers, server: home, remotes: [east, west], clock });
    await operator.advance(1_000);
  });

  afterEach(async () => {
    await operator.kill();
    for (const server of [home, east, west]) await server.stop();
  });

  it('shows a banner on the clusters it knows, and on one that joins later', async () => {
    expect(shownOn(east)).to.deep.equal({ text: 'Hello' });
    expect(shownOn(west)).to.equal(undefined);

    join('west', west);
    await operator.advance(1_000);
    expect(shownOn(west)).to.deep.equal({ text: 'Hello' });
    expect(clusters()).to.deep.equal({ east: 'Shown', west: 'Shown' });
  });

  it('puts up again what was torn down over there', async () => {
    east.objects.delete(ConfigMap, 'default/banner-hello');
    await operator.advance(1_000);
    expect(shownOn(east)).to.deep.equal({ text: 'Hello' });
  });

  it('says which cluster does not answer, serves the others, and makes up for it', async () => {
    join('west', west);
    await operator.advance(1_000);
    await west.pause();
    for (let minute = 0; minute < 3; minute++) await operator.advance(60_000);
    home.objects.update(Banner, 'hello', (banner) => {
      banner.spec = { text: 'Good bye' };
    });
    await operator.advance(1_000);
    expect(shownOn(east)).to.deep.equal({ text: 'Good bye' });
    expect(clusters()).to.deep.equal({ east: 'Shown', west: 'Unreachable' });

    await west.resume();
    await operator.advance(PROBE_MS);
    expect(shownOn(west)).to.deep.equal({ text: 'Good bye' });
    expect(clusters()).to.deep.equal({ east: 'Shown', west: 'Shown' });
  });

  it('takes a banner down everywhere before it goes', async () => {
    home.objects.delete(Banner, 'hello');
    await operator.advance(1_000);

    expect(shownOn(east)).to.equal(undefined);
    expect(home.objects.get(Banner, 'hello')).to.equal(undefined);
  });

  it('forgets a cluster whose kubeconfig goes, and works on with the others', async () => {
    join('west', west);
    home.objects.update(Secret, 'fleet/kubeconfigs', (secret) => {
      delete secret.data?.['east'];
    });
    await operator.advance(1_000);
    expect(clusters()).to.deep.equal({ west: 'Shown' });
    expect(east.openSockets).to.equal(0);

    home.objects.delete(Secret, 'fleet/kubeconfigs');
    await operator.advance(1_000);
    expect(clusters()).to.equal(undefined);
  });
});
