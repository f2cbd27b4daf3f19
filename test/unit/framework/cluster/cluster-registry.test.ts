import { expect } from 'chai';
import { ClusterUnavailableError } from '../../../../src/framework/errors/refusal-errors';
import { keyOf } from '../../../../src/framework/kinds/object';
import { delayMs, type FakeApiServer, kubeconfigText, stall, status } from '../../../../src/framework/testing';
import type { ResourceEvent } from '../../../../src/framework/watch';
import { aWidget, ClusterBench, INSECURE, kubeConfigOf, TOKEN, through, Widget } from './cluster-bench';

const errorOf = (call: Promise<unknown>): Promise<Error & { code?: string }> =>
  call.then(
    () => {
      throw new Error('the call succeeded');
    },
    (error: Error) => error,
  );

describe('cluster registry', () => {
  let bench: ClusterBench;
  let remote: FakeApiServer;
  const versionCalls = (server = remote): number => server.journal.entries().filter(({ path }) => path === '/version').length;

  beforeEach(async () => {
    bench = await new ClusterBench().start();
    remote = await bench.server();
  });

  afterEach(() => bench.stop());

  /** An engaged cluster whose widgets are listed. */
  const ready = async (config = remote.kubeconfig(TOKEN), options: object = {}): Promise<ResourceEvent[]> => {
    const events: ResourceEvent[] = [];
    const cluster = await bench.registry.engage('a', config, { ...INSECURE, ...options });
    cluster.informers.ensure(Widget as never).subscribe((event) => events.push(event));
    await bench.until('widgets are listed and watched', () =>
      cluster.informers.list().every((informer) => informer.status().synced && informer.status().lastActivityMs !== undefined),
    );
    return events;
  };
  const short = (events: readonly ResourceEvent[]): string[] =>
    events.map(({ type, object, lost }) => `${type} ${keyOf(object)}${lost ? ' lost' : ''}`);

  it('knows the local cluster, and no other before it is engaged', () => {
    expect(bench.registry.get('local')).to.equal(bench.registry.local);
    expect(bench.registry.get('a')).to.equal(undefined);
    expect(bench.registry.remotes()).to.deep.equal([]);
  });

  it('connects, asks for the version, lists, and says so', async () => {
    remote.objects.create(Widget as never, aWidget('w'));
    const events = await ready();

    const cluster = bench.registry.get('a')!;
    expect(cluster.health).to.include({ state: 'Ready', detail: '', problem: undefined });
    expect(cluster.version).to.match(/^v1\./);
    expect(cluster.lastSeen).to.match(/^2026-01-01T/);
    expect(cluster.isLocal).to.equal(false);
    expect(events[0]).to.include({ type: 'ADDED', cluster: 'a', initial: true });
    expect(bench.changes).to.deep.equal(['engaged a', 'recovered a']);
  });

  it('asks for compressed answers of remotes', async () => {
    await ready();
    const answer = await bench.registry.get('a')!.client.raw({ method: 'GET', path: '/version' });
    expect(answer.status).to.equal(200);
  });

  it('refuses the name of the local cluster and an empty one', async () => {
    expect((await errorOf(bench.registry.engage('local', remote.kubeconfig(TOKEN)))).message).to.include('named "local"');
    expect(await errorOf(bench.registry.engage('', remote.kubeconfig(TOKEN)))).to.be.instanceOf(RangeError);
  });

  it('does nothing for equal content', async () => {
    await ready();
    const before = remote.journal.count();
    const first = bench.registry.get('a');

    const second = await bench.registry.engage('a', remote.kubeconfig(TOKEN), INSECURE);

    expect(second).to.equal(first);
    await bench.clock.advance(1_000);
    expect(remote.journal.count()).to.equal(before);
  });

  it('takes a loaded kubeconfig as it takes text, under either policy', async () => {
    await ready(kubeConfigOf(remote.kubeconfig(TOKEN)) as never);
    await bench.registry.engage('b', kubeConfigOf(remote.kubeconfig(TOKEN)), { policy: 'trusted' });
    await bench.until('b is connected', () => bench.state('b') === 'Ready');
  });

  describe('policy', () => {
    for (const [what, text] of [
      ['an exec plugin', { user: { exec: { command: 'touch' } } }],
      ['a file', { user: { tokenFile: '/etc/passwd' } }],
      ['a server that is not verified', { user: { token: 'x' } }],
    ] as const) {
      it(`refuses ${what} without contacting anything`, async () => {
        const config = JSON.stringify({
          clusters: [{ name: 'c', cluster: { server: remote.url } }],
          users: [{ name: 'u', user: text.user }],
          contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
          'current-context': 'x',
        });
        const cluster = await bench.registry.engage('a', config);
        cluster.informers.ensure(Widget as never);
        await bench.clock.advance(120_000);

        expect(cluster.health.state).to.equal('Refused');
        expect(cluster.health.detail).to.match(/^kubeconfig of cluster a: /);
        expect(remote.journal.count()).to.equal(0);
        expect(bench.changes).to.deep.equal(['engaged a', 'lost a']);
        const error = await errorOf(cluster.client.raw({ method: 'GET', path: '/version' }));
        expect(error).to.be.instanceOf(ClusterUnavailableError);
        expect(error.message).to.include('kubeconfig of cluster a: ');
        expect(cluster.store(Widget).size).to.equal(0);
      });
    }

    it('connects once the content is acceptable', async () => {
      await bench.registry.engage('a', 'nonsense: [', INSECURE);
      expect(bench.state()).to.equal('Refused');
      await ready();
      expect(bench.state()).to.equal('Ready');
      expect(bench.changes).to.deep.equal(['engaged a', 'lost a', 'recovered a']);
    });

    it('keeps a connection that works when the new content is refused', async () => {
      const events = await ready();
      await bench.registry.engage('a', 'nonsense: [', INSECURE);

      expect(bench.registry.get('a')!.health).to.deep.include({
        state: 'Ready',
        problem: 'kubeconfig of cluster a: is not valid YAML (line 1)',
      });
      remote.objects.create(Widget as never, aWidget('later'));
      await bench.until('the watch goes on', () => events.length === 1);
      await bench.registry.engage('a', remote.kubeconfig(TOKEN), INSECURE);
      expect(bench.registry.get('a')!.health.problem).to.equal(undefined);
    });
  });

  describe('health', () => {
    it('probes every 30 s, unless something was received meanwhile', async () => {
      await ready();
      const probes = versionCalls();
      await bench.until('the next probe', () => versionCalls() === probes + 1, { stepMs: 1_000 });
      const atMs = bench.clock.monotonicMs();
      expect(atMs).to.be.within(24_000, 66_000);

      const cluster = bench.registry.get('a')!;
      for (let second = 0; second < 60; second += 10) {
        await cluster.client.find(Widget, 'ns/none');
        await bench.clock.advance(10_000);
      }
      expect(versionCalls()).to.equal(probes + 1);
    });

    it('goes from Connecting to Unreachable after three probes, and refuses calls then', async () => {
      await remote.pause();
      const cluster = await bench.registry.engage('a', remote.kubeconfig(TOKEN), INSECURE);
      expect(cluster.health.state).to.equal('Connecting');
      await bench.until('Unreachable', () => bench.state() === 'Unreachable', { stepMs: 500 });

      const error = await errorOf(cluster.client.find(Widget, 'ns/w'));
      expect(error).to.include({ code: 'CLUSTER_UNAVAILABLE', cluster: 'a', since: undefined });
      expect(bench.changes).to.deep.equal(['engaged a', 'lost a']);

      await remote.resume();
      await bench.until('Ready', () => bench.state() === 'Ready', { stepMs: 500 });
      expect(bench.changes.at(-1)).to.equal('recovered a');
    });

    it('is Degraded after one lost call and Unreachable after five', async () => {
      await ready();
      const cluster = bench.registry.get('a')!;
      await remote.pause();
      await bench.until('Degraded', () => bench.state() === 'Degraded');
      for (let call = 0; call < 5; call++) {
        let hasEnded = false;
        void errorOf(cluster.client.find(Widget, 'ns/w')).then(() => {
          hasEnded = true;
        });
        await bench.until('the call has ended', () => hasEnded);
      }
      expect(bench.state()).to.equal('Unreachable');
      expect(versionCalls()).to.equal(1);
    });

    it('keeps stores readable while Unreachable, and delivers what was missed after that', async () => {
      remote.objects.create(Widget as never, aWidget('stays'));
      remote.objects.create(Widget as never, aWidget('goes'));
      const events = await ready();
      const cluster = bench.registry.get('a')!;
      await remote.pause();
      await bench.until('Unreachable', () => bench.state() === 'Unreachable', { stepMs: 1_000 });

      expect(cluster.store(Widget).synced).to.equal(true);
      expect(cluster.store(Widget).get('ns/goes')).not.to.equal(undefined);

      remote.objects.delete(Widget as never, 'ns/goes');
      remote.compact();
      await remote.resume();
      await bench.until('the deletion is known', () => short(events).some((event) => event.startsWith('DELETED ns/goes')), { stepMs: 500 });
      await bench.until('Ready', () => bench.state() === 'Ready');
    });

    it('takes a refused call for an answer, and a server error for none of its business', async () => {
      await ready();
      const cluster = bench.registry.get('a')!;
      remote.faults.add({ on: { verb: 'get', kind: Widget as never }, do: status(500), times: 20 });
      for (let call = 0; call < 6; call++) await errorOf(cluster.client.get(Widget, 'ns/w'));
      expect(bench.state()).to.equal('Ready');
    });

    it('is AuthFailed when the token is revoked, and Ready with a new one that is swapped in place', async () => {
      remote.auth.addUser({ token: TOKEN, name: 'steward' });
      const events = await ready();
      const watches = remote.journal.count({ verb: 'watch' });
      const lists = remote.journal.count({ verb: 'list' });
      remote.auth.revoke(TOKEN);
      remote.auth.addUser({ token: 'token-2', name: 'steward' });
      await errorOf(bench.registry.get('a')!.client.find(Widget, 'ns/w'));
      expect(bench.state()).to.equal('AuthFailed');
      expect(bench.changes.at(-1)).to.equal('lost a');

      await bench.registry.engage('a', remote.kubeconfig('token-2'), INSECURE);
      await bench.untilAtOnce('Ready', () => bench.state() === 'Ready');

      remote.objects.create(Widget as never, aWidget('after'));
      await bench.until('the watch goes on', () => short(events).includes('ADDED ns/after'));
      expect(remote.journal.count({ verb: 'watch' })).to.equal(watches);
      expect(remote.journal.count({ verb: 'list' })).to.equal(lists);
      expect(bench.changes.at(-1)).to.equal('recovered a');
    });

    it('does not take bytes on an old watch for a credential that works', async () => {
      remote.auth.addUser({ token: TOKEN, name: 'steward' });
      const events = await ready();
      remote.auth.revoke(TOKEN);
      await errorOf(bench.registry.get('a')!.client.find(Widget, 'ns/w'));
      remote.objects.create(Widget as never, aWidget('seen'));
      await bench.untilAtOnce('the watch tells', () => events.length === 1);

      expect(bench.state()).to.equal('AuthFailed');
    });

    it('says that a certificate is not trusted, and connects when it is', async () => {
      const secure = await bench.server({ tls: true });
      const trusted = secure.kubeconfig(TOKEN);
      secure.rotateCertificate({ newAuthority: true });
      const cluster = await bench.registry.engage('a', trusted);
      await bench.until('Unreachable', () => bench.state() === 'Unreachable', { stepMs: 500 });
      expect(cluster.health.detail).to.match(/certificate/i);
      expect(secure.journal.count()).to.equal(0);

      await bench.registry.engage('a', secure.kubeconfig(TOKEN));
      await bench.until('Ready', () => bench.state() === 'Ready');
    });

    it('tells hooks of every state and of every success', async () => {
      const told: string[] = [];
      const own = await new ClusterBench().start({
        engaged: (name) => told.push(`${name} engaged`),
        stateChanged: (name, state) => told.push(`${name} ${state}`),
        succeeded: (name) => told.includes(`${name} heard`) || told.push(`${name} heard`),
        disengaged: (name) => told.push(`${name} gone`),
      });
      await own.registry.engage('z', remote.kubeconfig(TOKEN), INSECURE);
      await own.until('Ready', () => own.state('z') === 'Ready');
      await own.registry.disengage('z');
      await own.stop();
      expect(told).to.deep.equal(['z engaged', 'z heard', 'z Ready', 'z gone']);
    });
  });

  describe('another connection', () => {
    it('is built beside the old one and delivers the differences when it takes over', async () => {
      remote.objects.create(Widget as never, aWidget('both'));
      remote.objects.create(Widget as never, aWidget('old-only'));
      const events = await ready();
      const cluster = bench.registry.get('a')!;
      const { client } = cluster;
      const other = await bench.server();
      other.skipVersions(500);
      other.objects.create(Widget as never, aWidget('both'));
      other.objects.create(Widget as never, aWidget('new-only'));
      events.length = 0;

      expect(await bench.registry.engage('a', other.kubeconfig(TOKEN), INSECURE)).to.equal(cluster);
      expect(short([...events])).to.deep.equal([]);
      await bench.until('it has taken over', () => cluster.store(Widget).get('ns/new-only') !== undefined);
      await bench.until('the old one is closed', () => remote.openSockets === 0);

      expect(short(events).sort()).to.deep.equal([
        'ADDED ns/both',
        'ADDED ns/new-only',
        'DELETED ns/both lost',
        'DELETED ns/old-only lost',
      ]);
      expect(cluster.client).to.equal(client);
      expect((await client.get(Widget, 'ns/new-only')).metadata?.name).to.equal('new-only');
      other.objects.create(Widget as never, aWidget('later'));
      await bench.until('its watch is followed', () => short(events).includes('ADDED ns/later'));
    });

    it('that does not connect within two minutes leaves the old one in use, and says so', async () => {
      const events = await ready();
      const hole = await bench.proxy(remote);
      hole.halfOpen();

      await bench.registry.engage('a', through(hole), INSECURE);
      await bench.until('it was given up', () => bench.registry.get('a')!.health.problem !== undefined, { stepMs: 1_000 });

      expect(bench.clock.monotonicMs()).to.be.at.least(120_000);
      const { health } = bench.registry.get('a')!;
      expect(health.state).to.equal('Ready');
      expect(health.problem).to.match(/^the new connection was not ready within 120 s: /);
      remote.objects.create(Widget as never, aWidget('later'));
      await bench.until('the old watch goes on', () => short(events).includes('ADDED ns/later'));
      await hole.heal();
      await bench.untilAtOnce('the new one is closed', () => hole.open === 0);
    });

    it('replaces one that has never worked at once', async () => {
      const hole = await bench.proxy(remote);
      hole.halfOpen();
      await bench.registry.engage('a', through(hole), INSECURE);
      await bench.clock.advance(1_000);
      await bench.registry.engage('a', remote.kubeconfig(TOKEN), INSECURE);
      await bench.until('Ready', () => bench.state() === 'Ready');
      await hole.heal();
      await bench.untilAtOnce('the old one is closed', () => hole.open === 0);
    });

    it('narrows what is watched when the engagement does', async () => {
      remote.objects.create(Widget as never, { ...aWidget('ours'), metadata: { name: 'ours', namespace: 'ns', labels: { of: 'us' } } });
      remote.objects.create(Widget as never, aWidget('theirs'));
      const events = await ready();
      expect(events).to.have.length(2);
      await bench.registry.engage('a', remote.kubeconfig(TOKEN), { ...INSECURE, namespaces: ['ns'], labels: 'of=us' });
      await bench.until('the other is gone', () => short(events).includes('DELETED ns/theirs lost'));
      expect(remote.journal.entries({ verb: 'list', namespace: 'ns' }).at(-1)?.query['labelSelector']).to.equal('of=us');
    });
  });

  describe('disengaging', () => {
    it('forgets the cluster, closes every socket and leaves no timer', async () => {
      await ready();
      const cluster = bench.registry.get('a')!;
      await bench.registry.disengage('a');

      expect(bench.registry.get('a')).to.equal(undefined);
      expect(bench.changes.at(-1)).to.equal('disengaged a');
      await bench.untilAtOnce('no socket is open', () => remote.openSockets === 0);
      expect(bench.clock.pendingTimers).to.equal(0);
      expect(await errorOf(cluster.client.find(Widget, 'ns/w'))).to.be.instanceOf(ClusterUnavailableError);
      await bench.registry.disengage('a');
    });

    it('resolves within 5 s while calls hang and whoever ends work does not', async () => {
      await ready();
      const cluster = bench.registry.get('a')!;
      remote.faults.add({ on: { verb: 'get' }, do: stall(), times: 100 });
      const hanging = errorOf(cluster.client.get(Widget, 'ns/w'));
      bench.registry.subscribe(({ type }) => (type === 'disengaged' ? new Promise<void>(() => undefined) : undefined));
      let isDone = false;
      void bench.registry.disengage('a').then(() => {
        isDone = true;
      });
      await bench.clock.advance(4_400);
      expect(isDone).to.equal(false);
      await bench.clock.advance(100);
      expect(isDone).to.equal(true);
      expect(await hanging).to.be.instanceOf(ClusterUnavailableError);
    });

    it('fifty times in a row leaves no socket, timer or watch behind', async () => {
      remote.objects.create(Widget as never, aWidget('w'));
      for (let round = 0; round < 50; round++) {
        const cluster = await bench.registry.engage('a', remote.kubeconfig(TOKEN), INSECURE);
        cluster.informers.ensure(Widget as never);
        if (round % 2 === 0) await bench.until('listed', () => cluster.store(Widget).synced);
        await bench.registry.disengage('a');
      }
      await bench.untilAtOnce('no socket is open', () => remote.openSockets === 0);
      expect(bench.clock.pendingTimers).to.equal(0);
      expect(remote.openWatches).to.equal(0);
    });

    it('is over when the registry is closed, and nothing can be engaged after that', async () => {
      await ready();
      await bench.registry.close();
      expect(bench.registry.remotes()).to.deep.equal([]);
      expect((await errorOf(bench.registry.engage('b', remote.kubeconfig(TOKEN)))).message).to.include('the operator is stopping');
    });

    it('while it is still connecting gives the turn to the next', async () => {
      const hole = await bench.proxy(remote);
      hole.halfOpen();
      for (const name of ['h1', 'h2', 'h3', 'h4']) await bench.registry.engage(name, through(hole), INSECURE);
      await bench.registry.engage('a', remote.kubeconfig(TOKEN), INSECURE);
      await bench.clock.advance(100);
      expect(versionCalls()).to.equal(0);

      await bench.registry.disengage('h1');
      await bench.untilAtOnce('a is connected', () => bench.state() === 'Ready');
    });
  });

  it('tells of listeners that fail and goes on with the next', async () => {
    bench.registry.subscribe(() => {
      throw new Error('a listener');
    });
    const heard: string[] = [];
    bench.registry.subscribe(({ type }) => void heard.push(type));
    await bench.registry.engage('a', kubeconfigText({ server: remote.url, token: TOKEN }), INSECURE);
    expect(heard).to.deep.equal(['engaged']);
  });

  it('does not let ten black holes keep ten others from working', async () => {
    const hole = await bench.proxy(remote);
    hole.halfOpen();
    const slow = remote.faults.add({ on: { verb: 'list' }, do: delayMs(1), times: 1_000 });
    const good = Array.from({ length: 10 }, (_, index) => `good-${index}`);
    for (const [index, name] of good.entries()) {
      await bench.registry.engage(`hole-${index}`, through(hole), INSECURE);
      const cluster = await bench.registry.engage(name, remote.kubeconfig(TOKEN), INSECURE);
      cluster.informers.ensure(Widget as never);
    }
    await bench.until('the good ones are listed', () => good.every((name) => bench.registry.get(name)!.hasSynced), { stepMs: 250 });

    expect(good.map((name) => bench.state(name))).to.deep.equal(good.map(() => 'Ready'));
    // Ten black holes hold four places for at most 5 s each: three rounds, whatever the number of good ones.
    expect(bench.clock.monotonicMs()).to.be.at.most(20_000);
    for (const name of good) expect(await bench.registry.get(name)!.client.find(Widget, 'ns/none')).to.equal(undefined);
    expect(bench.registry.remotes().filter(({ health }) => health.state === 'Ready')).to.have.length(10);
    slow.remove();
  });
});
