import { expect } from 'chai';
import { type FieldChange, Handler, OnField, OnUpdate, type Update } from '../../../../src/framework/decorators';
import { PermanentError } from '../../../../src/framework/errors/handler-errors';
import { aWidget, Bench, Widget } from './controller-bench';

interface Options {
  initial?: boolean;
  labels?: Record<string, string>;
}

/** A handler of `spec.size` that notes what it was told. */
function sizeHandler(options: Options = {}): { changes: [old: unknown, value: unknown][]; errors: Error[] } {
  @Handler()
  class SizeHandler {
    readonly changes: [unknown, unknown][] = [];
    readonly errors: Error[] = [];

    @OnField(Widget, 'spec.size', options)
    async onSize({ old, value }: FieldChange<Widget, number>): Promise<void> {
      const error = this.errors.shift();
      if (error !== undefined) throw error;
      this.changes.push([old, value]);
    }
  }
  return new SizeHandler();
}

describe('@OnField', () => {
  it('runs on first sight if the field exists, then for each other value', async () => {
    const handler = sizeHandler();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget({ spec: { size: 1 } }));
    await bench.put(aWidget({ generation: 2, spec: { size: 1, color: 'red' } }));
    await bench.put(aWidget({ generation: 3, spec: { size: 2, color: 'red' } }));

    expect(handler.changes).to.deep.equal([
      [undefined, 1],
      [1, 2],
    ]);
  });

  it('waits for the field when the object comes without it', async () => {
    const handler = sizeHandler();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget());
    expect(handler.changes).to.deep.equal([]);

    await bench.put(aWidget({ generation: 2, spec: { size: 3 } }));
    expect(handler.changes).to.deep.equal([[undefined, 3]]);
  });

  it('hears of a field that is removed, with its last value', async () => {
    const handler = sizeHandler();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget({ spec: { size: 1 } }));
    await bench.put(aWidget({ generation: 2, spec: {} }));

    expect(handler.changes).to.deep.equal([
      [undefined, 1],
      [1, undefined],
    ]);
  });

  it('says nothing of the value that was there first without initial', async () => {
    const handler = sizeHandler({ initial: false });
    const bench = new Bench(handler);
    await bench.put(aWidget({ spec: { size: 1 } }), { initial: true });
    await bench.activate();
    await bench.put(aWidget({ name: 'late', uid: 'uid-2', spec: { size: 5 } }));
    expect(handler.changes).to.deep.equal([]);

    await bench.put(aWidget({ generation: 2, spec: { size: 2 } }));
    expect(handler.changes).to.deep.equal([[1, 2]]);
  });

  it('compares deep values', async () => {
    @Handler()
    class LabelHandler {
      readonly values: unknown[] = [];

      @OnField(Widget, 'metadata.labels')
      async onLabels({ value }: FieldChange<Widget>): Promise<void> {
        this.values.push(value);
      }
    }
    const handler = new LabelHandler();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget({ labels: { a: '1', b: '2' } }));
    await bench.put(aWidget({ labels: { b: '2', a: '1' } }));
    await bench.put(aWidget({ labels: { a: '1', b: '3' } }));

    expect(handler.values).to.deep.equal([
      { a: '1', b: '2' },
      { a: '1', b: '3' },
    ]);
  });

  it('keeps the value it last succeeded with while it fails, and skips those in between', async () => {
    const handler = sizeHandler();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget({ spec: { size: 1 } }));
    handler.errors.push(new Error('no'));
    await bench.put(aWidget({ generation: 2, spec: { size: 2 } }));
    await bench.put(aWidget({ generation: 3, spec: { size: 3 } }));
    await bench.clock.advance(2_000);

    expect(handler.changes).to.deep.equal([
      [undefined, 1],
      [1, 3],
    ]);
  });

  it('runs after a failure even when the value is back, since part of the work may be done', async () => {
    const handler = sizeHandler();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget({ spec: { size: 1 } }));
    handler.errors.push(new Error('half way'));
    await bench.put(aWidget({ generation: 2, spec: { size: 2 } }));
    await bench.put(aWidget({ generation: 3, spec: { size: 1 } }));
    await bench.clock.advance(2_000);

    expect(handler.changes.at(-1)).to.deep.equal([1, 1]);
  });

  it('does not wake a backing-off handler for changes of other fields', async () => {
    const handler = sizeHandler();
    handler.errors.push(...Array.from({ length: 4 }, () => new Error('no')));
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget({ spec: { size: 1 } }));
    await bench.clock.advance(7_000 + 1_500);
    await bench.put(aWidget({ status: { observedGeneration: 1 }, spec: { size: 1 } }));
    expect(handler.changes).to.deep.equal([]);

    await bench.clock.advance(8_000);
    expect(handler.changes).to.deep.equal([[undefined, 1]]);
  });

  it('tries wrong input again when its field changes, not before', async () => {
    const handler = sizeHandler();
    handler.errors.push(new PermanentError('size is -1'));
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget({ spec: { size: -1 } }));
    await bench.put(aWidget({ generation: 2, spec: { size: -1, color: 'red' } }));
    expect(handler.changes).to.deep.equal([]);

    await bench.put(aWidget({ generation: 3, spec: { size: 1 } }));
    expect(handler.changes).to.deep.equal([[undefined, 1]]);
  });

  it('sees every field anew after a restart', async () => {
    const handler = sizeHandler();
    const bench = new Bench(handler);
    await bench.put(aWidget({ spec: { size: 1 }, status: { observedGeneration: 1 } }), { initial: true });
    await bench.activate();

    expect(handler.changes).to.deep.equal([[undefined, 1]]);
  });

  it('sees a field anew when the object matches again', async () => {
    const handler = sizeHandler({ labels: { watch: 'yes' } });
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget({ labels: { watch: 'yes' }, spec: { size: 1 } }));
    await bench.put(aWidget({ spec: { size: 2 } }));
    await bench.put(aWidget({ labels: { watch: 'yes' }, spec: { size: 2 } }));

    expect(handler.changes).to.deep.equal([
      [undefined, 1],
      [undefined, 2],
    ]);
  });
});

describe('@OnUpdate', () => {
  @Handler()
  class Updater {
    readonly updates: Update<Widget>[] = [];
    readonly errors: Error[] = [];

    @OnUpdate(Widget, { field: 'spec.size', labels: { watch: 'yes' } })
    async onUpdate(update: Update<Widget>): Promise<void> {
      const error = this.errors.shift();
      if (error !== undefined) throw error;
      this.updates.push(update);
    }
  }
  const labels = { watch: 'yes' };

  it('hears of a field that is added, and not of one that is removed', async () => {
    const handler = new Updater();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget({ labels }));
    await bench.put(aWidget({ generation: 2, labels, spec: { size: 1 } }));
    await bench.put(aWidget({ generation: 3, labels, spec: {} }));

    expect(handler.updates.map(({ diff }) => diff)).to.deep.equal([[{ op: 'add', path: '/spec', old: undefined, value: { size: 1 } }]]);
  });

  it('says nothing when an object begins to match whose field is as it was', async () => {
    const handler = new Updater();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget({ spec: { size: 1 } }));
    await bench.put(aWidget({ spec: { size: 1 }, labels }));

    expect(handler.updates).to.have.length(0);
  });

  it('does not repeat a failed run for changes that do not concern it', async () => {
    const handler = new Updater();
    const bench = await new Bench(handler).activate();
    await bench.put(aWidget({ labels, spec: { size: 1 } }));
    handler.errors.push(new PermanentError('too large'));
    await bench.put(aWidget({ generation: 2, labels, spec: { size: 2 } }));
    await bench.put(aWidget({ generation: 2, labels, spec: { size: 2 }, status: { observedGeneration: 2 } }));
    expect(handler.updates).to.have.length(0);

    await bench.put(aWidget({ generation: 3, labels, spec: { size: 3 } }));
    expect(handler.updates.map(({ old, object }) => [old?.spec?.size, object.spec?.size])).to.deep.equal([[1, 3]]);
  });
});
