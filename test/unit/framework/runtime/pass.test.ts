import { expect } from 'chai';
import { Handler, OnCreate, OnDelete, OnUpdate, owned, Reconcile, type Update } from '../../../../src/framework/decorators';
import { PermanentError, TemporaryError } from '../../../../src/framework/errors/handler-errors';
import { DaemonSet, Pod } from '../../../../src/framework/kinds/core-kinds';
import type { HandlerContext, ReconcileContext, ReconcileResult } from '../../../../src/framework/runtime/context';
import { runHandler } from '../../../../src/framework/testing';
import { aWidget, Bench, Widget } from './controller-bench';

type Script = (object: Widget, ctx: HandlerContext<Widget>) => Promise<ReconcileResult> | ReconcileResult;

@Handler()
class Reconciler {
  readonly runs: { object: Widget; reasons: string[]; attempt: number; atMs: number }[] = [];
  constructor(readonly script: Script = () => undefined) {}

  @Reconcile(Widget, { owns: [DaemonSet] })
  async reconcile(object: Widget, ctx: ReconcileContext<Widget>): Promise<ReconcileResult> {
    this.runs.push({ object, reasons: [...ctx.reasons], attempt: ctx.attempt, atMs: ctx.clock.monotonicMs() });
    return this.script(object, ctx);
  }
}

/** Fails with the given errors, one a run, then succeeds. */
const failing =
  (...errors: unknown[]): Script =>
  () => {
    if (errors.length > 0) throw errors.shift();
  };

describe('a pass of @Reconcile', () => {
  it('runs for an object that appears, and for one that was there before, in the low lane', async () => {
    const handler = new Reconciler();
    const bench = new Bench(handler);
    await bench.put(aWidget({ name: 'old' }), { initial: true });
    await bench.activate();
    await bench.put(aWidget({ name: 'new', uid: 'uid-2' }));

    expect(handler.runs.map(({ object, reasons }) => [object.metadata?.name, reasons])).to.deep.equal([
      ['old', ['leader']],
      ['new', ['added']],
    ]);
  });

  it('begins no other handler of a pass that is cut short', async () => {
    @Handler()
    class Two {
      readonly runs: string[] = [];
      readonly bench = new Bench(this);

      @OnCreate(Widget)
      async first(): Promise<void> {
        this.runs.push('first');
        this.bench.stop.abort(new Error('leadership lost'));
      }

      @Reconcile(Widget)
      async second(): Promise<void> {
        this.runs.push('second');
      }
    }
    const handler = new Two();
    await handler.bench.activate();
    await handler.bench.put(aWidget());

    expect(handler.runs).to.deep.equal(['first']);
    expect(handler.bench.statuses).to.deep.equal([]);
  });

  it('does not run while standing by', async () => {
    const handler = new Reconciler();
    const bench = new Bench(handler);
    await bench.put(aWidget());
    await bench.clock.advance(60_000);

    expect(handler.runs).to.have.length(0);
  });

  it('runs when the spec changes and not when only the status does', async () => {
    const handler = new Reconciler();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    await bench.put(aWidget({ status: { observedGeneration: 1 } }));
    expect(handler.runs).to.have.length(1);

    await bench.put(aWidget({ generation: 2 }));
    await bench.put(aWidget({ generation: 2, labels: { a: 'b' } }));
    expect(handler.runs).to.have.length(3);
  });

  it('writes what was staged once, with the generation it dealt with', async () => {
    const handler = new Reconciler((_object, ctx) => {
      ctx.status.set({ size: 1 });
      ctx.status.set({ size: 2 });
      ctx.status.condition({ type: 'Ready', status: 'True', reason: 'Fine', message: '' });
    });
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget({ generation: 4 }));

    expect(bench.statuses).to.have.length(1);
    expect([...bench.statuses[0]!.fields]).to.deep.equal([['size', 2]]);
    expect(bench.statuses[0]!.conditions).to.have.length(1);
    expect(bench.statuses[0]!.observedGeneration).to.equal(4);
  });

  it('looks again after requeueAfterMs, never earlier and at most five percent later', async () => {
    const handler = new Reconciler(() => ({ requeueAfterMs: 10_000 }));
    const bench = await new Bench(handler, { random: () => 0.999 }).activate();
    await bench.put(aWidget());
    await bench.clock.advance(9_999);
    expect(handler.runs).to.have.length(1);

    await bench.clock.advance(501);
    expect(handler.runs.map(({ reasons }) => reasons)).to.deep.equal([['added'], ['requeue']]);
  });

  it('looks again after ten hours without a cause', async () => {
    const handler = new Reconciler();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    await bench.clock.advance(36_000_000);

    expect(handler.runs.map(({ reasons }) => reasons)).to.deep.equal([['added'], ['resync']]);
  });

  it('retries a failure after about one and two seconds, then reports recovery', async () => {
    const handler = new Reconciler(failing(new Error('first'), new Error('second')));
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    await bench.clock.advance(10_000);

    expect(handler.runs.map(({ atMs, attempt }) => [atMs, attempt])).to.deep.equal([
      [0, 1],
      [1_000, 2],
      [3_000, 3],
    ]);
    expect(bench.statuses.map(({ conditions }) => conditions.map(({ status, reason }) => `${status} ${reason}`))).to.deep.equal([
      ['False ReconcileError'],
      ['False ReconcileError'],
      ['True Recovered'],
    ]);
    expect(bench.statuses.map(({ observedGeneration }) => observedGeneration)).to.deep.equal([undefined, undefined, 1]);
    expect(bench.events.map(({ type, reason, note }) => `${type} ${reason} ${note}`)).to.deep.equal([
      'Warning ReconcileError first',
      'Warning ReconcileError second',
    ]);
  });

  it('keeps the condition the handler states itself over the framework’s recovery', async () => {
    let failed = false;
    const handler = new Reconciler((_object, ctx) => {
      if (failed) ctx.status.condition({ type: 'Ready', status: 'True', reason: 'Mine', message: '' });
      else {
        failed = true;
        throw new Error('once');
      }
    });
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    await bench.clock.advance(2_000);

    expect(bench.statuses[1]!.conditions.map(({ reason }) => reason)).to.deep.equal(['Mine']);
  });

  it('says nothing of a temporary error before the third in a row', async () => {
    const error = (): TemporaryError => new TemporaryError('not yet', { delayMs: 100, reason: 'Waiting' });
    const handler = new Reconciler(failing(error(), error(), error()));
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    await bench.clock.advance(150);
    expect(bench.events).to.have.length(0);

    await bench.clock.advance(150);
    expect(handler.runs).to.have.length(3);
    expect(bench.events.map(({ reason }) => reason)).to.deep.equal(['Waiting']);
  });

  it('leaves an object with wrong input alone until it changes', async () => {
    const handler = new Reconciler(failing(new PermanentError('size is -1; allowed: 0 or more', { reason: 'InvalidSize' })));
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    await bench.clock.advance(3_600_000);
    expect(handler.runs).to.have.length(1);
    expect(bench.statuses[0]!.observedGeneration).to.equal(1);
    expect(bench.statuses[0]!.conditions[0]).to.include({ status: 'False', reason: 'InvalidSize' });

    await bench.put(aWidget({ generation: 2 }));
    expect(handler.runs).to.have.length(2);
  });

  it('runs at once for a change while backing off, but not within a second of the failed attempt', async () => {
    const handler = new Reconciler(failing(...Array.from({ length: 6 }, () => new Error('no'))));
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    await bench.clock.advance(31_000 + 200);
    const failedRuns = handler.runs.length;
    await bench.put(aWidget({ generation: 2 }));
    expect(handler.runs).to.have.length(failedRuns);

    await bench.clock.advance(800);
    expect(handler.runs).to.have.length(failedRuns + 1);
    expect(handler.runs.at(-1)!.attempt).to.equal(failedRuns + 1);
  });

  it('forgets failures when the object was re-created under its name', async () => {
    const handler = new Reconciler(failing(new Error('one'), new Error('two')));
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    await bench.clock.advance(1_000);
    await bench.put(aWidget({ uid: 'uid-2' }));

    expect(handler.runs.map(({ attempt }) => attempt)).to.deep.equal([1, 2, 1]);
  });

  it('times a run out, tells the handler by its signal, and tries again', async () => {
    let aborted: unknown;
    const handler = new Reconciler((_object, ctx) => {
      if (ctx.attempt > 1) return undefined;
      return new Promise((_resolve, reject) => {
        ctx.signal.addEventListener('abort', () => {
          aborted = ctx.signal.reason;
          reject(aborted);
        });
      });
    });
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    await bench.clock.advance(60_000);
    expect(aborted).to.be.instanceOf(TemporaryError);

    await bench.clock.advance(1_000);
    expect(handler.runs).to.have.length(2);
  });

  it('enqueues the owner of a changed child, and only if it is still the same owner', async () => {
    const handler = new Reconciler();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    const child = (uid: string, controller = true) => ({
      type: 'MODIFIED' as const,
      object: {
        metadata: {
          name: 'c',
          namespace: 'n',
          ownerReferences: [{ apiVersion: 'example.org/v1', kind: 'Widget', name: 'w', uid, controller }],
        },
      },
      old: undefined,
      initial: false,
      lost: false,
      cluster: 'local',
    });
    await bench.child(child('uid-of-an-earlier-one'));
    await bench.child(child('uid-1', false));
    expect(handler.runs).to.have.length(1);

    await bench.child(child('uid-1'));
    expect(handler.runs.map(({ reasons }) => reasons)).to.deep.equal([['added'], ['owned']]);
  });

  it('does not wake a handler for the echo of its own write', async () => {
    const handler = new Reconciler();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    bench.ownWrites.remember(Widget.id, 'n/w', '3', 'Reconciler.reconcile');
    await bench.put(aWidget({ generation: 2 }));
    expect(handler.runs).to.have.length(1);

    await bench.put(aWidget({ generation: 3 }));
    expect(handler.runs).to.have.length(2);
  });

  it('rests while the object is Terminating', async () => {
    const handler = new Reconciler();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget({ deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['other/one'] }));

    expect(handler.runs).to.have.length(0);
  });

  it('refuses to stage a status of a kind that declares none of ours, since no right to write it follows', async () => {
    let refusal: unknown;
    @Handler()
    class Pods {
      @Reconcile(Pod)
      async reconcile(_pod: Pod, ctx: ReconcileContext<Pod>): Promise<void> {
        try {
          ctx.status.set({ phase: 'Mine' });
        } catch (error) {
          refusal = error;
        }
      }
    }

    const { error } = await runHandler(Pods, { object: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'default' } } });

    expect(error).to.equal(undefined);
    expect(refusal).to.include({ code: 'NO_STATUS' });
    expect((refusal as Error).message).to.equal(
      'Pods.reconcile: ctx.status is not available, Pod declares no status of ours; ' +
        'give its defineKind observedGeneration, conditions or ownStatus, from which the right to write it follows',
    );
  });

  it('repeats what a failed status write lost', async () => {
    const handler = new Reconciler((_object, ctx) => ctx.status.set({ size: 1 }));
    const bench = await new Bench(handler).activate();
    bench.writeErrors.push(new Error('500'));
    await bench.put(aWidget());
    expect(bench.statuses).to.have.length(0);

    await bench.clock.advance(1_000);
    expect(handler.runs).to.have.length(2);
    expect(bench.statuses).to.have.length(1);
  });

  it('writes nothing for a run that shutdown cut short', async () => {
    const handler = new Reconciler((_object, ctx) => {
      ctx.status.set({ size: 1 });
      return new Promise((_resolve, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)));
    });
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    bench.stop.abort(new Error('stopping'));
    await bench.clock.advance(5_000);

    expect(bench.statuses).to.have.length(0);
    expect(bench.events).to.have.length(0);
  });

  it('refuses a stage that is used after its run', async () => {
    let late: HandlerContext<Widget> | undefined;
    const handler = new Reconciler((_object, ctx) => {
      late = ctx;
    });
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());

    expect(() => late!.status.set({ size: 1 })).to.throw('ctx.status of Reconciler.reconcile was used after the handler had returned');
  });
});

describe('a pass of @OnCreate', () => {
  @Handler()
  class Creator {
    readonly created: string[] = [];
    failures = 0;

    @OnCreate(Widget)
    async onCreate(object: Widget): Promise<void> {
      if (this.failures-- > 0) throw new Error('not yet');
      this.created.push(object.metadata!.name!);
    }
  }

  it('runs once for each object that appears, whatever happens to it later', async () => {
    const handler = new Creator();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    await bench.put(aWidget({ generation: 2 }));

    expect(handler.created).to.deep.equal(['w']);
  });

  it('counts objects that were there at start only when nothing proves that they were handled', async () => {
    const handler = new Creator();
    const bench = new Bench(handler);
    await bench.put(aWidget({ name: 'handled', status: { observedGeneration: 1 } }), { initial: true });
    await bench.put(aWidget({ name: 'fresh', uid: 'uid-2' }), { initial: true });
    await bench.activate();

    expect(handler.created).to.deep.equal(['fresh']);
  });

  it('is tried again until it succeeds, and holds observedGeneration back until then', async () => {
    const handler = new Creator();
    handler.failures = 1;
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    expect(bench.statuses.map(({ observedGeneration }) => observedGeneration)).to.deep.equal([undefined]);

    await bench.clock.advance(1_000);
    expect(handler.created).to.deep.equal(['w']);
    expect(bench.statuses.at(-1)!.observedGeneration).to.equal(1);
  });

  it('leaves the annotation that proves it, once, where asked to', async () => {
    @Handler()
    class Remembering {
      @OnCreate(Widget, { remember: 'annotation' })
      async onCreate(): Promise<void> {}
    }
    const bench = await new Bench(new Remembering()).activate();
    await bench.put(aWidget());

    expect(bench.annotations).to.deep.equal(['example.org/handled-by=test']);
  });
});

describe('a pass of @OnUpdate', () => {
  @Handler()
  class Updater {
    readonly updates: Update<Widget>[] = [];
    failures = 0;

    @OnUpdate(Widget, { field: 'spec.size' })
    async onUpdate(update: Update<Widget>): Promise<void> {
      if (this.failures-- > 0) throw new Error('not yet');
      this.updates.push(update);
    }
  }

  it('gives the state it last succeeded with and the changes since', async () => {
    const handler = new Updater();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget({ spec: { size: 1 } }));
    await bench.put(aWidget({ generation: 2, spec: { size: 5 } }));

    expect(handler.updates.map(({ diff }) => diff)).to.deep.equal([[{ op: 'replace', path: '/spec/size', old: 1, value: 5 }]]);
    expect(handler.updates[0]!.old?.spec?.size).to.equal(1);
  });

  it('folds changes that came while it failed into one', async () => {
    const handler = new Updater();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget({ spec: { size: 1 } }));
    handler.failures = 1;
    await bench.put(aWidget({ generation: 2, spec: { size: 2 } }));
    await bench.put(aWidget({ generation: 3, spec: { size: 3 } }));
    await bench.clock.advance(2_000);

    expect(handler.updates.map(({ old, object }) => [old?.spec?.size, object.spec?.size])).to.deep.equal([[1, 3]]);
  });

  it('ignores changes of other fields', async () => {
    const handler = new Updater();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget({ spec: { size: 1 } }));
    await bench.put(aWidget({ generation: 2, spec: { size: 1, color: 'red' } }));

    expect(handler.updates).to.have.length(0);
  });

  it('runs once without an old state for an object that changed while nobody looked', async () => {
    const handler = new Updater();
    const bench = new Bench(handler);
    await bench.put(aWidget({ generation: 3, spec: { size: 1 }, status: { observedGeneration: 2 } }), { initial: true });
    await bench.activate();

    expect(handler.updates.map(({ old }) => old)).to.deep.equal([undefined]);
  });
});

describe('a pass of @OnDelete', () => {
  const FINALIZER = 'example.org/cleanup';
  const terminating = { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: [FINALIZER] };

  @Handler()
  class Deleter {
    readonly log: string[] = [];
    script: () => ReconcileResult = () => undefined;

    @OnDelete(Widget)
    async onDelete(): Promise<ReconcileResult> {
      this.log.push('delete');
      return this.script();
    }

    @OnDelete(Widget, { id: 'second' })
    async secondDelete(): Promise<void> {
      this.log.push('second');
    }

    @Reconcile(Widget)
    async reconcile(object: Widget): Promise<void> {
      this.log.push(`reconcile ${object.metadata?.finalizers?.join()}`);
    }
  }

  it('puts the finalizer on before any other handler runs', async () => {
    const handler = new Deleter();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());

    expect(bench.finalizerWrites).to.deep.equal([`+${FINALIZER}`]);
    expect(handler.log).to.deep.equal([`reconcile ${FINALIZER}`]);
  });

  it('runs no handler while the finalizer cannot be put on', async () => {
    const handler = new Deleter();
    const bench = await new Bench(handler).activate();
    bench.writeErrors.push(new Error('409'), new Error('409'));
    await bench.put(aWidget());
    await bench.clock.advance(2_000);
    expect(handler.log).to.deep.equal([]);

    await bench.clock.advance(1_000);
    expect(handler.log).to.deep.equal([`reconcile ${FINALIZER}`]);
  });

  it('takes the finalizer off once every handler that shares it has succeeded', async () => {
    const handler = new Deleter();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget(terminating));

    expect(handler.log).to.deep.equal(['delete', 'second']);
    expect(bench.finalizerWrites).to.deep.equal([`-${FINALIZER}`]);
  });

  it('keeps the finalizer while clean-up says that it is not finished, or fails', async () => {
    const handler = new Deleter();
    const bench = await new Bench(handler).activate();
    handler.script = () => ({ requeueAfterMs: 5_000 });
    await bench.put(aWidget(terminating));
    handler.script = () => {
      throw new Error('remote is away');
    };
    await bench.clock.advance(5_250);
    expect(bench.finalizerWrites).to.deep.equal([]);

    handler.script = () => undefined;
    await bench.clock.advance(1_000);
    expect(bench.finalizerWrites).to.deep.equal([`-${FINALIZER}`]);
    expect(handler.log).to.deep.equal(['delete', 'second', 'delete', 'delete']);
  });

  it('cleans up what began to terminate while nobody looked', async () => {
    const handler = new Deleter();
    const bench = new Bench(handler);
    await bench.put(aWidget(terminating), { initial: true });
    await bench.activate();

    expect(bench.finalizerWrites).to.deep.equal([`-${FINALIZER}`]);
  });

  it('gives up after its deadline, with an Event', async () => {
    @Handler()
    class Impatient {
      @OnDelete(Widget, { deadlineMs: 60_000 })
      async onDelete(): Promise<void> {
        throw new Error('never');
      }
    }
    const bench = await new Bench(new Impatient()).activate();
    await bench.put(aWidget(terminating));
    await bench.clock.advance(50_000);
    expect(bench.finalizerWrites).to.deep.equal([]);

    await bench.clock.advance(20_000);
    expect(bench.finalizerWrites).to.deep.equal([`-${FINALIZER}`]);
    expect(bench.events.map(({ reason }) => reason)).to.include('CleanupAbandoned');
  });

  it('takes its finalizer off an object that is no longer its business', async () => {
    @Handler()
    class Labelled {
      @OnDelete(Widget, { labels: { keep: 'yes' } })
      async onDelete(): Promise<void> {}
    }
    const bench = await new Bench(new Labelled()).activate();
    await bench.put(aWidget({ labels: { keep: 'yes' } }));
    await bench.put(aWidget({ labels: { keep: 'no' }, finalizers: [FINALIZER] }));

    expect(bench.finalizerWrites).to.deep.equal([`+${FINALIZER}`, `-${FINALIZER}`]);
  });

  it('runs an optional clean-up after the object is gone, without a finalizer and at most five times', async () => {
    @Handler()
    class Optional {
      runs = 0;

      @OnDelete(Widget, { optional: true })
      async onDelete(object: Widget): Promise<void> {
        expect(object.metadata?.name).to.equal('w');
        this.runs++;
        throw new Error('no');
      }
    }
    const handler = new Optional();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    await bench.remove();
    await bench.clock.advance(3_600_000);

    expect(bench.finalizerWrites).to.deep.equal([]);
    expect(handler.runs).to.equal(5);
  });
});

describe('owned watches', () => {
  it('can follow every owner instead of the controller only', async () => {
    @Handler()
    class AnyOwner {
      runs = 0;

      @Reconcile(Widget, { owns: [owned(DaemonSet, { anyOwner: true })] })
      async reconcile(): Promise<void> {
        this.runs++;
      }
    }
    const handler = new AnyOwner();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    const owner = { apiVersion: 'example.org/v1', kind: 'Widget', name: 'w', uid: 'uid-1' };
    const object = { metadata: { name: 'c', namespace: 'n', ownerReferences: [owner] } };
    await bench.child({ type: 'DELETED', object, old: undefined, initial: false, lost: true, cluster: 'local' });

    expect(handler.runs).to.equal(2);
  });
});
