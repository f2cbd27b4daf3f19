import { expect } from 'chai';
import { ALL, Handler, type MappedWatch, mapped, OnDelete, Reconcile } from '../../../../src/framework/decorators';
import type { HandlerClass } from '../../../../src/framework/decorators/handler';
import { PermanentError, TemporaryError } from '../../../../src/framework/errors/handler-errors';
import { ConfigMap, DaemonSet } from '../../../../src/framework/kinds/core-kinds';
import type { KubernetesObject, ObjectMeta } from '../../../../src/framework/kinds/object';
import type { ReconcileContext, ReconcileResult } from '../../../../src/framework/runtime/context';
import type { ResourceEvent, ResourceEventType } from '../../../../src/framework/watch/resource-event';
import { aWidget, Bench, Widget } from './controller-bench';

type Script = (object: Widget, ctx: ReconcileContext<Widget>) => Promise<ReconcileResult> | ReconcileResult;

class Recorder {
  readonly runs: string[] = [];
  script: Script = () => undefined;

  record(object: Widget, ctx: ReconcileContext<Widget>): ReturnType<Script> {
    this.runs.push(`${object.metadata?.name} ${[...ctx.reasons].join('+')}`);
    return this.script(object, ctx);
  }

  take(): string[] {
    return this.runs.splice(0);
  }
}

/** A handler that follows ConfigMaps by the given watch. */
function following(watch: MappedWatch): Recorder {
  @Handler()
  class Follower extends Recorder {
    @Reconcile(Widget, { watches: [watch], owns: [DaemonSet] })
    async reconcile(object: Widget, ctx: ReconcileContext<Widget>): Promise<ReconcileResult> {
      return this.record(object, ctx);
    }
  }
  return new Follower();
}

/** Names a ConfigMap's widgets in a label: `a_b` stands for the keys n/a and n/b. */
const byLabel = (object: ConfigMap): string[] => (object.metadata?.labels?.['widgets'] ?? '').split('_').map((name) => `n/${name}`);

function aConfigMap(widgets: string, metadata: ObjectMeta = {}): ConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'cm', namespace: 'n', resourceVersion: '50', labels: { widgets }, ...metadata },
  };
}

const event = (type: ResourceEventType, object: KubernetesObject, more: Partial<ResourceEvent> = {}): ResourceEvent => ({
  type,
  object,
  old: undefined,
  initial: false,
  lost: false,
  cluster: 'local',
  ...more,
});

/** Leads, and has dealt with these widgets. */
async function working(handler: Recorder, ...names: string[]): Promise<Bench> {
  const bench = await new Bench(handler).activate();
  await bench.putTogether(...names.map((name) => aWidget({ name, uid: `uid-${name}` })));
  handler.take();
  return bench;
}

describe('mapped watches', () => {
  it('enqueue the keys that the changed object names', async () => {
    const handler = following(mapped(ConfigMap, byLabel));
    const bench = await working(handler, 'a', 'b', 'c');
    await bench.mapped(event('ADDED', aConfigMap('a_c')));

    expect(handler.take()).to.deep.equal(['a mapped', 'c mapped']);
  });

  it('enqueue the keys named before and those named now, each once', async () => {
    const handler = following(mapped(ConfigMap, byLabel));
    const bench = await working(handler, 'a', 'b', 'c');
    await bench.mapped(event('MODIFIED', aConfigMap('b_c'), { old: aConfigMap('a_b') }));

    expect(handler.take().sort()).to.deep.equal(['a mapped', 'b mapped', 'c mapped']);
  });

  it('enqueue the keys of an object that is gone', async () => {
    const handler = following(mapped(ConfigMap, byLabel));
    const bench = await working(handler, 'a', 'b');
    const last = aConfigMap('b');
    await bench.mapped(event('DELETED', last, { old: last }));

    expect(handler.take()).to.deep.equal(['b mapped']);
  });

  it('drop keys that are not in the store', async () => {
    const handler = following(mapped(ConfigMap, () => ['n/nobody', 'n/a', 'elsewhere/a']));
    const bench = await working(handler, 'a');
    await bench.mapped(event('ADDED', aConfigMap('')));

    expect(handler.take()).to.deep.equal(['a mapped']);
  });

  it('enqueue every key for ALL', async () => {
    const handler = following(mapped(ConfigMap, () => ALL));
    const bench = await working(handler, 'a', 'b');
    await bench.mapped(event('ADDED', aConfigMap('')));

    expect(handler.take()).to.deep.equal(['a mapped', 'b mapped']);
  });

  it('tell the mapping function which cluster the object is of', async () => {
    const clusters: string[] = [];
    const watch = mapped(ConfigMap, (_object, { cluster }) => {
      clusters.push(cluster);
      return [];
    });
    const bench = await working(following(watch), 'a');
    await bench.mapped(event('ADDED', aConfigMap('a'), { cluster: 'edge' }));

    expect(clusters).to.deep.equal(['edge']);
  });

  it('ignore changes for which `when` does not hold', async () => {
    const handler = following(mapped(ConfigMap, byLabel, { when: (now, old) => now.data?.['x'] !== old?.data?.['x'] }));
    const bench = await working(handler, 'a');
    await bench.mapped(event('MODIFIED', aConfigMap('a'), { old: aConfigMap('a') }));
    expect(handler.take()).to.deep.equal([]);

    await bench.mapped(event('MODIFIED', { ...aConfigMap('a'), data: { x: '1' } } as ConfigMap, { old: aConfigMap('a') }));
    expect(handler.take()).to.deep.equal(['a mapped']);
  });

  it('fold several changes of one turn into one run', async () => {
    const handler = following(mapped(ConfigMap, byLabel));
    const bench = await working(handler, 'a');
    void bench.mapped(event('ADDED', aConfigMap('a')));
    await bench.mapped(event('ADDED', aConfigMap('a', { name: 'other' })));

    expect(handler.take()).to.deep.equal(['a mapped']);
  });

  it('wait in the low lane while the first list comes in', async () => {
    const handler = following(mapped(ConfigMap, byLabel));
    const bench = await working(handler, 'a', 'b');
    void bench.mapped(event('ADDED', aConfigMap('a'), { initial: true }));
    await bench.mapped(event('ADDED', aConfigMap('b')));

    expect(handler.take()).to.deep.equal(['b mapped', 'a mapped']);
  });

  it('are silent about the echo of the handler’s own write', async () => {
    const handler = following(mapped(ConfigMap, byLabel));
    const bench = await working(handler, 'a');
    bench.ownWrites.remember(ConfigMap.id, 'n/cm', '50', 'Follower.reconcile');
    await bench.mapped(event('MODIFIED', aConfigMap('a'), { old: aConfigMap('a') }));
    expect(handler.take()).to.deep.equal([]);

    await bench.mapped(event('MODIFIED', aConfigMap('a', { resourceVersion: '51' }), { old: aConfigMap('a') }));
    expect(handler.take()).to.deep.equal(['a mapped']);
  });

  it('tell of a deletion even when the last state known was the handler’s own write', async () => {
    const handler = following(mapped(ConfigMap, byLabel));
    const bench = await working(handler, 'a');
    bench.ownWrites.remember(ConfigMap.id, 'n/cm', '50', 'Follower.reconcile');
    await bench.mapped(event('DELETED', aConfigMap('a'), { old: aConfigMap('a'), lost: true }));

    expect(handler.take()).to.deep.equal(['a mapped']);
  });

  it('do nothing while standing by', async () => {
    const handler = following(mapped(ConfigMap, () => ALL));
    const bench = new Bench(handler);
    await bench.put(aWidget());
    await bench.mapped(event('ADDED', aConfigMap('a')));

    expect(handler.take()).to.deep.equal([]);
  });
});

describe('owned watches of a controller', () => {
  const child = (metadata: ObjectMeta = {}): DaemonSet => ({
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: {
      name: 'agent',
      namespace: 'n',
      resourceVersion: '60',
      ownerReferences: [{ apiVersion: 'example.org/v1', kind: 'Widget', name: 'a', uid: 'uid-a', controller: true }],
      ...metadata,
    },
  });

  it('bring a child back that was deleted while nobody looked, although the handler had written it last', async () => {
    const handler = following(mapped(ConfigMap, byLabel));
    const bench = await working(handler, 'a');
    bench.ownWrites.remember(DaemonSet.id, 'n/agent', '60', 'Follower.reconcile');
    await bench.child(event('MODIFIED', child(), { old: child({ resourceVersion: '59' }) }));
    expect(handler.take()).to.deep.equal([]);

    await bench.child(event('DELETED', child(), { old: child(), lost: true }));
    expect(handler.take()).to.deep.equal(['a owned']);
  });

  it('tell the owner that lost a child to another', async () => {
    const handler = following(mapped(ConfigMap, byLabel));
    const bench = await working(handler, 'a', 'b');
    const owners = [{ apiVersion: 'example.org/v2', kind: 'Widget', name: 'b', uid: 'uid-b', controller: true }];
    await bench.child(event('MODIFIED', child({ ownerReferences: owners }), { old: child() }));

    expect(handler.take().sort()).to.deep.equal(['a owned', 'b owned']);
  });

  it('ignore owners of another kind, group, UID or namespace', async () => {
    const handler = following(mapped(ConfigMap, byLabel));
    const bench = await working(handler, 'a');
    const owner = { apiVersion: 'example.org/v1', kind: 'Widget', name: 'a', uid: 'uid-a', controller: true };
    for (const other of [
      { apiVersion: 'example.com/v1' },
      { apiVersion: 'v1' },
      { kind: 'Gadget' },
      { uid: 'older' },
      { controller: false },
    ]) {
      await bench.child(event('MODIFIED', child({ ownerReferences: [{ ...owner, ...other }] })));
    }
    await bench.child(event('MODIFIED', child({ namespace: 'elsewhere' })));

    expect(handler.take()).to.deep.equal([]);
  });
});

describe('a touch', () => {
  it('makes a handler look at an object, and is dropped for an unknown key and while standing by', async () => {
    const handler = following(mapped(ConfigMap, byLabel));
    const bench = new Bench(handler);
    await bench.put(aWidget({ name: 'a' }));
    bench.controller.touch('n/a');
    await bench.clock.advance(0);
    expect(handler.take()).to.deep.equal([]);

    await bench.activate();
    handler.take();
    bench.controller.touch('n/nobody');
    bench.controller.touch('n/a');
    bench.controller.touch('n/a');
    await bench.clock.advance(0);
    expect(handler.take()).to.deep.equal(['a mapped']);
  });

  it('of an object that is being handled leads to another run', async () => {
    const handler = following(mapped(ConfigMap, byLabel));
    const bench = await working(handler, 'a');
    let touched = false;
    handler.script = () => {
      if (!touched) bench.controller.touch('n/a');
      touched = true;
    };
    bench.controller.touch('n/a');
    await bench.clock.advance(0);

    expect(handler.take()).to.deep.equal(['a mapped', 'a mapped']);
  });
});

describe('leading and standing by', () => {
  it('looks at every object once on becoming leader, however often it is told', async () => {
    const handler = following(mapped(ConfigMap, byLabel));
    const bench = new Bench(handler);
    await bench.putTogether(aWidget({ name: 'a' }), aWidget({ name: 'b' }));
    bench.controller.activate();
    bench.controller.activate();
    await bench.clock.advance(0);

    expect(handler.take()).to.deep.equal(['a leader', 'b leader']);
  });

  it('starts nothing after it stopped leading: neither what waits nor retries, requeues and resyncs', async () => {
    const handler = following(mapped(ConfigMap, byLabel));
    handler.script = ({ metadata }) => {
      if (metadata?.name === 'failing') throw new Error('x');
      return { requeueAfterMs: 1_000 };
    };
    const bench = await working(handler, 'a', 'failing');
    bench.controller.touch('n/a');
    bench.controller.deactivate();
    await bench.put(aWidget({ name: 'c', uid: 'uid-c' }));
    await bench.clock.advance(40_000_000);

    expect(handler.take()).to.deep.equal([]);
    expect(bench.clock.pendingTimers).to.equal(0);
  });

  it('looks at everything again when it leads again, with fresh retry state', async () => {
    const handler = following(mapped(ConfigMap, byLabel));
    const attempts: number[] = [];
    handler.script = (_object, ctx) => {
      attempts.push(ctx.attempt);
      throw new Error('x');
    };
    const bench = await working(handler, 'a');
    await bench.clock.advance(1_000);
    bench.controller.deactivate();
    bench.controller.activate();
    await bench.clock.advance(0);

    expect(attempts).to.deep.equal([1, 2, 1]);
    expect(handler.take()).to.deep.equal(['a retry', 'a leader']);
  });

  it('does not run an object beside the run that was going on when it stopped leading', async () => {
    const handler = following(mapped(ConfigMap, byLabel));
    const bench = await working(handler, 'a');
    let end = (): void => undefined;
    handler.script = () => new Promise((resolve) => (end = () => resolve(undefined)));
    bench.controller.touch('n/a');
    await bench.clock.advance(0);
    bench.controller.deactivate();
    bench.controller.activate();
    await bench.clock.advance(5_000);
    expect(handler.take()).to.deep.equal(['a mapped']);

    end();
    await bench.clock.advance(0);
    expect(handler.take()).to.deep.equal(['a leader']);
  });
});

describe('an object that was re-created under its name', () => {
  it('while its predecessor was being handled gets a run of its own', async () => {
    const handler = following(mapped(ConfigMap, byLabel));
    const bench = await working(handler, 'a');
    const seen: (string | undefined)[] = [];
    let end = (): void => undefined;
    handler.script = ({ metadata }) => {
      seen.push(metadata?.uid);
      return metadata?.uid === 'uid-a' ? new Promise((resolve) => (end = () => resolve(undefined))) : undefined;
    };
    bench.controller.touch('n/a');
    await bench.clock.advance(0);
    await bench.put(aWidget({ name: 'a', uid: 'uid-new' }));
    expect(seen).to.deep.equal(['uid-a']);

    end();
    await bench.clock.advance(0);
    expect(seen).to.deep.equal(['uid-a', 'uid-new']);
    expect(handler.take()).to.deep.equal(['a mapped', 'a added']);
  });

  it('does not inherit the requeue of its predecessor', async () => {
    const handler = following(mapped(ConfigMap, byLabel));
    handler.script = ({ metadata }) => (metadata?.uid === 'uid-a' ? { requeueAfterMs: 60_000 } : undefined);
    const bench = await working(handler, 'a');
    await bench.put(aWidget({ name: 'a', uid: 'uid-new' }));
    await bench.clock.advance(120_000);

    expect(handler.take()).to.deep.equal(['a added']);
  });
});

describe('an object that is gone', () => {
  it('is not handled any more: neither what waits nor its retries', async () => {
    const handler = following(mapped(ConfigMap, byLabel));
    handler.script = () => {
      throw new Error('x');
    };
    const bench = await working(handler, 'a');
    await bench.remove('n/a');
    await bench.clock.advance(40_000_000);

    expect(handler.take()).to.deep.equal([]);
    expect(bench.clock.pendingTimers).to.equal(0);
  });

  it('that no delete handler knows leaves nothing behind', async () => {
    const handler = following(mapped(ConfigMap, byLabel));
    const bench = await working(handler, 'a', 'b');
    await bench.remove('n/a');
    const { records } = bench.controller as unknown as { records: ReadonlyMap<string, unknown> };

    expect([...records.keys()]).to.deep.equal(['n/b']);
  });
});

describe('giving up', () => {
  it('on wrong input lasts until the next resync at most', async () => {
    const handler = following(mapped(ConfigMap, byLabel));
    handler.script = () => {
      throw new PermanentError('no image');
    };
    const bench = await working(handler, 'a');
    await bench.clock.advance(35_999_999);
    expect(handler.take()).to.deep.equal([]);

    await bench.clock.advance(1);
    expect(handler.take()).to.deep.equal(['a resync']);
  });

  it('after the last attempt is reported, however temporary the error', async () => {
    @Handler()
    class Impatient extends Recorder {
      @Reconcile(Widget, { retry: { maxAttempts: 2 } })
      async reconcile(): Promise<void> {
        throw new TemporaryError('not yet', { reason: 'Waiting' });
      }
    }
    const bench = await working(new Impatient(), 'a');
    expect(bench.events).to.have.length(0);

    await bench.clock.advance(1_000);
    expect(bench.events.map(({ reason }) => reason)).to.deep.equal(['Waiting']);
  });
});

describe('the workers of a kind', () => {
  const concurrencyOf = async (Class: HandlerClass): Promise<number> => {
    const handler = new (Class as new () => Recorder)();
    let busy = 0;
    let most = 0;
    handler.script = async (_object, { clock }) => {
      most = Math.max(most, ++busy);
      await new Promise<void>((resolve) => clock.setTimer(10, resolve));
      busy--;
    };
    const bench = await new Bench(handler).activate();
    await bench.putTogether(...Array.from({ length: 12 }, (_, index) => aWidget({ name: `w${index}`, uid: `uid-${index}` })));
    await bench.clock.advance(1_000);
    return most;
  };

  it('are four, or as many as the handler that names most', async () => {
    @Handler()
    class Default extends Recorder {
      @Reconcile(Widget)
      async one(object: Widget, ctx: ReconcileContext<Widget>): Promise<ReconcileResult> {
        return this.record(object, ctx);
      }
    }
    @Handler()
    class Two extends Recorder {
      @Reconcile(Widget, { concurrency: 2 })
      async one(object: Widget, ctx: ReconcileContext<Widget>): Promise<ReconcileResult> {
        return this.record(object, ctx);
      }
    }
    @Handler()
    class Six extends Recorder {
      @Reconcile(Widget, { concurrency: 6 })
      async one(object: Widget, ctx: ReconcileContext<Widget>): Promise<ReconcileResult> {
        return this.record(object, ctx);
      }

      @Reconcile(Widget, { concurrency: 1 })
      async other(): Promise<void> {}
    }

    expect([await concurrencyOf(Default), await concurrencyOf(Two), await concurrencyOf(Six)]).to.deep.equal([4, 2, 6]);
  });
});

describe('a delete handler of a re-created object', () => {
  it('cleans up after the old object and leaves the new one alone', async () => {
    const cleaned: (string | undefined)[] = [];
    @Handler()
    class Cleaner {
      @OnDelete(Widget, { optional: true })
      async cleanUp(object: Widget): Promise<void> {
        cleaned.push(object.metadata?.uid);
      }
    }
    const bench = await new Bench(new Cleaner()).activate();
    await bench.put(aWidget({ uid: 'uid-old' }));
    await bench.remove();
    await bench.put(aWidget({ uid: 'uid-new' }));

    expect(cleaned).to.deep.equal(['uid-old']);
  });
});

describe('a filter that throws', () => {
  it('counts as no match, and is told once for each version of the object', async () => {
    @Handler()
    class Filtered extends Recorder {
      @Reconcile(Widget, { when: ({ spec }) => spec!.size! > 0 })
      async reconcile(object: Widget, ctx: ReconcileContext<Widget>): Promise<ReconcileResult> {
        return this.record(object, ctx);
      }
    }
    const handler = new Filtered();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    bench.controller.touch('n/w');
    await bench.clock.advance(0);
    expect(bench.filterFailures).to.deep.equal(['Filtered.reconcile']);

    await bench.put(aWidget({ generation: 2 }));
    expect(bench.filterFailures).to.have.length(2);
    expect(handler.take()).to.deep.equal([]);

    await bench.put(aWidget({ generation: 3, spec: { size: 1 } }));
    expect(handler.take()).to.deep.equal(['w changed']);
  });
});
