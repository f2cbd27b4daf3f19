import { expect } from 'chai';
import { FakeClock } from '../../../../src/framework/testing';
import { aConfigMap, aMachine, CONFIG_MAPS, ConfigMap, MACHINES, Machine, Servers } from './fixtures';
import { call, type Json, until, Watch } from './http-client';

const meta = (body: Json): Record<string, string> => body['metadata'] as Record<string, string>;
const names = (body: Json): string[] => (body['items'] as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name);

describe('fake API server: history, pages and time', () => {
  const servers = new Servers();
  afterEach(() => servers.stopAll());

  it('forgets its history on compact: watches and pages from before get 410', async () => {
    const { fake, server } = await servers.start();
    for (const name of ['a', 'b', 'c']) fake.objects.create(ConfigMap, aConfigMap(name));
    const page = await call(server, 'GET', `${CONFIG_MAPS}?limit=1`);
    fake.compact();
    fake.objects.delete(ConfigMap, 'default/b');
    expect((await call(server, 'GET', `${CONFIG_MAPS}?limit=1&continue=${meta(page.body)['continue']}`)).status).to.equal(410);
    const watch = servers.closing(await Watch.open(server, `${CONFIG_MAPS}?watch=1&resourceVersion=1001`));
    await until(() => watch.ended);
    expect(watch.events[0]?.object['code']).to.equal(410);
  });

  it('keeps only as much history as it was told', async () => {
    const { fake, server } = await servers.start({ historyLimit: 10 });
    fake.objects.create(ConfigMap, aConfigMap('a'));
    const early = fake.currentVersion;
    for (let i = 0; i < 40; i++) fake.objects.update(ConfigMap, 'default/a', (object) => Object.assign(object, { data: { i: String(i) } }));
    const late = fake.currentVersion - 5;
    const [old, recent] = [early, late].map((version) => Watch.open(server, `${CONFIG_MAPS}?watch=1&resourceVersion=${version}`));
    const watches = [servers.closing(await old!), servers.closing(await recent!)];
    await watches[1]!.take(5);
    await until(() => watches[0]!.ended);
    expect(watches.map(({ events }) => events[0]?.type)).to.deep.equal(['ERROR', 'MODIFIED']);
  });

  it('serves the pages of one list at its version while objects come and go', async () => {
    const { fake, server } = await servers.start();
    for (const name of ['a', 'b', 'c', 'd']) fake.objects.create(ConfigMap, aConfigMap(name));
    const first = await call(server, 'GET', `${CONFIG_MAPS}?limit=2`);
    fake.objects.delete(ConfigMap, 'default/d');
    fake.objects.create(ConfigMap, aConfigMap('bb'));
    const second = await call(server, 'GET', `${CONFIG_MAPS}?limit=2&continue=${meta(first.body)['continue']}`);
    expect([names(first.body), names(second.body)]).to.deep.equal([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    expect(meta(second.body)['resourceVersion']).to.equal(meta(first.body)['resourceVersion']);
    expect(meta(second.body)['continue'] ?? '').to.equal('');
  });

  it('lets continue tokens grow too old after five minutes of its clock, once something has changed', async () => {
    const clock = new FakeClock();
    const { fake, server } = await servers.start({ clock });
    for (const name of ['a', 'b', 'c']) fake.objects.create(ConfigMap, aConfigMap(name));
    const first = await call(server, 'GET', `${CONFIG_MAPS}?limit=1`);
    const next = `${CONFIG_MAPS}?limit=1&continue=${meta(first.body)['continue']}`;
    await clock.advance(300_001);
    expect((await call(server, 'GET', next)).status).to.equal(200);
    fake.objects.delete(ConfigMap, 'default/c');
    expect((await call(server, 'GET', next)).status).to.equal(410);
    fake.expireContinueTokens();
    expect((await call(server, 'GET', next)).status).to.equal(410);
  });

  it('takes creationTimestamp and deletionTimestamp from its clock', async () => {
    const clock = new FakeClock();
    const { fake } = await servers.start({ clock });
    const created = fake.objects.create(Machine, aMachine('a', { finalizers: ['test.io/f'] }));
    await clock.advance(90_000);
    fake.objects.delete(Machine, 'default/a');
    expect(created.metadata?.creationTimestamp).to.equal('2026-01-01T00:00:00Z');
    expect(fake.objects.get(Machine, 'default/a')?.metadata?.deletionTimestamp).to.equal('2026-01-01T00:01:30Z');
  });

  it('ends watches at their timeout on its clock', async () => {
    const clock = new FakeClock();
    const { fake, server } = await servers.start({ clock, watchTimeoutMs: 60_000 });
    const short = await Watch.open(server, `${CONFIG_MAPS}?watch=1&timeoutSeconds=30`);
    const standard = await Watch.open(server, `${CONFIG_MAPS}?watch=1`);
    await until(() => fake.openWatches === 2);
    await clock.advance(30_000);
    await until(() => short.ended);
    expect([short.error, standard.ended]).to.deep.equal([undefined, false]);
    await clock.advance(30_000);
    await until(() => standard.ended && fake.openWatches === 0);
    expect(clock.pendingTimers).to.equal(0);
  });

  it('goes back in time on restore: lower versions, older objects, connections cut', async () => {
    const { fake, server } = await servers.start();
    fake.objects.create(ConfigMap, aConfigMap('old'));
    const backup = fake.backup();
    fake.objects.create(ConfigMap, aConfigMap('new'));
    const watch = await Watch.open(server, `${CONFIG_MAPS}?watch=1&resourceVersion=${fake.currentVersion}`);
    fake.restore(backup);
    await until(() => watch.ended);
    const list = await call(server, 'GET', CONFIG_MAPS);
    expect([names(list.body), meta(list.body)['resourceVersion']]).to.deep.equal([['old'], String(backup.version)]);
  });

  it('moves versions on without events', async () => {
    const { fake, server } = await servers.start();
    const before = fake.currentVersion;
    fake.skipVersions(500);
    expect(meta((await call(server, 'GET', MACHINES)).body)['resourceVersion']).to.equal(String(before + 500));
  });

  it('lists twenty thousand objects in pages without losing one', async () => {
    const { fake, server } = await servers.start();
    fake.objects.seed(
      Machine,
      Array.from({ length: 20_000 }, (_, i) => aMachine(`m${i}`)),
    );
    let token = '';
    let count = 0;
    do {
      const { body } = await call(server, 'GET', `${MACHINES}?limit=500&continue=${token}`);
      count += names(body).length;
      token = meta(body)['continue'] ?? '';
    } while (token !== '');
    expect(count).to.equal(20_000);
  });
});
