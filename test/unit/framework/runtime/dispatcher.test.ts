import { expect } from 'chai';
import type { Cluster } from '../../../../src/framework/cluster/cluster';
import { InformerSet } from '../../../../src/framework/cluster/informer-set';
import { Handler, Index, injectable, mapped, OnCreate, OnDelete, OnEvent, Reconcile } from '../../../../src/framework/decorators';
import { rootContainer } from '../../../../src/framework/decorators/container';
import type { HandlerClass } from '../../../../src/framework/decorators/handler';
import { ConfigMap, DaemonSet, Pod } from '../../../../src/framework/kinds/core-kinds';
import type { Kind } from '../../../../src/framework/kinds/kind';
import type { ObjectMeta } from '../../../../src/framework/kinds/object';
import { buildRegistry } from '../../../../src/framework/registry/registry';
import type { DaemonPool } from '../../../../src/framework/runtime/daemon-pool';
import { DeclaredWatches } from '../../../../src/framework/runtime/declared-watches';
import { Dispatcher } from '../../../../src/framework/runtime/dispatcher';
import { FilterJudge } from '../../../../src/framework/runtime/filter-judge';
import { Instances } from '../../../../src/framework/runtime/instances';
import type { KindController } from '../../../../src/framework/runtime/kind-controller';
import type { VirtualController } from '../../../../src/framework/runtime/virtual-controller';
import { RecordingLogger } from '../../../../src/framework/testing/recording-logger';
import type { Informer, Selection } from '../../../../src/framework/watch/informer-contract';
import type { ResourceEvent, ResourceEventType } from '../../../../src/framework/watch/resource-event';
import { aWidget, Widget } from './controller-bench';

type Listener = (event: ResourceEvent) => void;

/** An informer that says what the test tells it to say. */
class ScriptedInformer {
  readonly listeners: Listener[] = [];
  readonly indexes = new Map<string, (object: never) => unknown>();
  readonly store = { synced: true, list: () => [].values(), get: () => undefined };
  private readonly statusListeners: ((status: { state: string }) => void)[] = [];

  constructor(
    readonly kind: Kind,
    readonly select: Selection | undefined,
  ) {}

  subscribe(listener: Listener): () => void {
    this.listeners.push(listener);
    return () => undefined;
  }

  onStatus(listener: (status: { state: string }) => void): () => void {
    this.statusListeners.push(listener);
    return () => undefined;
  }

  become(synced: boolean): void {
    this.store.synced = synced;
    for (const listener of this.statusListeners) listener({ state: synced ? 'Watching' : 'Listing' });
  }

  addIndex(name: string, keysOf: (object: never) => unknown): void {
    this.indexes.set(name, keysOf);
  }

  emit(type: ResourceEventType, object: Widget, old?: Widget): void {
    for (const listener of this.listeners) listener({ type, object, old, initial: false, lost: false, cluster: 'local' });
  }
}

class DispatchBench {
  /** What controllers were told, in order. */
  readonly told: string[] = [];
  readonly log = new RecordingLogger();
  readonly countedErrors: string[] = [];
  readonly countedFilterErrors: string[] = [];
  readonly scripted: ScriptedInformer[] = [];
  readonly instances = new Instances(rootContainer.createChildContainer());
  readonly dispatcher: Dispatcher;

  constructor(...handlers: HandlerClass[]) {
    this.instances.build(handlers);
    const informers = new InformerSet((kind, select) => {
      const informer = new ScriptedInformer(kind, select);
      this.scripted.push(informer);
      return informer as unknown as Informer;
    });
    this.dispatcher = new Dispatcher({
      registry: buildRegistry({ handlers, domain: 'example.org' }),
      cluster: {
        name: 'local',
        informers,
        onChange: (listener: () => void) => informers.onStatus(listener),
        availability: () => 'unknown',
        onServedChange: () => () => undefined,
      } as unknown as Cluster,
      instances: this.instances,
      watchesOf: new DeclaredWatches(this.instances).of,
      log: this.log,
      filters: new FilterJudge(this.log, (spec) => this.countedFilterErrors.push(spec.id)),
      createController: (kind) =>
        ({
          activate: () => this.told.push(`activate ${kind.kind}`),
          onPrimary: (spec: { id: string }, event: ResourceEvent) => this.told.push(`${spec.id} ${event.type}`),
          onOwned: (spec: { id: string }, watch: { kind: Kind }) => this.told.push(`${spec.id} owned ${watch.kind.kind}`),
          onMapped: (spec: { id: string }, watch: { kind: Kind }) => this.told.push(`${spec.id} mapped ${watch.kind.kind}`),
        }) as unknown as KindController,
      createVirtualController: () => ({ onSynced: () => undefined }) as unknown as VirtualController,
      createDaemonPool: () => ({}) as DaemonPool,
      onEventError: (spec) => this.countedErrors.push(spec.id),
    });
  }

  informer(kind: { readonly kind: string } = Widget): ScriptedInformer {
    return this.scripted.find((informer) => informer.kind.kind === kind.kind)!;
  }

  of<T extends object>(Class: new () => T): T {
    return this.instances.of(Class) as T;
  }
}

class Heard {
  readonly events: string[] = [];

  hear({ type, object, old }: ResourceEvent<Widget>): void {
    this.events.push(`${type} ${object.spec?.size}${old === undefined ? '' : ` was ${old.spec?.size}`}`);
  }
}

@Handler()
class Everything extends Heard {
  @OnEvent(Widget)
  seen(event: ResourceEvent<Widget>): void {
    this.hear(event);
  }
}

@Handler()
class BigOnes extends Heard {
  @OnEvent(Widget, { when: ({ spec }) => (spec?.size ?? 0) >= 10 })
  seen(event: ResourceEvent<Widget>): void {
    this.hear(event);
  }
}

const sized = (size: number, metadata: ObjectMeta = {}): Widget => aWidget({ spec: { size }, ...metadata });

describe('the dispatcher and @OnEvent', () => {
  it('hands on every change as it comes, inline', () => {
    const bench = new DispatchBench(Everything);
    bench.informer().emit('ADDED', sized(1));
    bench.informer().emit('MODIFIED', sized(2), sized(1));
    bench.informer().emit('DELETED', sized(2), sized(2));

    expect(bench.of(Everything).events).to.deep.equal(['ADDED 1', 'MODIFIED 2 was 1', 'DELETED 2 was 2']);
  });

  it('tells event handlers before queues, whatever the order of registration', () => {
    const order: string[] = [];
    @Handler()
    class Mixed {
      @Reconcile(Widget)
      async reconcile(): Promise<void> {}

      @OnEvent(Widget)
      seen(): void {
        order.push(`event handler, queues told of ${bench.told.length}`);
      }
    }
    const bench = new DispatchBench(Mixed);
    bench.informer().emit('ADDED', sized(1));

    expect(order).to.deep.equal(['event handler, queues told of 0']);
    expect(bench.told).to.deep.equal(['Mixed.reconcile ADDED']);
  });

  it('shows an object that begins to match as new, and one that stops to match as gone in its last matching state', () => {
    const bench = new DispatchBench(BigOnes);
    const informer = bench.informer();
    informer.emit('ADDED', sized(1));
    informer.emit('MODIFIED', sized(10), sized(1));
    informer.emit('MODIFIED', sized(11), sized(10));
    informer.emit('MODIFIED', sized(2), sized(11));
    informer.emit('MODIFIED', sized(3), sized(2));
    informer.emit('DELETED', sized(3), sized(3));

    expect(bench.of(BigOnes).events).to.deep.equal(['ADDED 10', 'MODIFIED 11 was 10', 'DELETED 11 was 11']);
  });

  it('tells of the deletion of an object it has shown, also when its final state no longer matches', () => {
    const bench = new DispatchBench(BigOnes);
    bench.informer().emit('ADDED', sized(10));
    bench.informer().emit('DELETED', sized(1), sized(10));

    expect(bench.of(BigOnes).events).to.deep.equal(['ADDED 10', 'DELETED 1 was 10']);
  });

  it('says nothing of the deletion of an object that it never showed, although its final state matches', () => {
    const bench = new DispatchBench(BigOnes);
    bench.informer().emit('ADDED', sized(1));
    bench.informer().emit('DELETED', sized(10), sized(1));

    expect(bench.of(BigOnes).events).to.deep.equal([]);
  });

  it('logs and counts what a handler throws or rejects with, and tells the others all the same', async () => {
    @Handler()
    class Throwing {
      @OnEvent(Widget)
      throws(): void {
        throw new Error('at once');
      }

      @OnEvent(Widget)
      async rejects(): Promise<void> {
        throw new Error('later');
      }
    }
    const bench = new DispatchBench(Throwing, Everything);
    bench.informer().emit('ADDED', sized(1));
    await new Promise((resolve) => setImmediate(resolve));

    expect(bench.of(Everything).events).to.deep.equal(['ADDED 1']);
    expect(bench.countedErrors).to.deep.equal(['Throwing.throws', 'Throwing.rejects']);
    expect(bench.log.lines.map(({ message, fields }) => [message, fields['controller'], fields['name']])).to.deep.equal([
      ['event handler failed', 'Throwing.throws', 'w'],
      ['event handler failed', 'Throwing.rejects', 'w'],
    ]);
  });

  it('counts a filter that throws as no match, once per version of the object', () => {
    @Handler()
    class Unfiltered extends Heard {
      @OnEvent(Widget, { when: ({ spec }) => spec!.size! > 0 })
      seen(event: ResourceEvent<Widget>): void {
        this.hear(event);
      }
    }
    const bench = new DispatchBench(Unfiltered);
    bench.informer().emit('ADDED', aWidget());
    expect(bench.countedFilterErrors).to.deep.equal(['Unfiltered.seen']);

    bench.informer().emit('MODIFIED', sized(1), aWidget());
    expect(bench.of(Unfiltered).events).to.deep.equal(['ADDED 1']);
    expect(bench.countedFilterErrors).to.deep.equal(['Unfiltered.seen']);
  });
});

describe('the dispatcher and queues', () => {
  it('makes one controller a kind for all its handlers', () => {
    @Handler()
    class Several {
      @OnCreate(Widget)
      async created(): Promise<void> {}

      @Reconcile(Widget)
      async reconcile(): Promise<void> {}
    }
    @Handler()
    class More {
      @OnDelete(Widget)
      async deleted(): Promise<void> {}

      @Reconcile(ConfigMap)
      async reconcile(): Promise<void> {}
    }
    const bench = new DispatchBench(Several, More);
    expect(bench.dispatcher.controllers).to.have.length(2);

    bench.informer().emit('ADDED', sized(1));
    expect(bench.told.sort()).to.deep.equal(['More.deleted ADDED', 'Several.created ADDED', 'Several.reconcile ADDED']);

    bench.told.length = 0;
    bench.dispatcher.activate();
    expect(bench.told).to.deep.equal(['activate Widget', 'activate ConfigMap']);
  });

  it('shares one informer between handlers of one kind and selection, and gives another selection its own', () => {
    @Handler()
    class Sharing {
      @Reconcile(Widget)
      async one(): Promise<void> {}

      @OnEvent(Widget)
      two(): void {}

      @Reconcile(Widget, { select: { labels: 'a=b' } })
      async three(): Promise<void> {}
    }
    const bench = new DispatchBench(Sharing);

    expect(bench.scripted.map(({ select }) => select)).to.have.deep.members([undefined, { labels: 'a=b' }]);
  });

  it('follows owned and mapped kinds, those of a function of the container too', () => {
    @injectable()
    class Catalog {
      readonly kinds = [ConfigMap];
    }
    @Handler()
    class Owner {
      @Reconcile(Widget, { owns: [DaemonSet], watches: [mapped(Pod, () => [])] })
      async fixed(): Promise<void> {}

      @Reconcile(Widget, { watches: (get) => get(Catalog).kinds.map((kind) => mapped(kind, () => [])) })
      async asked(): Promise<void> {}
    }
    const bench = new DispatchBench(Owner);
    for (const kind of [DaemonSet, Pod, ConfigMap]) bench.informer(kind).emit('ADDED', sized(1));

    expect(bench.told).to.deep.equal(['Owner.fixed owned DaemonSet', 'Owner.fixed mapped Pod', 'Owner.asked mapped ConfigMap']);
  });

  it('adds indexes to the informer of their kind, bound to the instance', () => {
    @Handler()
    class Indexing {
      private readonly prefix = 'size';

      @Index(Widget, 'size')
      bySize({ spec }: Widget): string {
        return `${this.prefix} ${spec?.size}`;
      }
    }
    const bench = new DispatchBench(Indexing);

    expect(bench.informer().indexes.get('size')!(sized(3) as never)).to.equal('size 3');
  });
});

describe('the dispatcher and activation', () => {
  @Handler()
  class Owner {
    @Reconcile(Widget, { owns: [DaemonSet] })
    async reconcile(): Promise<void> {}
  }
  @Handler()
  class Counter {
    @OnEvent(ConfigMap)
    count(): void {}

    @OnCreate(Pod, { remember: 'none' })
    created(): void {}
  }

  it('lets a controller begin when its own kinds were listed, whatever holds up another one', () => {
    const bench = new DispatchBench(Owner, Counter);
    for (const informer of bench.scripted) informer.become(false);
    bench.dispatcher.activate();
    bench.informer(Widget).become(true);
    expect(bench.told).to.deep.equal([]);

    bench.informer(DaemonSet).become(true);
    expect(bench.told).to.deep.equal(['activate Widget']);
  });

  it('waits for what the class of a handler hears through @OnEvent', () => {
    const bench = new DispatchBench(Counter);
    bench.informer(ConfigMap).become(false);
    bench.dispatcher.activate();
    expect(bench.told).to.deep.equal([]);

    bench.informer(ConfigMap).become(true);
    expect(bench.told).to.deep.equal(['activate Pod']);
  });

  it('lets nothing begin after the end of a term, and begins again in the next one', async () => {
    const bench = new DispatchBench(Owner);
    bench.informer(Widget).become(false);
    bench.dispatcher.activate();
    await bench.dispatcher.stopDaemons();
    bench.informer(Widget).become(true);
    expect(bench.told).to.deep.equal([]);

    bench.dispatcher.activate();
    expect(bench.told).to.deep.equal(['activate Widget']);
  });
});
