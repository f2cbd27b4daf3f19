import { expect } from 'chai';
import { ALL, Handler, mapped, Reconcile } from '../../../../src/framework/decorators';
import { ConfigMap } from '../../../../src/framework/kinds/core-kinds';
import type { KubernetesObject } from '../../../../src/framework/kinds/object';
import type { ReconcileContext } from '../../../../src/framework/runtime/context';
import { RecordingLogger } from '../../../../src/framework/testing/recording-logger';
import { aWidget, Bench, Widget } from './controller-bench';

/** A config map that names the widgets it concerns. */
const configFor = (...names: string[]): KubernetesObject => ({
  metadata: { name: 'config', namespace: 'n', resourceVersion: '900', annotations: { for: names.join(',') } },
});
const keysIn = ({ metadata }: KubernetesObject): string[] => (metadata?.annotations?.['for'] ?? '').split(',').map((name) => `n/${name}`);

@Handler()
class Mapped {
  readonly runs: string[] = [];

  @Reconcile(Widget, { watches: [mapped(ConfigMap, keysIn)] })
  async reconcile({ metadata }: Widget, ctx: ReconcileContext<Widget>): Promise<void> {
    this.runs.push(`${metadata!.name} ${[...ctx.reasons].join()}`);
  }
}

async function withThree(handler: { runs: string[] }): Promise<Bench> {
  const bench = await new Bench(handler).activate();
  for (const name of ['a', 'b', 'c']) await bench.put(aWidget({ name, uid: name }));
  handler.runs.splice(0);
  return bench;
}

describe('a mapped watch', () => {
  it('enqueues what the object named before and what it names now', async () => {
    const handler = new Mapped();
    const bench = await withThree(handler);
    await bench.mapped({ object: configFor('b', 'c'), old: configFor('a', 'b') });

    expect(handler.runs).to.have.members(['a mapped', 'b mapped', 'c mapped']);
  });

  it('enqueues what a deleted object named, and drops keys that are not in the store', async () => {
    const handler = new Mapped();
    const bench = await withThree(handler);
    await bench.mapped({ type: 'DELETED', object: configFor('a', 'unknown') });

    expect(handler.runs).to.deep.equal(['a mapped']);
  });

  it('is not woken by the echo of its own write', async () => {
    const handler = new Mapped();
    const bench = await withThree(handler);
    bench.ownWrites.remember(ConfigMap.id, 'n/config', '900', 'Mapped.reconcile');
    await bench.mapped({ object: configFor('a') });
    expect(handler.runs).to.deep.equal([]);
  });

  it('enqueues everything for ALL, and nothing for a change its filter refuses', async () => {
    @Handler()
    class All {
      readonly runs: string[] = [];

      @Reconcile(Widget, {
        watches: [
          mapped(ConfigMap, () => ALL, {
            when: (now, old) => now.metadata?.annotations?.['for'] !== old?.metadata?.annotations?.['for'],
          }),
        ],
      })
      async reconcile({ metadata }: Widget): Promise<void> {
        this.runs.push(metadata!.name!);
      }
    }
    const handler = new All();
    const bench = await withThree(handler);
    await bench.mapped({ object: configFor('a'), old: configFor('a') });
    await bench.mapped({ type: 'ADDED', object: { metadata: { name: 'other', namespace: 'n' } } });
    expect(handler.runs).to.deep.equal([]);

    await bench.mapped({ object: configFor('a'), old: configFor('b') });
    expect(handler.runs).to.have.members(['a', 'b', 'c']);
    await bench.mapped({ type: 'DELETED', object: configFor('a'), old: configFor('a') });
    expect(handler.runs).to.have.length(6);
  });

  it('wakes only the handler that declared it', async () => {
    @Handler()
    class Two {
      readonly runs: string[] = [];

      @Reconcile(Widget, { watches: [mapped(ConfigMap, keysIn)] })
      async watching({ metadata }: Widget): Promise<void> {
        this.runs.push(`watching ${metadata!.name}`);
      }

      @Reconcile(Widget)
      async other({ metadata }: Widget): Promise<void> {
        this.runs.push(`other ${metadata!.name}`);
      }
    }
    const handler = new Two();
    const bench = await withThree(handler);
    await bench.mapped({ object: configFor('a') });

    expect(handler.runs).to.deep.equal(['watching a']);
  });
});

describe('a mapped watch that fails', () => {
  const bad: [string, () => unknown, string][] = [
    [
      'throws',
      () => {
        throw new Error('no owner');
      },
      'no owner',
    ],
    ['returns null', () => null, 'a mapped watch returned null; allowed: a list of keys, or ALL'],
    ['returns a promise', async () => ['n/a'], 'a mapped watch returned a promise; allowed: a list of keys, or ALL'],
    ['returns one key as a text', () => 'n/a', 'a mapped watch returned a value of type string; allowed: a list of keys, or ALL'],
  ];
  for (const [what, map, message] of bad) {
    it(`because it ${what} is logged with handler, kind and object, and counted, and the other state still counts`, async () => {
      const old = configFor('b');
      @Handler()
      class Failing {
        readonly runs: string[] = [];

        @Reconcile(Widget, {
          watches: [mapped(ConfigMap, (object) => (object.metadata === old.metadata ? keysIn(object) : (map() as string[])))],
        })
        async reconcile({ metadata }: Widget): Promise<void> {
          this.runs.push(metadata!.name!);
        }
      }
      const handler = new Failing();
      const log = new RecordingLogger();
      const failed: string[] = [];
      const bench = await new Bench(handler, { log, hooks: { mappingFailed: ({ id }) => void failed.push(id) } }).activate();
      for (const name of ['a', 'b']) await bench.put(aWidget({ name, uid: name }));
      handler.runs.splice(0);
      await bench.mapped({ object: configFor('a'), old });

      expect(handler.runs).to.deep.equal(['b']);
      expect(failed).to.deep.equal(['Failing.reconcile']);
      const [line] = log.lines.filter(({ level }) => level === 'error');
      expect(line?.fields).to.include({ controller: 'Failing.reconcile', kind: 'ConfigMap', namespace: 'n', name: 'config' });
      expect((line!.fields['error'] as Error).message).to.equal(message);
    });
  }

  it('because `when` throws lets the change through', async () => {
    @Handler()
    class Failing {
      readonly runs: string[] = [];

      @Reconcile(Widget, {
        watches: [
          mapped(ConfigMap, keysIn, {
            when: () => {
              throw new Error('no');
            },
          }),
        ],
      })
      async reconcile({ metadata }: Widget): Promise<void> {
        this.runs.push(metadata!.name!);
      }
    }
    const handler = new Failing();
    const bench = await withThree(handler);
    await bench.mapped({ object: configFor('a') });

    expect(handler.runs).to.deep.equal(['a']);
  });
});
