import { expect } from 'chai';
import { RelayInformer } from '../../../../src/framework/cluster/relay-informer';
import { keyOf } from '../../../../src/framework/kinds/object';
import { nullLogger } from '../../../../src/framework/logging/logger';
import type { Informer, ResourceEvent } from '../../../../src/framework/watch';
import { type Bench as InformerBench, informerBench, stopBenches } from '../watch/informer-bench';
import { ScriptedServer, Widget } from '../watch/scripted-server';

function aRelay(): { relay: RelayInformer; events: ResourceEvent[]; take: () => string[] } {
  const relay = new RelayInformer({ kind: Widget as never, cluster: 'a', log: nullLogger, detail: () => 'not yet' });
  const events: ResourceEvent[] = [];
  relay.subscribe((event) => events.push(event));
  const take = (): string[] => events.splice(0).map(({ type, object, lost }) => `${type} ${keyOf(object)}${lost ? ' lost' : ''}`);
  return { relay, events, take };
}

async function aSource(...names: string[]): Promise<InformerBench> {
  const server = new ScriptedServer();
  for (const name of names) server.create(name);
  const bench = informerBench({ server, cluster: 'a' });
  await bench.sync();
  return bench;
}

const of = ({ informer }: InformerBench): Informer => informer as unknown as Informer;

describe('an informer whose source is replaced', () => {
  afterEach(stopBenches);

  it('is empty and says why before it has a source', () => {
    const { relay } = aRelay();
    expect(relay.status()).to.include({ state: 'Backoff', synced: false, detail: 'not yet' });
    expect(relay.store.synced).to.equal(false);
    expect(relay.store.size).to.equal(0);
    expect([...relay.store.list()]).to.deep.equal([]);
    expect(relay.store.get('default/x')).to.equal(undefined);
    expect(relay.store.by('any', 'x')).to.deep.equal([]);
  });

  it('passes on what its source says', async () => {
    const { relay, take } = aRelay();
    const source = informerBench({ cluster: 'a' });
    source.server.create('x');
    await relay.attach(relay.prepare(of(source)));
    relay.start();
    await source.clock.advance(0);
    expect(take()).to.deep.equal(['ADDED default/x']);
    expect(relay.store.size).to.equal(1);
    expect(relay.status().state).to.equal('Watching');
  });

  it('tells the differences between the old and the new source, once each', async () => {
    const { relay, take, events } = aRelay();
    const old = await aSource('gone', 'same', 'other');
    await relay.attach(of(old));
    relay.start();
    const kept = relay.store.get('default/same')!;
    const next = informerBench({ cluster: 'a', server: new ScriptedServer(Widget, 500) });
    // The server numbers UIDs: `same` is the second of both, `other` is another one here.
    for (const name of ['new', 'same', 'more', 'other']) next.server.create(name, { size: 7 });
    await next.sync();
    take();

    await relay.attach(of(next));

    expect(events.find(({ type }) => type === 'MODIFIED')?.old).to.equal(kept);
    expect(take().sort()).to.deep.equal([
      'ADDED default/more',
      'ADDED default/new',
      'ADDED default/other',
      'DELETED default/gone lost',
      'DELETED default/other lost',
      'MODIFIED default/same',
    ]);
    expect(old.informer.status().state).to.equal('Stopped');
    expect([...relay.store.list()].map(keyOf).sort()).to.deep.equal(['default/more', 'default/new', 'default/other', 'default/same']);
  });

  it('keeps the order of an object when it changes while differences are delivered', async () => {
    const { relay, take } = aRelay();
    await relay.attach(of(await aSource(...Array.from({ length: 600 }, (_, index) => `w${index}`))));
    relay.start();
    const next = await aSource('w599');
    const attaching = relay.attach(of(next));
    next.server.remove('w599');
    await next.clock.advance(0);
    await attaching;
    await next.clock.advance(0);
    const last = take().filter((event) => event.includes('w599 ') || event.endsWith('w599'));
    expect(last[0]).to.match(/^DELETED/);
    expect(last.filter((event, index) => event.split(' ')[0] === last[index + 1]?.split(' ')[0])).to.deep.equal([]);
    expect(relay.store.size).to.equal(0);
  });

  it('gives every source its indexes', async () => {
    const { relay } = aRelay();
    relay.addIndex('size', (object) => String((object as { spec?: { size?: number } }).spec?.size));
    expect(() => relay.addIndex('size', () => undefined)).to.throw(RangeError, 'index size of widgets.example.org exists already');
    const source = informerBench({ cluster: 'a' });
    source.server.create('x');
    relay.prepare(of(source));
    await source.sync();
    await relay.attach(of(source));
    expect(relay.store.by('size', String(source.informer.store.get('default/x')?.spec?.size))).to.have.length(1);
  });

  it('goes on when a listener throws, and stops telling one that has left', async () => {
    const { relay, take } = aRelay();
    const told: string[] = [];
    relay.subscribe(() => {
      throw new Error('a listener');
    });
    const leave = relay.subscribe(({ type }) => told.push(type));
    await relay.attach(of(await aSource('x')));
    await relay.attach(of(await aSource()));
    expect(told).to.deep.equal(['DELETED']);
    leave();
    await relay.attach(of(await aSource('y')));
    expect(told).to.deep.equal(['DELETED']);
    expect(take()).to.deep.equal(['DELETED default/x lost', 'ADDED default/y']);
  });

  it('tells status listeners of every source', async () => {
    const { relay } = aRelay();
    const states: string[] = [];
    const end = relay.onStatus(({ state }) => states.push(state));
    const source = informerBench({ cluster: 'a' });
    await relay.attach(of(source));
    relay.start();
    await source.clock.advance(0);
    expect(states).to.include('Watching');
    end();
    const before = states.length;
    await relay.stop();
    expect(states).to.have.length(before);
    expect(relay.status().state).to.equal('Stopped');
  });

  it('takes no source any more once it is stopped', async () => {
    const { relay, take } = aRelay();
    await relay.stop();
    const source = await aSource('x');
    await relay.attach(of(source));
    expect(source.informer.status().state).to.equal('Stopped');
    expect(take()).to.deep.equal([]);
    expect(relay.status().state).to.equal('Stopped');
  });
});
