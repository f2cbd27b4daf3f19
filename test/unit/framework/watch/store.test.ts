import { expect } from 'chai';
import fc from 'fast-check';
import { keyOf } from '../../../../src/framework/kinds/object';
import type { ResourceEvent } from '../../../../src/framework/watch';
import { type Listing, Store } from '../../../../src/framework/watch/store';
import type { Widget } from './scripted-server';

interface Recorded {
  readonly store: Store<Widget>;
  readonly events: ResourceEvent<Widget>[];
  readonly indexErrors: string[];
  take(): string[];
}

function recordedStore(): Recorded {
  const events: ResourceEvent<Widget>[] = [];
  const indexErrors: string[] = [];
  const store = new Store<Widget>({
    cluster: 'local',
    onEvent: (event) => events.push(event),
    onIndexError: (index, object) => indexErrors.push(`${index} ${keyOf(object)}`),
  });
  const take = (): string[] =>
    events
      .splice(0)
      .map(({ type, object, lost }) => `${type} ${object.metadata!.uid}@${object.metadata!.resourceVersion}${lost ? ' lost' : ''}`);
  return { store, events, indexErrors, take };
}

function widget(name: string, resourceVersion: string, { uid = `${name}1`, size = 1, namespace = 'default' } = {}): Widget {
  return { apiVersion: 'example.org/v1', metadata: { name, namespace, uid, resourceVersion }, spec: { size } };
}

function replaceWith(store: Store<Widget>, objects: Widget[], listing: Partial<Listing<Widget>> = {}): void {
  const byKey = new Map(objects.map((object) => [keyOf(object), object]));
  const work = store.replace({
    resourceVersion: '100',
    namespace: undefined,
    initial: false,
    historyReset: false,
    ...listing,
    objects: byKey,
  });
  while (work.next().done !== true);
}

describe('store', () => {
  it('names the event by what it knew, not by what the server called it', () => {
    const { store, take, events } = recordedStore();
    store.put(widget('a', '1'));
    store.put(widget('a', '2'));
    expect(events[1]?.old?.metadata?.resourceVersion).to.equal('1');
    expect(take()).to.deep.equal(['ADDED a1@1', 'MODIFIED a1@2']);
  });

  it('drops a state that is older or the same', () => {
    const { store, take } = recordedStore();
    store.put(widget('a', '10'));
    expect([store.put(widget('a', '10')), store.put(widget('a', '9'))]).to.deep.equal([false, false]);
    expect(take()).to.deep.equal(['ADDED a1@10']);
  });

  it('lets the later arrival win when versions are not decimal', () => {
    const { store } = recordedStore();
    store.put(widget('a', 'x7'));
    expect(store.put(widget('a', 'x5'))).to.equal(true);
    expect(store.get('default/a')?.metadata?.resourceVersion).to.equal('x5');
  });

  it('delivers DELETED of the old object and ADDED of the new one when the UID changed', () => {
    const { store, take } = recordedStore();
    store.put(widget('a', '1'));
    store.put(widget('a', '2', { uid: 'a2' }));
    expect(take()).to.deep.equal(['ADDED a1@1', 'DELETED a1@1', 'ADDED a2@2']);
  });

  it('delivers the last state the server sent with a deletion, and what it knew before as old', () => {
    const { store, events } = recordedStore();
    store.put(widget('a', '1'));
    store.remove(widget('a', '5', { size: 9 }));
    expect(events[1]?.object.spec?.size).to.equal(9);
    expect(events[1]?.old?.spec?.size).to.equal(1);
    expect(store.size).to.equal(0);
  });

  it('takes a deletion of the same version, as some servers send the last state unchanged', () => {
    const { store } = recordedStore();
    store.put(widget('a', '4'));
    expect(store.remove(widget('a', '4'))).to.equal(true);
  });

  it('ignores a deletion older than what it knows, and one of an unknown object', () => {
    const { store, take } = recordedStore();
    store.put(widget('a', '5', { uid: 'a2' }));
    expect([store.remove(widget('a', '3')), store.remove(widget('b', '9'))]).to.deep.equal([false, false]);
    expect(take()).to.deep.equal(['ADDED a2@5']);
  });

  it('is up to date, indexes too, when an event is delivered', () => {
    const seen: unknown[] = [];
    const store: Store<Widget> = new Store<Widget>({
      cluster: 'local',
      onEvent: ({ type }) => seen.push([type, store.get('default/a')?.spec?.size, store.by('size', '2').length]),
      onIndexError: () => undefined,
    });
    store.addIndex('size', (object) => String(object.spec?.size));
    store.put(widget('a', '1'));
    store.put(widget('a', '2', { size: 2 }));
    store.remove(widget('a', '3', { size: 2 }));
    expect(seen).to.deep.equal([
      ['ADDED', 1, 0],
      ['MODIFIED', 2, 1],
      ['DELETED', undefined, 0],
    ]);
  });

  describe('replaced by a list', () => {
    it('delivers deletions as lost before anything else, then changes, and nothing for what is unchanged', () => {
      const { store, take } = recordedStore();
      for (const name of ['a', 'b', 'c']) store.put(widget(name, '1'));
      take();
      replaceWith(store, [widget('a', '1'), widget('c', '50'), widget('d', '60')]);
      expect(take()).to.deep.equal(['DELETED b1@1 lost', 'MODIFIED c1@50', 'ADDED d1@60']);
    });

    it('keeps the very object when it is unchanged, so that old copies do not pile up', () => {
      const { store } = recordedStore();
      const first = widget('a', '1');
      store.put(first);
      replaceWith(store, [widget('a', '1')]);
      expect(store.get('default/a')).to.equal(first);
    });

    it('delivers the deletion of a re-created object as lost', () => {
      const { store, take } = recordedStore();
      store.put(widget('a', '1'));
      replaceWith(store, [widget('a', '50', { uid: 'a2' })]);
      expect(take()).to.deep.equal(['ADDED a1@1', 'DELETED a1@1 lost', 'ADDED a2@50']);
    });

    it('keeps what a write of ours made after the list', () => {
      const { store, take } = recordedStore();
      store.put(widget('new', '101'));
      store.put(widget('changed', '102'));
      take();
      replaceWith(store, [widget('changed', '90')]);
      expect(take()).to.deep.equal([]);
      expect(store.size).to.equal(2);
    });

    it('finds missing only what was asked for', () => {
      const { store, take } = recordedStore();
      store.put(widget('a', '1', { namespace: 'one' }));
      store.put(widget('b', '2', { namespace: 'two' }));
      take();
      replaceWith(store, [], { namespace: 'one' });
      expect(take()).to.deep.equal(['DELETED a1@1 lost']);
    });

    it('takes everything as listed when history was reset', () => {
      const { store, take } = recordedStore();
      for (const name of ['same', 'back', 'gone']) store.put(widget(name, '500'));
      take();
      replaceWith(store, [widget('same', '500'), widget('back', '40')], { resourceVersion: '60', historyReset: true });
      expect(take()).to.deep.equal(['DELETED gone1@500 lost', 'MODIFIED back1@40']);
    });

    it('does not trust equal versions when history was reset', () => {
      const { store, take } = recordedStore();
      store.put(widget('a', '50'));
      take();
      replaceWith(store, [widget('a', '50', { size: 8 })], { resourceVersion: '60', historyReset: true });
      expect(take()).to.deep.equal(['MODIFIED a1@50']);
      expect(store.get('default/a')?.spec?.size).to.equal(8);
    });

    it('takes the same version again when it is served in another API version', () => {
      const { store, take } = recordedStore();
      store.put(widget('a', '1'));
      take();
      replaceWith(store, [{ ...widget('a', '1'), apiVersion: 'example.org/v2' }]);
      expect(take()).to.deep.equal(['MODIFIED a1@1']);
    });

    it('marks as initial what the first list brings', () => {
      const { store, events } = recordedStore();
      replaceWith(store, [widget('a', '1')], { initial: true });
      expect(events.map(({ initial }) => initial)).to.deep.equal([true]);
    });
  });

  describe('indexes', () => {
    const bySize = (object: Widget): string => String(object.spec?.size);

    it('finds objects under one value, several values, or none', () => {
      const { store } = recordedStore();
      store.addIndex('letters', ({ metadata }) => (metadata?.name === 'none' ? undefined : metadata?.name?.split('')));
      for (const name of ['ab', 'bc', 'none']) store.put(widget(name, '1'));
      expect(store.by('letters', 'b').map(({ metadata }) => metadata?.name)).to.deep.equal(['ab', 'bc']);
      expect(store.by('letters', 'n')).to.deep.equal([]);
    });

    it('covers objects that were there before the index', () => {
      const { store } = recordedStore();
      store.put(widget('a', '1', { size: 5 }));
      store.addIndex('size', bySize);
      expect(store.by('size', '5')).to.have.length(1);
    });

    it('names the indexes there are when asked for another, and refuses a second of one name', () => {
      const { store } = recordedStore();
      store.addIndex('size', bySize);
      expect(() => store.by('mac', '')).to.throw(RangeError, 'there is no index "mac"; declared: size');
      expect(() => store.addIndex('size', bySize)).to.throw(RangeError, 'index "size" exists already');
    });

    it('leaves out an object whose index function throws, from that index only, and says so once a version', () => {
      const { store, indexErrors } = recordedStore();
      store.addIndex('picky', ({ spec }) => {
        if (spec?.size === 2) throw new Error('two');
        return 'x';
      });
      store.addIndex('size', bySize);
      store.put(widget('a', '1'));
      store.put(widget('a', '2', { size: 2 }));
      store.put(widget('a', '2', { size: 2 }));
      expect(store.by('picky', 'x')).to.deep.equal([]);
      expect(store.by('size', '2')).to.have.length(1);
      expect(indexErrors).to.deep.equal(['picky default/a']);
    });

    it('has no stale entries even when a cached object was changed behind its back', () => {
      const { store } = recordedStore();
      store.addIndex('size', bySize);
      const object = widget('a', '1', { size: 1 });
      store.put(object);
      object.spec!.size = 8;
      store.put(widget('a', '2', { size: 3 }));
      expect([store.by('size', '1').length, store.by('size', '8').length, store.by('size', '3').length]).to.deep.equal([0, 0, 1]);
    });

    it('after any edits equal a rebuild', () => {
      const name = fc.constantFrom('a', 'b', 'c', 'd');
      const values = fc.uniqueArray(fc.constantFrom('red', 'green', 'blue'), { maxLength: 3 });
      const edit = fc.oneof(
        fc.record({ do: fc.constant('put' as const), name, values, uid: fc.constantFrom('1', '2') }),
        fc.record({ do: fc.constant('remove' as const), name }),
        fc.record({
          do: fc.constant('replace' as const),
          objects: fc.uniqueArray(fc.record({ name, values }), { selector: (one) => one.name }),
        }),
      );
      fc.assert(
        fc.property(fc.array(edit, { maxLength: 30 }), (edits) => {
          const { store } = recordedStore();
          const colours = (object: Widget): string[] => (object.metadata?.labels?.['colours'] ?? '').split('+').filter((one) => one !== '');
          const coloured = (named: string, version: number, list: string[], uid = '1'): Widget => {
            const object = widget(named, String(version), { uid });
            object.metadata!.labels = { colours: list.join('+') };
            return object;
          };
          store.addIndex('colour', colours);
          edits.forEach((one, i) => {
            const version = i + 1;
            if (one.do === 'put') store.put(coloured(one.name, version, one.values, one.uid));
            else if (one.do === 'remove') store.remove(widget(one.name, String(version)));
            else
              replaceWith(
                store,
                one.objects.map((object) => coloured(object.name, version, object.values)),
                { resourceVersion: String(version) },
              );
          });
          for (const value of ['red', 'green', 'blue']) {
            const rebuilt = [...store.list()].filter((object) => colours(object).includes(value)).map(keyOf);
            expect(store.by('colour', value).map(keyOf).sort()).to.deep.equal(rebuilt.sort());
          }
        }),
      );
    });
  });
});
