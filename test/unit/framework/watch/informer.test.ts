import { expect } from 'chai';
import { defineKind } from '../../../../src/framework/kinds/kind';
import type { KubernetesObject } from '../../../../src/framework/kinds/object';
import type { InformerHooks, InformerOptions } from '../../../../src/framework/watch';
import { informerBench, stopBenches } from './informer-bench';
import { ScriptedServer, statusError, Widget } from './scripted-server';

const OptionalWidget = defineKind<Widget>('example.org/v1', 'Widget', 'widgets', { scope: 'Namespaced', optional: true });

describe('informer', () => {
  afterEach(stopBenches);

  it('marks what the first list brings as initial, is synced after it, and delivers what follows', async () => {
    const { server, clock, informer, takeEvents, sync } = informerBench();
    server.create('a');
    expect(informer.store.synced).to.equal(false);
    await sync();
    expect(takeEvents()).to.deep.equal(['ADDED default/a initial']);
    expect(informer.store.synced).to.equal(true);

    server.update('a', 2);
    server.create('b');
    server.remove('a');
    await clock.advance(0);
    expect(takeEvents()).to.deep.equal(['MODIFIED default/a', 'ADDED default/b', 'DELETED default/a']);
  });

  it('is not synced and has no object before the last page of the first list', async () => {
    const { server, informer, sync, clock, takeEvents } = informerBench({ watch: { pageLimit: 1, minPageLimit: 1 } });
    server.create('a');
    server.create('b');
    const stream = server.stream.bind(server);
    server.stream = async (request) => {
      if (request.query?.['continue'] !== undefined) throw statusError(503, 'ServiceUnavailable');
      return stream(request);
    };
    await sync();
    expect([informer.store.synced, informer.store.size, takeEvents().length]).to.deep.equal([false, 0, 0]);

    server.stream = stream;
    await clock.advance(1_000);
    expect([informer.store.synced, informer.store.size]).to.deep.equal([true, 2]);
  });

  it('asks for a watch with bookmarks, the version of the list and a random life', async () => {
    const { server, sync } = informerBench({ random: () => 0 });
    await sync();
    expect(server.watch.request.query).to.include({
      watch: '1',
      allowWatchBookmarks: 'true',
      resourceVersion: '100',
      timeoutSeconds: '290',
    });
    expect(server.watch.request).to.include({ headersTimeoutMs: 30_000, bodyIdleTimeoutMs: 0, totalTimeoutMs: 0 });
  });

  it('sends its selectors with lists and watches', async () => {
    const { server, sync } = informerBench({ selection: { labels: 'app=x', fields: 'metadata.name=a' } });
    await sync();
    for (const { query } of [server.requests('list')[0]!, server.watch.request]) {
      expect(query).to.include({ labelSelector: 'app=x', fieldSelector: 'metadata.name=a' });
    }
  });

  it('asks for metadata only and keeps nothing else', async () => {
    const { server, sync, informer, clock } = informerBench({ selection: { metadataOnly: true } });
    server.create('a');
    await sync();
    server.create('b');
    await clock.advance(0);

    expect(server.requests('list')[0]?.accept).to.equal(
      'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json',
    );
    expect(server.watch.request.accept).to.equal('application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json');
    for (const object of informer.store.list()) expect(Object.keys(object).sort()).to.deep.equal(['apiVersion', 'kind', 'metadata']);
  });

  it('lets other work run after every 500 objects of a list', async () => {
    let turns = 0;
    const { server, sync } = informerBench({ yieldTurn: async () => void turns++ });
    for (let i = 0; i < 2_000; i++) server.create(`w-${i}`);
    await sync();
    expect(turns).to.equal(8); // four times while decoding, four times while storing
  });

  it('goes on when a listener throws, and says so', async () => {
    const { server, informer, sync, takeEvents, log } = informerBench();
    informer.subscribe(() => {
      throw new Error('listener is broken');
    });
    const later: string[] = [];
    informer.subscribe(({ type }) => later.push(type));
    server.create('a');
    await sync();

    expect(takeEvents()).to.have.length(1);
    expect(later).to.deep.equal(['ADDED']);
    expect(log.filter(({ message }) => message === 'a listener of an informer threw')).to.have.length(1);
    expect(informer.status().state).to.equal('Watching');
  });

  it('tells a listener nothing after it unsubscribed', async () => {
    const { server, informer, sync, clock } = informerBench();
    const seen: string[] = [];
    const unsubscribe = informer.subscribe(({ type }) => seen.push(type));
    server.create('a');
    await sync();
    unsubscribe();
    server.create('b');
    await clock.advance(0);
    expect(seen).to.deep.equal(['ADDED']);
  });

  it('reports one line per state change, not per attempt', async () => {
    const { server, sync, clock, log } = informerBench();
    await sync();
    server.failNext('watch', statusError(503, 'ServiceUnavailable'), 4);
    await clock.advance(10_000);
    server.resetWatches();
    await clock.advance(60_000);

    const changes = log.filter(({ message }) => message === 'informer changed its state');
    expect(changes.map(({ level, fields }) => `${level} ${fields['to']}`)).to.deep.equal([
      'info Listing',
      'info Watching',
      'warn Backoff',
      'info Watching',
    ]);
    expect(changes[0]?.fields).to.include({ cluster: 'local', kind: 'widgets.example.org', from: 'Waiting' });
  });

  describe('with several namespaces', () => {
    const bench = () => informerBench({ selection: { namespaces: ['one', 'two'] } });

    it('has one stream each and one store, synced when all are', async () => {
      const { server, sync, informer, content, clock } = bench();
      server.create('a', { namespace: 'one' });
      server.create('b', { namespace: 'two' });
      server.create('c', { namespace: 'three' });
      server.failNext('list', statusError(503, 'ServiceUnavailable'));
      await sync();
      expect(informer.status()).to.include({ state: 'Backoff', synced: false });
      expect(informer.status().detail).to.match(/^namespace one: .*503/);
      await clock.advance(1_000);

      expect(content()).to.deep.equal({ 'one/a': 1, 'two/b': 1 });
      expect(informer.status()).to.include({ state: 'Watching', synced: true });
      expect(server.openWatches.map(({ namespace }) => namespace).sort()).to.deep.equal(['one', 'two']);
    });

    it('finds missing in a relist only what its namespace had', async () => {
      const { server, sync, clock, takeEvents } = bench();
      server.create('a', { namespace: 'one' });
      server.create('b', { namespace: 'two' });
      await sync();
      takeEvents();
      await clock.advance(10_000);
      server.openWatches.find(({ namespace }) => namespace === 'one')?.end();
      server.remove('a', 'one');
      server.compact();
      await clock.advance(2_000);
      expect(takeEvents()).to.deep.equal(['DELETED one/a lost']);
    });
  });

  describe('given the answer of an own write', () => {
    it('delivers it at once and nothing when the watch brings the same version', async () => {
      const { server, sync, informer, takeEvents, clock } = informerBench();
      server.create('a');
      await sync();
      takeEvents();
      server.watches[0]!.send = () => undefined; // the watch lags behind
      const written = server.update('a', 5);
      informer.putOwnWrite(written);
      expect(takeEvents()).to.deep.equal(['MODIFIED default/a']);
      expect(informer.store.get('default/a')?.spec?.size).to.equal(5);

      server.resetWatches();
      await clock.advance(2_000);
      expect(takeEvents()).to.deep.equal([]);
    });

    it('ignores it when something newer is known', async () => {
      const { server, sync, informer, takeEvents, clock } = informerBench();
      server.create('a');
      await sync();
      const written = server.update('a', 5);
      server.update('a', 6);
      await clock.advance(0);
      takeEvents();
      informer.putOwnWrite(written);
      expect(takeEvents()).to.deep.equal([]);
      expect(informer.store.get('default/a')?.spec?.size).to.equal(6);
    });

    it('does not bring back an object whose deletion the watch has told already', async () => {
      const { server, sync, informer, takeEvents, clock } = informerBench();
      server.create('a');
      await sync();
      const written = server.update('a', 5);
      server.remove('a');
      await clock.advance(0);
      takeEvents();
      informer.putOwnWrite(written);
      expect(takeEvents()).to.deep.equal([]);
      expect(informer.store.size).to.equal(0);
    });

    it('adds an object that was just made, and keeps it over a relist that is older', async () => {
      const { server, sync, informer, takeEvents } = informerBench();
      await sync();
      server.watches[0]!.send = () => undefined;
      informer.putOwnWrite(server.create('a'));
      expect(takeEvents()).to.deep.equal(['ADDED default/a']);
    });

    it('does not add what the selection leaves out or only the server can judge', async () => {
      for (const selection of [{ labels: 'app=x' }, { namespaces: ['other'] }, { fields: 'spec.size=1' }]) {
        const { server, sync, informer } = informerBench({ selection });
        await sync();
        for (const watch of server.watches) watch.send = () => undefined;
        informer.putOwnWrite(server.create('a'));
        expect(informer.store.size).to.equal(0);
      }
    });

    it('ignores it before the first list and after the stop', async () => {
      const { server, informer, sync, events } = informerBench();
      informer.putOwnWrite(server.create('a'));
      expect(informer.store.size).to.equal(0);
      await sync();
      const before = events.length;
      await informer.stop();
      informer.putOwnWrite(server.update('a', 2));
      expect(events).to.have.length(before);
    });

    it('leaves the object of the caller as it was and freezes its own copy', async () => {
      const { server, sync, informer } = informerBench();
      server.create('a');
      await sync();
      server.watch.send = () => undefined;
      const written = { ...server.update('a', 5) };
      written.metadata = { ...written.metadata, managedFields: [{}] };
      informer.putOwnWrite(written);

      expect(written.metadata.managedFields).to.have.length(1);
      expect(Object.isFrozen(written)).to.equal(false);
      expect(informer.store.get('default/a')?.metadata).not.to.have.property('managedFields');
    });
  });

  describe('of an optional kind', () => {
    const bench = () => {
      const made = informerBench({ kind: OptionalWidget });
      made.server.servedVersions = [];
      return made;
    };

    it('waits without being late, starts when the kind appears, empties when it goes and starts again, fifty times', async () => {
      const { server, clock, informer, takeEvents, sync, discovery } = bench();
      await sync();
      await clock.advance(300_000);
      expect(informer.status()).to.include({ state: 'Waiting', synced: false, late: false, stale: false });
      expect(informer.status().detail).to.equal('waiting for example.org/v1 to be served');

      for (let round = 0; round < 50; round++) {
        server.servedVersions = ['v1'];
        server.create('a');
        discovery.kick('widgets.example.org');
        await clock.advance(0);
        expect(takeEvents()).to.deep.equal(['ADDED default/a initial']);
        expect(informer.status()).to.include({ state: 'Watching', synced: true });
        await clock.advance(10_000);
        server.drop();
        await clock.advance(12_000);
        expect(takeEvents()).to.deep.equal(['DELETED default/a']);
        expect(informer.status()).to.include({ state: 'Waiting', synced: false });
        expect(informer.store.size).to.equal(0);
      }
      expect(clock.pendingTimers).to.be.at.most(1);
    });

    it('reports whether the kind is there, from the start on', async () => {
      const calls: string[] = [];
      const hooks: InformerHooks = {
        state: (_, state) => calls.push(state),
        kindAvailable: (_, available) => calls.push(`available ${available}`),
      };
      const { server, sync, clock, informer } = informerBench({ kind: OptionalWidget, hooks });
      server.servedVersions = [];
      await sync();
      expect(calls.splice(0)).to.deep.equal(['Waiting', 'available false']);

      server.servedVersions = ['v1'];
      server.failNext('list', statusError(503, 'ServiceUnavailable'));
      await clock.advance(5_000);
      expect(calls.splice(0)).to.deep.equal(['Listing', 'available true', 'Backoff']);
      await clock.advance(5_000);
      server.drop();
      await clock.advance(12_000);
      expect(calls.slice(-2)).to.deep.equal(['Waiting', 'available false']);
      calls.length = 0;
      await informer.stop();
      expect(calls).to.deep.equal(['Stopped']);
    });

    it('finds it by polling when nobody kicks', async () => {
      const { server, clock, informer, sync } = bench();
      await sync();
      await clock.advance(120_000);
      server.servedVersions = ['v1'];
      await clock.advance(60_000);
      expect(informer.status().state).to.equal('Watching');
    });

    it('keeps the store until discovery has confirmed twice, five seconds apart, and then delivers lost deletes', async () => {
      const { server, clock, informer, takeEvents, sync } = bench();
      server.servedVersions = ['v1'];
      server.create('a');
      await sync();
      takeEvents();
      await clock.advance(10_000);
      server.servedVersions = [];
      const asked = server.requests('discovery').length;
      server.endWatches();
      await clock.advance(1_000);
      expect(informer.status().state).to.equal('Backoff');
      expect(server.requests('discovery').length - asked).to.equal(1);
      expect([informer.store.size, informer.store.synced]).to.deep.equal([1, true]);

      await clock.advance(4_999);
      expect(takeEvents()).to.deep.equal(['DELETED default/a lost']);
      expect(informer.status()).to.include({ state: 'Waiting', synced: false });
    });

    it('keeps everything when discovery cannot answer or says that the kind is there', async () => {
      const { server, clock, informer, takeEvents, sync } = bench();
      server.servedVersions = ['v1'];
      server.create('a');
      await sync();
      takeEvents();
      server.failNext('watch', statusError(404, 'NotFound'));
      server.failNext('list', statusError(404, 'NotFound'));
      server.failNext('discovery', statusError(503, 'ServiceUnavailable'));
      server.resetWatches();
      await clock.advance(20_000);

      expect(takeEvents()).to.deep.equal([]);
      expect(informer.status()).to.include({ state: 'Watching', synced: true });
    });

    it('takes the first alternative that is served and asks under it', async () => {
      const kind = defineKind<Widget>('example.org/v2', 'Widget', 'widgets', {
        scope: 'Namespaced',
        alternatives: ['example.org/v1beta1', 'example.org/v1'],
      });
      const { server, sync, informer } = informerBench({ kind });
      server.servedVersions = ['v1'];
      server.create('a');
      await sync();
      expect(server.requests('discovery').map(({ path }) => path)).to.deep.equal([
        '/apis/example.org/v2',
        '/apis/example.org/v1beta1',
        '/apis/example.org/v1',
      ]);
      expect(server.watch.request.path).to.equal('/apis/example.org/v1/widgets');
      expect(informer.store.get('default/a')?.apiVersion).to.equal('example.org/v1');
    });

    it('moves to another version when the one in use is no longer served', async () => {
      const kind = defineKind<Widget>('example.org/v1', 'Widget', 'widgets', { scope: 'Namespaced', alternatives: ['example.org/v2'] });
      const { server, sync, informer, clock, takeEvents } = informerBench({ kind });
      server.create('a');
      await sync();
      takeEvents();
      await clock.advance(10_000);
      server.servedVersions = ['v2'];
      server.endWatches();
      await clock.advance(3_000);

      expect(server.watch.request.path).to.equal('/apis/example.org/v2/widgets');
      expect(takeEvents()).to.deep.equal(['MODIFIED default/a']);
      expect(informer.store.get('default/a')?.apiVersion).to.equal('example.org/v2');
    });
  });

  describe('health', () => {
    it('is late after two minutes without a first list, says so once with the last error, and goes on', async () => {
      const { server, clock, sync, informer, log } = informerBench();
      server.failNext('list', statusError(503, 'ServiceUnavailable'), 10);
      await sync();
      await clock.advance(119_999);
      expect(informer.status().late).to.equal(false);
      await clock.advance(1);
      expect(informer.status()).to.include({ late: true, synced: false });
      const lines = log.filter(({ message }) => message === 'first list of a kind is late');
      expect(lines).to.have.length(1);
      expect(lines[0]).to.have.property('level', 'error');
      expect(lines[0]?.fields['detail']).to.contain('503');

      await clock.advance(60_000);
      expect(informer.status()).to.include({ late: false, synced: true });
      expect(log.filter(({ message }) => message === 'first list of a kind is late')).to.have.length(1);
    });

    it('is late when a required kind is missing', async () => {
      const { server, clock, sync, informer } = informerBench();
      server.servedVersions = [];
      await sync();
      await clock.advance(120_000);
      expect(informer.status()).to.include({ state: 'Waiting', late: true });
    });

    it('is stale five minutes after the last sign of life, and no longer after the next', async () => {
      const { server, clock, sync, informer } = informerBench();
      await sync();
      server.bookmark();
      await clock.advance(10_000);
      server.failNext('watch', statusError(503, 'ServiceUnavailable'), 1_000);
      server.resetWatches();
      await clock.advance(289_000);
      expect(informer.status()).to.include({ stale: false, synced: true });
      await clock.advance(1_000);
      expect(informer.status().stale).to.equal(true);

      server.heal();
      await clock.advance(30_000);
      expect(informer.status()).to.include({ stale: false, state: 'Watching' });
    });

    it('tells status listeners about every change of state and of being synced', async () => {
      const { informer, sync } = informerBench();
      const seen: string[] = [];
      informer.onStatus(({ state, synced }) => seen.push(`${state} ${synced}`));
      await sync();
      await informer.stop();
      expect([...new Set(seen)]).to.deep.equal(['Listing false', 'Listing true', 'Watching true', 'Stopped true']);
    });

    it('reports through its hooks, and a hook that throws does no harm', async () => {
      const calls: string[] = [];
      const hooks: InformerHooks = {
        objects: (_, count) => calls.push(`objects ${count}`),
        synced: (_, synced) => calls.push(`synced ${synced}`),
        state: ({ cluster, kind }, state, before) => calls.push(`${cluster} ${kind} ${before}>${state}`),
        relisted: (_, reason) => calls.push(`relisted ${reason}`),
        lostEvent: () => calls.push('lost'),
        reconnected: () => calls.push('reconnected'),
        kindAvailable: (_, available) => calls.push(`available ${available}`),
        activity: () => {
          throw new Error('no metrics');
        },
      };
      const { server, clock, sync, log } = informerBench({ hooks });
      server.create('a');
      await sync();
      await clock.advance(10_000);
      server.endWatches();
      await clock.advance(0);
      server.remove('a');
      server.compact();
      await clock.advance(2_000);

      expect(calls).to.deep.equal([
        'local widgets.example.org Waiting>Listing',
        'objects 1',
        'relisted initial',
        'synced true',
        'local widgets.example.org Listing>Watching',
        'available true',
        'local widgets.example.org Watching>Listing',
        'objects 0',
        'lost',
        'relisted gone',
        'local widgets.example.org Listing>Watching',
        'available true',
        'reconnected',
      ]);
      expect(log.some(({ message }) => message === 'a hook of an informer threw')).to.equal(true);
    });
  });

  describe('stopped', () => {
    it('has no request open, no timer, and calls nobody', async () => {
      const { server, informer, sync, clock, takeEvents } = informerBench();
      server.create('a');
      await sync();
      takeEvents();
      await informer.stop();

      expect(server.openWatches).to.deep.equal([]);
      expect(clock.pendingTimers).to.equal(0);
      server.create('b');
      await clock.advance(600_000);
      expect(takeEvents()).to.deep.equal([]);
      expect(informer.status()).to.include({ state: 'Stopped', stale: false });
      expect(informer.store.get('default/a')).not.to.equal(undefined);
    });

    it('resolves while a list is under way, delivers nothing of it, and can be stopped twice', async () => {
      const { server, informer, takeEvents, clock } = informerBench({ watch: { pageLimit: 25 } });
      for (let i = 0; i < 100; i++) server.create(`w-${i}`);
      informer.start();
      await Promise.all([informer.stop(), informer.stop()]);
      await clock.advance(600_000);
      expect(takeEvents()).to.deep.equal([]);
      expect(clock.pendingTimers).to.equal(0);
    });

    for (const [situation, prepare] of [
      ['waiting for the kind', (server: ScriptedServer) => void server.servedVersions.pop()],
      ['backing off', (server: ScriptedServer) => server.failNext('list', statusError(503, 'ServiceUnavailable'))],
      ['denied', (server: ScriptedServer) => server.failNext('list', statusError(403, 'Forbidden'))],
    ] as const) {
      it(`leaves no timer behind when it was ${situation}`, async () => {
        const { server, informer, sync, clock } = informerBench({ kind: OptionalWidget });
        prepare(server);
        await sync();
        await informer.stop();
        expect(clock.pendingTimers).to.equal(0);
      });
    }

    it('cannot be started any more, nor started twice before', async () => {
      const { server, informer, clock } = informerBench();
      informer.start();
      informer.start();
      await clock.advance(0);
      expect(server.requests('list')).to.have.length(1);
      await informer.stop();
      informer.start();
      await clock.advance(0);
      expect(server.requests('list')).to.have.length(1);
    });
  });

  describe('refused', () => {
    const Secret = defineKind<KubernetesObject>('v1', 'Secret', 'secrets', { scope: 'Namespaced' });
    const make = (options: Partial<InformerOptions<KubernetesObject>>) => () =>
      informerBench({ kind: Secret, server: new ScriptedServer(), ...options } as never);

    it('is a watch on Secrets that does not name namespaces and the one Secret', () => {
      const message = 'a watch on secrets needs namespaces and fields "metadata.name=<name>", because the kind is sensitive';
      expect(make({})).to.throw(RangeError, message);
      expect(make({ selection: { namespaces: ['a'] } })).to.throw(RangeError, message);
      expect(make({ selection: { labels: 'a=b' } })).to.throw(RangeError, message);
      expect(make({ selection: { namespaces: ['a'], labels: 'a=b' } })).to.throw(RangeError, message);
      expect(make({ selection: { namespaces: ['a'], fields: 'metadata.name!=b' } })).to.throw(RangeError, message);
      expect(make({ selection: { namespaces: ['a'], fields: 'metadata.name=b' } })).not.to.throw();
    });

    it('are namespaces of a kind that has none', () => {
      const Node = defineKind<Widget>('v1', 'Node', 'nodes', { scope: 'Cluster' });
      const made = () => informerBench({ kind: Node, selection: { namespaces: ['a'] } });
      expect(made).to.throw(RangeError, 'namespaces of nodes are given, but the kind has none');
    });

    it('is an empty list of namespaces', () => {
      expect(() => informerBench({ selection: { namespaces: [] } })).to.throw(
        RangeError,
        'namespaces of widgets.example.org is empty; leave it out for all',
      );
    });
  });
});
