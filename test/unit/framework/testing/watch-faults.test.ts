import { expect } from 'chai';
import {
  closeAtOnce,
  dropBookmarks,
  duplicateEvents,
  type FakeApiServer,
  FakeClock,
  type Fault,
  garbageLine,
  gone,
  reset,
  slowBytes,
  stall,
  status,
  truncateLine,
} from '../../../../src/framework/testing';
import { aConfigMap, CONFIG_MAPS, ConfigMap, Servers } from './fixtures';
import { type ServerUnderTest, until, Watch } from './http-client';

describe('fake API server: faults of watches', () => {
  const servers = new Servers();
  afterEach(() => servers.stopAll());

  async function watching(fake: FakeApiServer, server: ServerUnderTest, query = ''): Promise<Watch> {
    const version = fake.currentVersion;
    return servers.closing(await Watch.open(server, `${CONFIG_MAPS}?watch=1&resourceVersion=${version}${query}`));
  }

  async function faulty(fault: Fault, clock = new FakeClock()): Promise<{ fake: FakeApiServer; watch: Watch; clock: FakeClock }> {
    const { fake, server } = await servers.start({ clock });
    fake.faults.add({ on: { verb: 'watch' }, do: fault });
    return { fake, clock, watch: await watching(fake, server, '&allowWatchBookmarks=true') };
  }

  const names = (watch: Watch): unknown[] => watch.events.map(({ type, object }) => `${type} ${String(object.metadata['name'])}`);

  it('ends the stream cleanly at once, or after some events', async () => {
    const { watch } = await faulty(closeAtOnce());
    await until(() => watch.ended);
    expect([watch.error, watch.events]).to.deep.equal([undefined, []]);

    const later = await faulty(closeAtOnce({ afterEvents: 2 }));
    for (const name of ['a', 'b', 'c']) later.fake.objects.create(ConfigMap, aConfigMap(name));
    await until(() => later.watch.ended);
    expect(names(later.watch)).to.deep.equal(['ADDED a', 'ADDED b']);
  });

  it('resets the stream after some events', async () => {
    const { fake, watch } = await faulty(reset({ afterEvents: 1 }));
    fake.objects.create(ConfigMap, aConfigMap('a'));
    await until(() => watch.ended);
    expect([names(watch), (watch.error as { code?: string } | undefined)?.code]).to.deep.equal([['ADDED a'], 'ECONNRESET']);
    await until(() => fake.openWatches === 0);
  });

  it('falls silent without closing: neither events nor bookmarks', async () => {
    const { fake, watch, clock } = await faulty(stall({ afterEvents: 1 }));
    fake.objects.create(ConfigMap, aConfigMap('a'));
    fake.objects.create(ConfigMap, aConfigMap('b'));
    await watch.take(1);
    await clock.advance(600_000);
    expect([names(watch), watch.ended, fake.openWatches]).to.deep.equal([['ADDED a'], false, 1]);
  });

  it('cuts an event line in half and ends cleanly', async () => {
    const { fake, watch } = await faulty(truncateLine({ afterEvents: 1 }));
    for (const name of ['a', 'b']) fake.objects.create(ConfigMap, aConfigMap(name));
    await until(() => watch.ended);
    expect([names(watch), watch.garbage.length, watch.error]).to.deep.equal([['ADDED a'], 1, undefined]);
  });

  it('sends garbage of any size and goes on', async () => {
    const { fake, watch } = await faulty(garbageLine({ bytes: 2 * 1024 * 1024 }));
    fake.objects.create(ConfigMap, aConfigMap('a'));
    await watch.take(1);
    expect(watch.garbage[0]).to.have.length(2 * 1024 * 1024);
  });

  it('answers 410 as ERROR event or as HTTP status', async () => {
    const { watch } = await faulty(gone());
    await until(() => watch.ended);
    expect(watch.events.map(({ type, object }) => [type, object['code'], object['reason']])).to.deep.equal([['ERROR', 410, 'Expired']]);
    expect((await faulty(gone({ as: 'status' }))).watch.status).to.equal(410);
    expect((await faulty(status(503))).watch.status).to.equal(503);
  });

  it('duplicates events', async () => {
    const { fake, watch } = await faulty(duplicateEvents());
    fake.objects.create(ConfigMap, aConfigMap('a'));
    await watch.take(2);
    expect(names(watch)).to.deep.equal(['ADDED a', 'ADDED a']);
  });

  it('sends bookmarks every minute of its clock, unless they are dropped', async () => {
    const { watch, clock } = await faulty(dropBookmarks());
    await clock.advance(300_000);
    const { fake, server } = await servers.start({ clock });
    const healthy = await watching(fake, server, '&allowWatchBookmarks=true');
    const plain = await watching(fake, server);
    await until(() => fake.openWatches === 2);
    await clock.advance(180_000);
    await until(() => healthy.events.length === 3);
    expect([watch.events, plain.events]).to.deep.equal([[], []]);
    expect(healthy.events[2]!.object).to.deep.include({ kind: 'ConfigMap', apiVersion: 'v1' });
    expect(healthy.events[2]!.object.metadata['resourceVersion']).to.equal(String(fake.currentVersion));
  });

  it('trickles events', async () => {
    const { fake, watch, clock } = await faulty(slowBytes(50));
    fake.objects.create(ConfigMap, aConfigMap('a'));
    await clock.advance(2_000);
    expect(watch.events).to.have.length(0);
    await clock.advance(30_000);
    await watch.take(1);
  });

  it('strikes the watches that are open now', async () => {
    const { fake, server } = await servers.start();
    const [cut, kept] = [await watching(fake, server, '&labelSelector=cut'), await watching(fake, server)];
    expect(fake.faults.strike({ kind: ConfigMap, when: ({ query }) => query.has('labelSelector') }, gone())).to.equal(1);
    await until(() => cut.ended);
    expect([cut.events[0]?.type, kept.ended]).to.deep.equal(['ERROR', false]);
    fake.faults.strike({}, reset());
    await until(() => kept.ended && kept.error !== undefined);
  });
});
