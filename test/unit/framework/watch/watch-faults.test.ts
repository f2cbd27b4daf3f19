import { expect } from 'chai';
import { compareResourceVersions } from '../../../../src/framework/watch';
import { informerBench, stopBenches } from './informer-bench';
import { statusError } from './scripted-server';

describe('an informer under faults', () => {
  afterEach(stopBenches);

  it('1: delivers a delete that happened while the watch was down, and replays nothing else', async () => {
    const { server, clock, sync, takeEvents } = informerBench();
    for (const name of ['a', 'b', 'c']) server.create(name);
    await sync();
    takeEvents();

    await clock.advance(10_000);
    server.endWatches();
    await clock.advance(0);
    server.remove('b');
    await clock.advance(1_000);

    expect(takeEvents()).to.deep.equal(['DELETED default/b']);
    expect(server.requests('list')).to.have.length(1);
  });

  for (const goneAs of ['status', 'event'] as const) {
    it(`2: lists once after a 410 told by ${goneAs} and finds the delete it missed`, async () => {
      const { server, clock, sync, takeEvents, informer } = informerBench();
      server.goneAs = goneAs;
      for (const name of ['a', 'b', 'c']) server.create(name);
      await sync();
      takeEvents();

      await clock.advance(10_000);
      server.endWatches();
      await clock.advance(0);
      server.remove('b');
      server.compact();
      await clock.advance(3_000);

      expect(takeEvents()).to.deep.equal(['DELETED default/b lost']);
      expect(server.requests('list')).to.have.length(2);
      expect(informer.status().state).to.equal('Watching');
    });
  }

  it('3: reconnects from the last version after a TCP reset', async () => {
    const { server, clock, sync, takeEvents } = informerBench();
    server.create('a');
    await sync();
    server.update('a', 2);
    await clock.advance(0);
    takeEvents();

    server.resetWatches();
    await clock.advance(0);
    server.create('b');
    await clock.advance(1_000);

    expect(takeEvents()).to.deep.equal(['ADDED default/b']);
    expect(server.watch.request.query?.['resourceVersion']).to.equal('102');
    expect(server.requests('list')).to.have.length(1);
  });

  it('4: backs off while reconnects are answered with 503, then goes on without a list', async () => {
    const { server, clock, sync, informer, takeEvents } = informerBench({ random: () => 1 });
    server.create('a');
    await sync();
    await clock.advance(10_000);
    takeEvents();

    server.failNext('watch', statusError(503, 'ServiceUnavailable'), 5);
    server.resetWatches();
    const attempts = await timesOf(clock, 40_000, () => server.requests('watch').length);

    expect(attempts).to.deep.equal([800, 2_400, 5_600, 12_000, 24_800]);
    expect(informer.status().state).to.equal('Backoff');
    await clock.advance(20_000);
    expect(informer.status().state).to.equal('Watching');
    expect(server.requests('list')).to.have.length(1);
    expect(takeEvents()).to.deep.equal([]);
  });

  it('5: keeps the store readable while a list is answered with 503, and recovers', async () => {
    const { server, clock, sync, informer, takeEvents, content } = informerBench();
    server.create('a');
    await sync();
    takeEvents();

    server.failNext('list', statusError(503, 'ServiceUnavailable'), 3);
    server.resetWatches();
    await clock.advance(0);
    server.create('b');
    server.compact();
    await clock.advance(2_000);
    expect(informer.status()).to.include({ state: 'Backoff', synced: true });
    expect(content()).to.have.property('default/a');
    await clock.advance(10_000);

    expect(informer.status().state).to.equal('Watching');
    expect(content()).to.deep.equal({ 'default/a': 1, 'default/b': 1 });
  });

  it('6: delivers DELETED then ADDED for an object made anew in a gap', async () => {
    const { server, clock, sync, takeEvents, events } = informerBench();
    const first = server.create('a');
    await sync();
    takeEvents();

    await clock.advance(10_000);
    server.endWatches();
    await clock.advance(0);
    server.remove('a');
    const second = server.create('a');
    server.compact();
    await clock.advance(3_000);

    expect(events.map(({ type, lost }) => [type, lost])).to.deep.equal([
      ['DELETED', true],
      ['ADDED', false],
    ]);
    expect(events.map(({ object }) => object.metadata?.uid)).to.deep.equal([first.metadata?.uid, second.metadata?.uid]);
  });

  it('9: connects at most once a second to a server that ends every watch at once, falling to twice a minute', async () => {
    const { server, clock, sync, takeEvents } = informerBench({ random: () => 1 });
    server.create('a');
    server.endsWatchesAtOnce = true;
    await sync();
    takeEvents();

    const attempts = await timesOf(clock, 300_000, () => server.requests('watch').length);
    const gaps = attempts.map((at, i) => at - (attempts[i - 1] ?? 0));

    expect(Math.min(...gaps)).to.be.at.least(1_000);
    expect(gaps.at(-1)).to.equal(30_000);
    expect(attempts).to.have.length.below(16);
    expect(takeEvents()).to.deep.equal([]);
    expect(server.requests('list')).to.have.length(1);
  });

  it('10: gives up a stream that is silent for 90 s after a bookmark, and misses nothing', async () => {
    const { server, clock, sync, takeEvents } = informerBench();
    server.create('a');
    await sync();
    server.bookmark();
    await clock.advance(0);
    takeEvents();

    const halfOpen = server.watch;
    halfOpen.send = () => undefined;
    server.create('b');
    await clock.advance(89_999);
    expect(halfOpen.isClosed).to.equal(false);
    await clock.advance(1_001);

    expect(halfOpen.isClosed).to.equal(true);
    expect(takeEvents()).to.deep.equal(['ADDED default/b']);
    expect(server.requests('list')).to.have.length(1);
  });

  for (const [lifeSeconds, givenUpMs] of [
    [100, 105_000],
    [290, 295_000],
    [590, 295_000],
  ] as const) {
    it(`gives up a stream of ${lifeSeconds} s without bookmarks after ${givenUpMs} ms of silence, before it counts as stale`, async () => {
      const { server, clock, sync } = informerBench({ watch: { minWatchSeconds: lifeSeconds, maxWatchSeconds: lifeSeconds } });
      await sync();
      const silent = server.watch;

      await clock.advance(givenUpMs - 1);
      expect(silent.isClosed).to.equal(false);
      await clock.advance(1);
      expect(silent.isClosed).to.equal(true);
    });
  }

  it('stays ready through ten minutes without any bookmark, and renews the stream without a list', async () => {
    const { server, clock, sync, informer } = informerBench({ random: () => 0.999 });
    server.create('a');
    await sync();
    for (let second = 0; second < 600; second++) {
      await clock.advance(1_000);
      expect(informer.status()).to.include({ state: 'Watching', stale: false });
    }

    expect(server.watches.length).to.be.above(1);
    expect(server.requests('list')).to.have.length(1);
  });

  for (const [fault, text] of [
    ['garbage', '{"type":"ADDED","obj\n'],
    ['an object without a name', '{"type":"ADDED","object":{"metadata":{}}}\n'],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x0a])],
  ] as const) {
    it(`resumes twice from the last good version and then lists when the stream brings ${fault}`, async () => {
      const { server, clock, sync, informer } = informerBench();
      server.create('a');
      await sync();
      server.watch.send(text);
      await clock.advance(1_000);
      expect([server.watches.length, server.requests('list').length]).to.deep.equal([2, 1]);
      expect(server.watch.request.query?.['resourceVersion']).to.equal('101');
      server.watch.send(text);
      await clock.advance(2_000);
      expect([server.watches.length, server.requests('list').length]).to.deep.equal([3, 1]);
      server.watch.send(text);
      await clock.advance(5_000);

      expect([server.watches.length, server.requests('list').length]).to.deep.equal([4, 2]);
      expect(informer.status().state).to.equal('Watching');
    });
  }

  it('takes a line that is cut off by the end of the stream for unreadable', async () => {
    const { server, clock, sync, takeEvents, informer } = informerBench();
    await sync();
    await clock.advance(10_000);
    server.watch.send('{"type":"ADDED","object":{"metadata":{"name":"cut');
    server.watch.end();
    await clock.advance(0);
    expect(informer.status().detail).to.contain('the stream ended within a line');
    server.create('a');
    await clock.advance(1_000);

    expect(takeEvents()).to.deep.equal(['ADDED default/a']);
  });

  it('gives up a line of more than the limit without keeping it', async () => {
    const { server, clock, sync } = informerBench({ watch: { maxLineBytes: 100 } });
    await sync();
    server.watch.send('x'.repeat(101));
    await clock.advance(0);
    expect(server.watch.isClosed).to.equal(true);
    await clock.advance(1_000);
    expect(server.watches).to.have.length(2);
  });

  it('honours a Retry-After that is longer than the backoff, up to a minute', async () => {
    const { server, clock, sync } = informerBench();
    await sync();
    server.failNext('watch', statusError(429, 'TooManyRequests', undefined, 7_000));
    server.failNext('watch', statusError(503, 'ServiceUnavailable', undefined, 3_600_000));
    server.resetWatches();
    await clock.advance(1_000);
    const attempts = await timesOf(clock, 70_000, () => server.requests('watch').length);

    expect(attempts).to.have.length(2);
    expect(attempts[0]).to.be.within(6_400, 7_000);
    expect(attempts[1]! - attempts[0]!).to.equal(60_000);
  });

  it('reconnects once for a 401 within a stream, then backs off', async () => {
    const { server, clock, sync, informer } = informerBench();
    await sync();
    await clock.advance(10_000);
    server.watch.sendEvent('ERROR', { kind: 'Status', code: 401, reason: 'Unauthorized', message: 'expired' });
    await clock.advance(0);
    expect(server.watches).to.have.length(2);
    server.watch.sendEvent('ERROR', { kind: 'Status', code: 401, reason: 'Unauthorized', message: 'expired' });
    await clock.advance(0);

    expect(informer.status().state).to.equal('Backoff');
    await clock.advance(2_000);
    expect(informer.status().state).to.equal('Watching');
  });

  it('waits in Denied while lists are forbidden, says once what is missing, and starts when granted', async () => {
    const { server, clock, sync, informer, log, content } = informerBench();
    server.create('a');
    server.failNext('list', statusError(403, 'Forbidden'), 3);
    await sync();
    expect(informer.status().state).to.equal('Denied');

    const attempts = await timesOf(clock, 250_000, () => server.requests('list').length);
    expect(attempts.map((at) => Math.round(at / 1_000))).to.deep.equal([32, 95, 221]);
    expect(informer.status()).to.include({ state: 'Watching', detail: '' });
    expect(content()).to.deep.equal({ 'default/a': 1 });
    const denials = log.filter(({ level }) => level === 'error').filter(({ fields }) => fields['to'] === 'Denied');
    expect(denials).to.have.length(1);
    expect(denials[0]?.fields).to.include({ verb: 'list', resource: 'widgets.example.org' });
  });

  it('resumes the watch, not the list, when only watching was forbidden', async () => {
    const { server, clock, sync, informer, log } = informerBench();
    server.failNext('watch', statusError(403, 'Forbidden'), 2);
    await sync();
    expect(informer.status().state).to.equal('Denied');
    await clock.advance(120_000);

    expect(informer.status().state).to.equal('Watching');
    expect(server.requests('list')).to.have.length(1);
    expect(log.find(({ fields }) => fields['to'] === 'Denied')?.fields).to.include({ verb: 'watch' });
  });

  it('does not list again and again when every version is told to be too old', async () => {
    const { server, clock, sync } = informerBench();
    await sync();
    server.failNext('watch', statusError(410, 'Expired'), 1_000);
    server.resetWatches();
    await clock.advance(60_000);

    expect(server.requests('list').length).to.be.within(3, 8);
  });

  it('takes a list with a lower version for a restored backup and replaces the whole store', async () => {
    const { server, clock, sync, takeEvents, content, informer } = informerBench();
    server.version = 5_000;
    for (const name of ['a', 'b']) server.create(name);
    await sync();
    takeEvents();

    server.restore(49, ['default/a']);
    server.update('a', 7);
    server.bookmark();
    await clock.advance(1_000);

    expect(takeEvents()).to.deep.equal(['DELETED default/b lost', 'MODIFIED default/a']);
    expect(content()).to.deep.equal({ 'default/a': 7 });
    expect(informer.status().state).to.equal('Watching');
    expect(server.requests('list')).to.have.length(2);
    expect(server.watch.request.query?.['resourceVersion']).to.equal('50');
  });

  it('moves on with bookmarks and delivers nothing for them', async () => {
    const { server, clock, sync, takeEvents } = informerBench();
    await sync();
    server.version = 900;
    server.bookmark();
    await clock.advance(10_000);
    server.endWatches();
    await clock.advance(1_000);

    expect(server.watch.request.query?.['resourceVersion']).to.equal('900');
    expect(takeEvents()).to.deep.equal([]);
    expect(compareResourceVersions('900', '100')).to.be.above(0);
  });

  it('lists the same thousand objects fifty times without one event', async () => {
    const { server, clock, sync, takeEvents } = informerBench();
    for (let i = 0; i < 1_000; i++) server.create(`w-${i}`);
    await sync();
    expect(takeEvents()).to.have.length(1_000);

    for (let round = 0; round < 50; round++) {
      await clock.advance(10_000);
      server.endWatches();
      server.version++;
      server.compact();
      await clock.advance(2_000);
    }

    expect(server.requests('list').filter(({ query }) => query?.['continue'] === undefined)).to.have.length(51);
    expect(takeEvents()).to.deep.equal([]);
  });

  it('starts over once in pages and once in one piece when continue tokens expire', async () => {
    const { server, sync, content, informer } = informerBench({ watch: { pageLimit: 2, minPageLimit: 1 } });
    for (const name of ['a', 'b', 'c', 'd']) server.create(name);
    const stream = server.stream.bind(server);
    server.stream = (request) => {
      if (request.query?.['continue'] !== undefined) {
        if (server.objects.has('default/a')) server.remove('a');
        server.compact();
      }
      return stream(request);
    };
    await sync();

    expect(server.requests('list').map(({ query }) => [query?.['limit'], query?.['continue'] !== undefined])).to.deep.equal([
      ['2', false],
      ['2', true],
      ['2', false],
      ['2', true],
      [undefined, false],
    ]);
    expect(Object.keys(content())).to.deep.equal(['default/b', 'default/c', 'default/d']);
    expect(informer.status().synced).to.equal(true);
  });
});

/** Times, in milliseconds from now, at which `count` grew within the next `forMs`. */
async function timesOf(clock: { advance(ms: number): Promise<void> }, forMs: number, count: () => number): Promise<number[]> {
  const times: number[] = [];
  const stepMs = 100;
  for (let at = 0, before = count(); at < forMs; ) {
    await clock.advance(stepMs);
    at += stepMs;
    if (count() > before) times.push(at);
    before = count();
  }
  return times;
}
