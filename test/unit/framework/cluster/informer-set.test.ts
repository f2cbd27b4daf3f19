import { expect } from 'chai';
import { InformerSet } from '../../../../src/framework/cluster/informer-set';
import { NotCachedError } from '../../../../src/framework/errors/handler-errors';
import { ConfigMap, Pod } from '../../../../src/framework/kinds/core-kinds';
import { defineKind, type Kind } from '../../../../src/framework/kinds/kind';
import type { KubernetesObject } from '../../../../src/framework/kinds/object';
import type { Informer, InformerState, Selection } from '../../../../src/framework/watch/informer-contract';

class ScriptedInformer {
  readonly calls: string[] = [];
  readonly objects = new Map<string, KubernetesObject>();
  tell: (...states: InformerState[]) => void = () => undefined;
  readonly store = { synced: true, get: (key: string) => this.objects.get(key) };

  constructor(
    readonly kind: Kind,
    readonly select: Selection | undefined,
  ) {}

  start(): void {
    this.calls.push('start');
  }

  async stop(): Promise<void> {
    this.calls.push('stop');
  }

  hurry(): void {
    this.calls.push('hurry');
  }

  onStatus(listener: (status: { state: InformerState }) => void): void {
    this.tell = (...states) => {
      for (const state of states) listener({ state });
    };
  }

  putOwnWrite({ metadata }: KubernetesObject): void {
    this.calls.push(`put ${metadata?.name}`);
  }
}

function bench() {
  const made: ScriptedInformer[] = [];
  const set = new InformerSet((kind, select) => {
    const informer = new ScriptedInformer(kind, select);
    made.push(informer);
    return informer as unknown as Informer;
  });
  return { set, made };
}

describe('the informers of a cluster', () => {
  it('are one for each kind and selection, however often they are asked for', () => {
    const { set, made } = bench();
    const first = set.ensure(Pod);
    set.ensure(Pod, { labels: 'a=b' });
    set.ensure(ConfigMap);

    expect(set.ensure(Pod)).to.equal(first);
    expect(made).to.have.length(3);
    expect(set.list()).to.have.length(3);
  });

  it('hurry one another when the server answers one of them again, and only then', () => {
    const { set, made } = bench();
    for (const kind of [Pod, ConfigMap]) set.ensure(kind);
    const [pods, maps] = made;

    pods!.tell('Listing', 'Watching', 'Backoff', 'Denied', 'Watching', 'Backoff');
    expect(maps!.calls).to.deep.equal([]);
    pods!.tell('Watching');

    expect(maps!.calls).to.deep.equal(['hurry']);
    expect(pods!.calls).to.deep.equal([]);
  });

  it('share with informers of others the news that the server is back, until those are stopped', () => {
    const { set, made } = bench();
    set.ensure(Pod);
    const companion = new ScriptedInformer(ConfigMap, undefined);
    set.accompany(companion as unknown as Informer);
    const [pods] = made;

    pods!.tell('Backoff', 'Watching');
    expect(companion.calls).to.deep.equal(['hurry']);
    companion.tell('Backoff', 'Watching');
    expect(pods!.calls).to.deep.equal(['hurry']);
    companion.tell('Stopped');
    pods!.tell('Backoff', 'Watching');

    expect(companion.calls).to.deep.equal(['hurry']);
    expect(set.list()).to.have.length(1);
  });

  const same: [string, Selection | undefined, Selection | undefined][] = [
    ['nothing and an empty selection', undefined, {}],
    ['namespaces in another order', { namespaces: ['a', 'b'] }, { namespaces: ['b', 'a'] }],
    ['metadata that was not asked for', { labels: 'a=b' }, { labels: 'a=b', metadataOnly: false }],
    ['options in another order', { labels: 'a=b', fields: 'x=y' }, { fields: 'x=y', labels: 'a=b' }],
  ];
  for (const [name, one, other] of same) {
    it(`are shared between selections that mean the same: ${name}`, () => {
      const { set } = bench();
      expect(set.ensure(Pod, one)).to.equal(set.ensure(Pod, other));
    });
  }

  it('are kept apart for selections that differ', () => {
    const { set, made } = bench();
    const selections: (Selection | undefined)[] = [
      undefined,
      { namespaces: ['a'] },
      { namespaces: ['a', 'b'] },
      { labels: 'a=b' },
      { fields: 'a=b' },
      { metadataOnly: true },
      { labels: 'a=b', metadataOnly: true },
    ];
    for (const select of selections) set.ensure(Pod, select);

    expect(made).to.have.length(selections.length);
  });

  it('start together, and stop together', async () => {
    const { set, made } = bench();
    set.ensure(Pod);
    set.ensure(ConfigMap);
    set.start();
    await set.stop();

    expect(made.map(({ calls }) => calls)).to.deep.equal([
      ['start', 'stop'],
      ['start', 'stop'],
    ]);
  });

  it('all take what was written, when it is of their kind', () => {
    const { set, made } = bench();
    set.ensure(Pod);
    set.ensure(Pod, { labels: 'a=b' });
    set.ensure(ConfigMap);
    set.putOwnWrite(Pod as unknown as Kind, { metadata: { name: 'p' } });

    expect(made.map(({ calls }) => calls)).to.deep.equal([['put p'], ['put p'], []]);
  });
});

describe('the store of a kind', () => {
  it('is that of the unfiltered informer, or of the only selection there is', () => {
    const { set, made } = bench();
    set.ensure(Pod, { labels: 'a=b' });
    expect(set.store(Pod)).to.equal(made[0]!.store);

    set.ensure(Pod);
    expect(set.store(Pod)).to.equal(made[1]!.store);
    expect(set.store(Pod, { labels: 'a=b' })).to.equal(made[0]!.store);
  });

  it('of another version of the kind is the same', () => {
    const { set, made } = bench();
    set.ensure(defineKind('example.org/v1', 'Widget', 'widgets', { scope: 'Cluster' }) as unknown as Kind);

    expect(set.store(defineKind('example.org/v2', 'Widget', 'widgets', { scope: 'Cluster' }))).to.equal(made[0]!.store);
  });

  it('is refused when no decorator declares the kind, with what to add', () => {
    const { set } = bench();

    expect(() => set.store(Pod)).to.throw(NotCachedError, 'no informer keeps Pod: name it in a decorator, for example @OnEvent(Pod)');
  });

  it('is refused when several selections could be meant, with what they are', () => {
    const { set } = bench();
    set.ensure(Pod, { labels: 'a=b' });
    set.ensure(Pod, { namespaces: ['n'], metadataOnly: true });
    const declared = 'name one of: labels a=b | namespaces n, metadata only';

    expect(() => set.store(Pod)).to.throw(NotCachedError, `no informer keeps Pod: several selections are watched, ${declared}`);
    expect(() => set.store(Pod, { labels: 'c=d' })).to.throw(
      NotCachedError,
      `no informer keeps Pod: nobody watches labels c=d, ${declared}`,
    );
  });

  it('is refused for a selection that nobody watches, even when another one is', () => {
    const { set } = bench();
    set.ensure(Pod);

    expect(() => set.store(Pod, { labels: 'a=b' })).to.throw(NotCachedError, 'nobody watches labels a=b, name one of: everything');
  });
});

describe('a cached object', () => {
  it('comes from an informer that knows all there is of the kind', () => {
    const { set, made } = bench();
    const pod: KubernetesObject = { metadata: { name: 'p' } };
    set.ensure(Pod, { labels: 'a=b' });
    made[0]!.objects.set('n/p', pod);
    expect(set.cached(Pod, 'n/p')).to.equal(undefined);

    set.ensure(Pod);
    made[1]!.objects.set('n/p', pod);
    expect(set.cached(Pod, 'n/p')).to.equal(pod);

    made[1]!.store.synced = false;
    expect(set.cached(Pod, 'n/p')).to.equal(undefined);
  });

  it('is not taken from a cache that trims its objects', () => {
    const Trimmed = defineKind<KubernetesObject>('example.org/v1', 'Widget', 'widgets', { scope: 'Cluster', trim: (object) => object });
    const { set, made } = bench();
    set.ensure(Trimmed);
    made[0]!.objects.set('w', { metadata: { name: 'w' } });

    expect(set.cached(Trimmed, 'w')).to.equal(undefined);
  });
});
