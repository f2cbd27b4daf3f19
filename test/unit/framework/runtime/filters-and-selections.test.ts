import { expect } from 'chai';
import { Handler, OnCreate, OnDelete, OnTimer, OnUpdate, Reconcile } from '../../../../src/framework/decorators';
import { aWidget, Bench, Widget } from './controller-bench';

const FINALIZER = 'example.org/cleanup';

describe('an object that stops matching', () => {
  @Handler()
  class Labelled {
    readonly runs: number[] = [];
    failures = 0;

    @Reconcile(Widget, { labels: { on: 'yes' } })
    async reconcile({ metadata }: Widget): Promise<void> {
      if (this.failures-- > 0) throw new Error('no');
      this.runs.push(metadata!.generation!);
    }
  }
  const on = { labels: { on: 'yes' } };

  it('is left alone, and is new when it matches again', async () => {
    const handler = new Labelled();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget(on));
    await bench.put(aWidget({ generation: 2 }));
    await bench.put(aWidget({ generation: 3 }));
    await bench.clock.advance(40_000_000);
    expect(handler.runs).to.deep.equal([1]);

    await bench.put(aWidget({ generation: 4, ...on }));
    expect(handler.runs).to.deep.equal([1, 4]);
  });

  it('takes its failures with it', async () => {
    const handler = new Labelled();
    handler.failures = 1;
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget(on));
    await bench.put(aWidget());
    await bench.clock.advance(60_000);
    expect(handler.runs).to.deep.equal([]);

    await bench.put(aWidget({ generation: 2, ...on }));
    expect(handler.runs).to.deep.equal([2]);
  });

  it('gets its finalizer off also when only its status has changed', async () => {
    @Handler()
    class ByStatus {
      @OnDelete(Widget, { when: (widget: Widget) => widget.status?.observedGeneration === undefined })
      async onDelete(): Promise<void> {}
    }
    const bench = await new Bench(new ByStatus()).activate();
    await bench.put(aWidget());
    await bench.put(aWidget({ finalizers: [FINALIZER], status: { observedGeneration: 1 } }));

    expect(bench.finalizerWrites).to.deep.equal([`+${FINALIZER}`, `-${FINALIZER}`]);
  });

  it('keeps a finalizer that another handler needs', async () => {
    @Handler()
    class Two {
      @OnDelete(Widget, { labels: { on: 'yes' } })
      async first(): Promise<void> {}

      @OnDelete(Widget)
      async second(): Promise<void> {}
    }
    const bench = await new Bench(new Two()).activate();
    await bench.put(aWidget(on));
    await bench.put(aWidget({ finalizers: [FINALIZER] }));

    expect(bench.finalizerWrites).to.deep.equal([`+${FINALIZER}`]);
  });
});

describe('handlers of one kind with different selections', () => {
  @Handler()
  class Selecting {
    readonly log: string[] = [];

    @Reconcile(Widget, { select: { labels: 'team=a' } })
    async teamA({ metadata }: Widget): Promise<void> {
      this.log.push(`a ${metadata!.generation}`);
    }

    @OnDelete(Widget, { select: { labels: 'team=b' } })
    async teamB(): Promise<void> {
      this.log.push('b deleted');
    }

    @OnUpdate(Widget)
    async everybody({ object }: { object: Widget }): Promise<void> {
      this.log.push(`all ${object.metadata!.generation}`);
    }

    @OnTimer(Widget, { select: { labels: 'team=a' }, intervalMs: 10_000, initialDelayMs: 10_000 })
    async beat(): Promise<void> {
      this.log.push('beat');
    }
  }

  it('share one queue, and each sees what it selects only', async () => {
    const handler = new Selecting();
    const bench = await new Bench(handler, { random: () => 0 }).activate();
    await bench.put(aWidget({ labels: { team: 'a' } }));
    await bench.put(aWidget({ generation: 2, labels: { team: 'c' } }));
    await bench.clock.advance(60_000);

    expect(handler.log).to.deep.equal(['a 1', 'all 2']);
  });

  it('put finalizers only on what the delete handler selects', async () => {
    const bench = await new Bench(new Selecting()).activate();
    await bench.put(aWidget({ labels: { team: 'a' } }));
    expect(bench.finalizerWrites).to.deep.equal([]);

    await bench.put(aWidget({ labels: { team: 'b' } }));
    await bench.put(aWidget({ labels: { team: 'a' }, finalizers: [FINALIZER] }));
    expect(bench.finalizerWrites).to.deep.equal([`+${FINALIZER}`, `-${FINALIZER}`]);
  });

  it('take the finalizer off an object that nobody selects any more', async () => {
    @Handler()
    class OnlyB {
      @OnDelete(Widget, { select: { labels: 'team=b' } })
      async onDelete(): Promise<void> {}
    }
    const bench = await new Bench(new OnlyB()).activate();
    await bench.put(aWidget({ labels: { team: 'b' } }));
    await bench.put(aWidget({ labels: { team: 'b' }, finalizers: [FINALIZER] }));
    await bench.put(aWidget({ finalizers: [FINALIZER] }));

    expect(bench.finalizerWrites).to.deep.equal([`+${FINALIZER}`, `-${FINALIZER}`]);
  });

  it('start anew for a re-created object, whichever informer sees it first', async () => {
    const handler = new Selecting();
    const bench = await new Bench(handler, { random: () => 0 }).activate();
    await bench.put(aWidget({ labels: { team: 'a' } }));
    await bench.put(aWidget({ uid: 'uid-2', generation: 7, labels: { team: 'a' } }));

    expect(handler.log).to.deep.equal(['a 1', 'a 7']);
  });
});

describe('an optional clean-up', () => {
  it('runs for an object whose name was taken over at once', async () => {
    @Handler()
    class Optional {
      readonly uids: string[] = [];

      @OnDelete(Widget, { optional: true })
      async onDelete({ metadata }: Widget): Promise<void> {
        this.uids.push(metadata!.uid!);
      }
    }
    const handler = new Optional();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    await bench.put(aWidget({ uid: 'uid-2' }));
    expect(handler.uids).to.deep.equal(['uid-1']);

    await bench.remove();
    expect(handler.uids).to.deep.equal(['uid-1', 'uid-2']);
  });
});

describe('a filter that throws', () => {
  @Handler()
  class Throwing {
    runs = 0;

    @Reconcile(Widget, { when: (widget: Widget) => widget.spec!.size! > 1 })
    async reconcile(): Promise<void> {
      this.runs++;
    }
  }

  it('counts as false and is told once for each version of the object', async () => {
    const handler = new Throwing();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    bench.controller.touch('n/w');
    await bench.clock.advance(0);
    expect(bench.filterErrors).to.deep.equal(['Throwing.reconcile']);

    await bench.put(aWidget({ generation: 2 }));
    expect(bench.filterErrors).to.have.length(2);
    expect(handler.runs).to.equal(0);

    await bench.put(aWidget({ generation: 3, spec: { size: 2 } }));
    expect(bench.filterErrors).to.have.length(2);
    expect(handler.runs).to.equal(1);
  });

  it('does the same as a value filter', async () => {
    @Handler()
    class ByLabel {
      runs = 0;

      @Reconcile(Widget, { labels: { size: (value?: string) => value!.length > 1 } })
      async reconcile(): Promise<void> {
        this.runs++;
      }
    }
    const handler = new ByLabel();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    expect([handler.runs, bench.filterErrors.length]).to.deep.equal([0, 1]);

    await bench.put(aWidget({ labels: { size: 'xl' } }));
    expect(handler.runs).to.equal(1);
  });

  it('makes the handler run when it is the one for changes', async () => {
    @Handler()
    class Changed {
      runs = 0;

      @Reconcile(Widget, {
        changed: () => {
          throw new Error('bug');
        },
      })
      async reconcile(): Promise<void> {
        this.runs++;
      }
    }
    const handler = new Changed();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    await bench.put(aWidget({ generation: 2 }));

    expect(handler.runs).to.equal(2);
  });
});

describe('several handlers of one object', () => {
  it('are one method with several decorators, each with its own turn', async () => {
    @Handler()
    class Both {
      readonly subjects: unknown[] = [];

      @OnCreate(Widget)
      @Reconcile(Widget)
      async both(object: Widget): Promise<void> {
        this.subjects.push(object.metadata?.generation);
      }
    }
    const handler = new Both();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    await bench.put(aWidget({ generation: 2 }));

    expect(handler.subjects).to.deep.equal([1, 1, 2]);
  });

  it('hold observedGeneration back while one of them retries or has not had its turn', async () => {
    @Handler()
    class Several {
      failures = 2;

      @Reconcile(Widget)
      async fine(): Promise<void> {}

      @OnTimer(Widget, { intervalMs: 3_600_000 })
      async failing(): Promise<void> {
        if (this.failures-- > 0) throw new Error('no');
      }

      @Reconcile(Widget, { minIntervalMs: 20_000 })
      async slow(): Promise<void> {}
    }
    const bench = await new Bench(new Several(), { random: () => 0 }).activate();
    await bench.put(aWidget());
    await bench.put(aWidget({ generation: 2 }));
    await bench.clock.advance(19_000);
    expect(bench.statuses.map(({ observedGeneration }) => observedGeneration)).to.not.include(2);

    await bench.clock.advance(1_000);
    expect(bench.statuses.at(-1)!.observedGeneration).to.equal(2);
  });

  it('write no status for an object that went with its last finalizer', async () => {
    @Handler()
    class Last {
      runs = 0;

      @OnDelete(Widget)
      async onDelete(): Promise<void> {}

      @Reconcile(Widget, { whileDeleting: true })
      async reconcile(): Promise<void> {
        this.runs++;
      }
    }
    const handler = new Last();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget({ deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: [FINALIZER] }));

    expect(bench.finalizerWrites).to.deep.equal([`-${FINALIZER}`]);
    expect([handler.runs, bench.statuses.length]).to.deep.equal([0, 0]);
  });
});

describe('a clean-up with a deadline', () => {
  it('is given up at its deadline, not at the next attempt after it', async () => {
    @Handler()
    class Slow {
      @OnDelete(Widget, { deadlineMs: 60_000 })
      async onDelete(): Promise<{ requeueAfterMs: number }> {
        return { requeueAfterMs: 3_600_000 };
      }
    }
    const bench = await new Bench(new Slow()).activate();
    await bench.put(aWidget({ deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: [FINALIZER] }));
    await bench.clock.advance(60_000);
    expect(bench.finalizerWrites).to.deep.equal([]);

    await bench.clock.advance(10);
    expect(bench.finalizerWrites).to.deep.equal([`-${FINALIZER}`]);
    expect(bench.events.map(({ reason }) => reason)).to.deep.equal(['CleanupAbandoned']);
  });
});
