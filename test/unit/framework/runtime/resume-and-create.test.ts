import { expect } from 'chai';
import { Handler, OnCreate, OnResume } from '../../../../src/framework/decorators';
import { PermanentError } from '../../../../src/framework/errors/handler-errors';
import { aWidget, Bench, Widget } from './controller-bench';

const HANDLED = { status: { observedGeneration: 1 } };

@Handler()
class Both {
  readonly log: string[] = [];
  failures = 0;

  @OnCreate(Widget)
  async created({ metadata }: Widget): Promise<void> {
    this.log.push(`created ${metadata!.name}`);
  }

  @OnResume(Widget)
  async resumed({ metadata }: Widget): Promise<void> {
    if (this.failures-- > 0) throw new Error('not yet');
    this.log.push(`resumed ${metadata!.name}`);
  }
}

describe('@OnResume beside @OnCreate', () => {
  it('gets what was present and creation did not claim', async () => {
    const handler = new Both();
    const bench = new Bench(handler);
    await bench.put(aWidget({ name: 'handled', ...HANDLED }), { initial: true });
    await bench.put(aWidget({ name: 'fresh', uid: 'uid-2' }), { initial: true });
    await bench.activate();

    expect(handler.log).to.deep.equal(['resumed handled', 'created fresh']);
  });

  it('does not get what appears later, whatever becomes of it', async () => {
    const handler = new Both();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget(HANDLED));
    await bench.put(aWidget({ generation: 2, ...HANDLED }));

    expect(handler.log).to.deep.equal(['created w']);
  });

  it('gets what the first list of a late kind brings, as something that was there before', async () => {
    const handler = new Both();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget(HANDLED), { initial: true });

    expect(handler.log).to.deep.equal(['resumed w']);
  });

  it('runs once for a term of leadership, retried until it succeeds', async () => {
    const handler = new Both();
    const bench = new Bench(handler);
    await bench.put(aWidget(HANDLED), { initial: true });
    handler.failures = 1;
    await bench.activate();
    expect(handler.log).to.deep.equal([]);
    await bench.clock.advance(1_000);
    await bench.put(aWidget({ generation: 2, ...HANDLED }));
    expect(handler.log).to.deep.equal(['resumed w']);

    await bench.deactivate();
    await bench.activate();
    expect(handler.log).to.deep.equal(['resumed w', 'resumed w']);
  });

  it('runs again for an object that was re-created as created, not as resumed', async () => {
    const handler = new Both();
    const bench = new Bench(handler);
    await bench.put(aWidget(HANDLED), { initial: true });
    await bench.activate();
    await bench.put(aWidget({ uid: 'uid-2' }));

    expect(handler.log).to.deep.equal(['resumed w', 'created w']);
  });

  it('takes over what the filters of creation leave', async () => {
    @Handler()
    class Filtered {
      readonly log: string[] = [];

      @OnCreate(Widget, { labels: { team: 'a' } })
      async created({ metadata }: Widget): Promise<void> {
        this.log.push(`created ${metadata!.name}`);
      }

      @OnResume(Widget)
      async resumed({ metadata }: Widget): Promise<void> {
        this.log.push(`resumed ${metadata!.name}`);
      }
    }
    const handler = new Filtered();
    const bench = new Bench(handler);
    await bench.put(aWidget({ name: 'a', labels: { team: 'a' } }), { initial: true });
    await bench.put(aWidget({ name: 'b', uid: 'uid-2', labels: { team: 'b' } }), { initial: true });
    await bench.activate();

    expect(handler.log).to.have.members(['created a', 'resumed b']);
  });

  it('takes over what a selection of creation does not see', async () => {
    @Handler()
    class Selected {
      readonly log: string[] = [];

      @OnCreate(Widget, { select: { labels: 'team=a' } })
      async created({ metadata }: Widget): Promise<void> {
        this.log.push(`created ${metadata!.name}`);
      }

      @OnResume(Widget)
      async resumed({ metadata }: Widget): Promise<void> {
        this.log.push(`resumed ${metadata!.name}`);
      }
    }
    const handler = new Selected();
    const bench = new Bench(handler);
    await bench.put(aWidget({ name: 'a', labels: { team: 'a' } }), { initial: true });
    await bench.put(aWidget({ name: 'b', uid: 'uid-2' }), { initial: true });
    await bench.activate();

    expect(handler.log).to.have.members(['created a', 'resumed b']);
  });

  it('leaves present objects to resuming when nothing is remembered', async () => {
    @Handler()
    class Forgetful {
      readonly log: string[] = [];

      @OnCreate(Widget, { remember: 'none' })
      async created({ metadata }: Widget): Promise<void> {
        this.log.push(`created ${metadata!.name}`);
      }

      @OnResume(Widget)
      async resumed({ metadata }: Widget): Promise<void> {
        this.log.push(`resumed ${metadata!.name}`);
      }
    }
    const handler = new Forgetful();
    const bench = new Bench(handler);
    await bench.put(aWidget({ name: 'old' }), { initial: true });
    await bench.activate();
    await bench.put(aWidget({ name: 'new', uid: 'uid-2' }));

    expect(handler.log).to.deep.equal(['resumed old', 'created new']);
  });

  it('believes the annotation where that is the proof', async () => {
    @Handler()
    class Annotating {
      readonly created: string[] = [];

      @OnCreate(Widget, { remember: 'annotation' })
      async onCreate({ metadata }: Widget): Promise<void> {
        this.created.push(metadata!.name!);
      }
    }
    const handler = new Annotating();
    const bench = new Bench(handler);
    await bench.put(aWidget({ name: 'old', annotations: { 'example.org/handled-by': 'test' } }), { initial: true });
    await bench.put(aWidget({ name: 'new', uid: 'uid-2' }), { initial: true });
    await bench.activate();

    expect(handler.created).to.deep.equal(['new']);
  });
});

describe('@OnCreate with filters', () => {
  @Handler()
  class Labelled {
    readonly created: string[] = [];
    readonly errors: Error[] = [];

    @OnCreate(Widget, { labels: { team: 'a' } })
    async onCreate({ metadata }: Widget): Promise<void> {
      const error = this.errors.shift();
      if (error !== undefined) throw error;
      this.created.push(metadata!.name!);
    }
  }

  it('runs once, when the object begins to match', async () => {
    const handler = new Labelled();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    await bench.put(aWidget({ labels: { team: 'a' } }));
    await bench.put(aWidget());
    await bench.put(aWidget({ labels: { team: 'a' } }));

    expect(handler.created).to.deep.equal(['w']);
  });

  it('leaves an object alone that stops matching before it succeeded, and goes on when it matches again', async () => {
    const handler = new Labelled();
    handler.errors.push(new Error('no'));
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget({ labels: { team: 'a' } }));
    await bench.put(aWidget());
    await bench.clock.advance(60_000);
    expect(handler.created).to.deep.equal([]);

    await bench.put(aWidget({ labels: { team: 'a' } }));
    expect(handler.created).to.deep.equal(['w']);
  });

  it('tries wrong input again only when the object changes', async () => {
    const handler = new Labelled();
    handler.errors.push(new PermanentError('wrong size'));
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget({ labels: { team: 'a' } }));
    await bench.put(aWidget({ labels: { team: 'a' }, ...HANDLED }));
    await bench.clock.advance(3_600_000);
    expect(handler.created).to.deep.equal([]);

    await bench.put(aWidget({ generation: 2, labels: { team: 'a' } }));
    expect(handler.created).to.deep.equal(['w']);
  });
});
