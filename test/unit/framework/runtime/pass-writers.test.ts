import { expect } from 'chai';
import type { EventRecorder, KubeClient } from '../../../../src/framework/client';
import type { Cluster } from '../../../../src/framework/cluster/cluster';
import { Handler, Reconcile } from '../../../../src/framework/decorators';
import { ConfigMap } from '../../../../src/framework/kinds/core-kinds';
import type { Kind } from '../../../../src/framework/kinds/kind';
import type { KubernetesObject } from '../../../../src/framework/kinds/object';
import type { QueuedHandlerSpec } from '../../../../src/framework/registry/handler-spec';
import { buildRegistry, isQueued } from '../../../../src/framework/registry/registry';
import type { LeaderScope } from '../../../../src/framework/runtime/leadership';
import { OwnWrites } from '../../../../src/framework/runtime/own-writes';
import { passWriters } from '../../../../src/framework/runtime/pass-writers';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import { aWidget, Widget } from './controller-bench';

@Handler()
class Two {
  @Reconcile(Widget)
  async one(): Promise<void> {}

  @Reconcile(Widget)
  async other(): Promise<void> {}
}

interface DerivedOptions {
  readonly onWritten: (kind: Kind, object: KubernetesObject) => void;
}

/** Writers whose every write is answered with the given object. */
function answeredWith(answer: KubernetesObject, kind: Kind = Widget as unknown as Kind, guard: () => void = () => undefined) {
  const specs: readonly QueuedHandlerSpec[] = buildRegistry({ handlers: [Two] }).specs.filter(isQueued);
  const ownWrites = new OwnWrites(new FakeClock());
  const cached: KubernetesObject[] = [];
  const client = {
    derive: ({ onWritten }: DerivedOptions) => {
      const write = async (written: Kind): Promise<KubernetesObject> => {
        onWritten(written, answer);
        return answer;
      };
      return { addFinalizer: write, removeFinalizer: write, applyStatus: write, patch: write };
    },
  };
  const informers = { putOwnWrite: (_kind: Kind, object: KubernetesObject) => cached.push(object), cached: () => undefined };
  const writers = passWriters({
    kind,
    specs,
    cluster: { client, informers } as unknown as Cluster,
    ownWrites,
    events: {} as EventRecorder,
    leader: { guard, signal: new AbortController().signal } as unknown as LeaderScope,
  });
  const version = answer.metadata?.resourceVersion;
  const echoes = (): string[] => specs.filter(({ id }) => ownWrites.wasWrittenBy(kind.id, 'n/w', version, id)).map(({ id }) => id);
  return { writers, specs, cached, echoes };
}

const status = (by: readonly QueuedHandlerSpec[]) => ({ fields: new Map(), conditions: [], observedGeneration: 1, by });

describe('the writes of a pass', () => {
  it('are an echo for the handlers they were made for, and put into the cache', async () => {
    const answer = aWidget({ resourceVersion: '9', status: { observedGeneration: 1 } });
    const { writers, specs, cached, echoes } = answeredWith(answer);
    await writers.writeStatus(aWidget(), status([specs[0]!]));

    expect(echoes()).to.deep.equal(['Two.one']);
    expect(cached).to.deep.equal([answer]);
  });

  it('are an echo for all handlers when they place a finalizer or the handled-by annotation', async () => {
    const withFinalizer = answeredWith(aWidget({ resourceVersion: '9', finalizers: ['example.org/cleanup'] }));
    await withFinalizer.writers.addFinalizer(aWidget(), 'example.org/cleanup');
    expect(withFinalizer.echoes()).to.deep.equal(['Two.one', 'Two.other']);

    const annotated = answeredWith(aWidget({ resourceVersion: '9', annotations: { 'example.org/handled-by': 'test' } }));
    await annotated.writers.annotate(aWidget(), 'example.org/handled-by', 'test');
    expect(annotated.echoes()).to.deep.equal(['Two.one', 'Two.other']);
  });

  it('are an echo although the cache left out kubectl’s copy of the object', async () => {
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}' };
    const { writers, specs, echoes } = answeredWith(aWidget({ resourceVersion: '9', annotations }));
    await writers.writeStatus(aWidget(), status(specs));

    expect(echoes()).to.have.length(2);
  });

  it('of a handler itself are its own echo, since it gets the answer', async () => {
    const { writers, specs, echoes } = answeredWith(aWidget({ resourceVersion: '9', generation: 2 }));
    const client = writers.clientFor(specs[1]!, new AbortController().signal) as KubeClient;
    await client.patch(Widget, 'n/w', []);

    expect(echoes()).to.deep.equal(['Two.other']);
  });

  it('of a handler to another cluster are guarded like its own, kept in that cluster, and an echo for nobody', async () => {
    const guard = (): never => {
      throw new Error('not the leader');
    };
    const { writers, specs, echoes } = answeredWith(aWidget(), undefined, guard);
    const there: KubernetesObject[] = [];
    let derived: Parameters<KubeClient['derive']>[0] = {};
    const other = {
      client: {
        derive: (options: typeof derived) => {
          derived = options;
        },
      },
      informers: { putOwnWrite: (_kind: Kind, object: KubernetesObject) => there.push(object) },
    } as unknown as Cluster;
    const { signal } = new AbortController();
    writers.clientFor(specs[0]!, signal, other);
    const answer = aWidget({ resourceVersion: '9' });
    derived.onWritten?.(Widget as unknown as Kind, answer);

    expect(derived.signal).to.equal(signal);
    expect(() => derived.guard?.()).to.throw('not the leader');
    expect(there).to.deep.equal([answer]);
    expect(echoes()).to.deep.equal([]);
  });

  const foreign: [string, KubernetesObject][] = [
    ['a new specification', aWidget({ resourceVersion: '9', generation: 2 })],
    ['a new label', aWidget({ resourceVersion: '9', labels: { a: '1' } })],
    ['a new annotation', aWidget({ resourceVersion: '9', annotations: { a: '1' } })],
    ['the beginning of deletion', aWidget({ resourceVersion: '9', deletionTimestamp: '2026-01-01T00:00:00Z' })],
  ];
  for (const [what, answer] of foreign) {
    it(`are news for everybody when the answer brings ${what}, which nobody has seen yet`, async () => {
      const { writers, specs, cached, echoes } = answeredWith(answer);
      await writers.writeStatus(aWidget(), status(specs));
      await writers.addFinalizer(aWidget(), 'example.org/cleanup');
      await writers.removeFinalizer(aWidget(), 'example.org/cleanup');

      expect(echoes()).to.deep.equal([]);
      expect(cached).to.have.length(3);
    });
  }

  it('are news when somebody changed an object of a kind without generation', async () => {
    const seen = { metadata: { name: 'w', namespace: 'n', uid: 'u' }, data: { a: '1' } } as ConfigMap;
    const written = { ...seen, metadata: { ...seen.metadata, resourceVersion: '9', finalizers: ['example.org/cleanup'] } };
    const kind = ConfigMap as unknown as Kind;
    const same = answeredWith(written, kind);
    await same.writers.addFinalizer(seen, 'example.org/cleanup');
    expect(same.echoes()).to.have.length(2);

    const changed = answeredWith({ ...written, data: { a: '2' } } as KubernetesObject, kind);
    await changed.writers.addFinalizer(seen, 'example.org/cleanup');
    expect(changed.echoes()).to.deep.equal([]);
  });

  describe('of a kind that is trimmed before it enters the cache', () => {
    const trim = ({ metadata: { annotations: _annotations, generation: _generation, ...metadata } = {}, ...rest }: Widget): Widget => ({
      ...rest,
      metadata,
      spec: { size: rest.spec?.size ?? 0 },
    });
    const Trimmed = { ...Widget, trim } as unknown as Kind;
    const cachedWidget = trim(aWidget());

    it('are an echo although the answer has what the cache leaves out', async () => {
      const answer = aWidget({ resourceVersion: '9', annotations: { left: 'out' }, spec: { size: 1, color: 'red' } });
      const { writers, specs, echoes } = answeredWith(answer, Trimmed);
      await writers.writeStatus(trim(aWidget({ spec: { size: 1 } })), status(specs));

      expect(echoes()).to.have.length(2);
    });

    it('are news when the answer brings a change of what the cache keeps', async () => {
      const { writers, specs, echoes } = answeredWith(aWidget({ resourceVersion: '9', spec: { size: 77 } }), Trimmed);
      await writers.writeStatus(cachedWidget, status(specs));
      await writers.addFinalizer(cachedWidget, 'example.org/cleanup');

      expect(echoes()).to.deep.equal([]);
    });

    it('are judged by the whole answer when it cannot be trimmed', async () => {
      const failing = {
        ...Widget,
        trim: () => {
          throw new Error('trim');
        },
      } as unknown as Kind;
      const { writers, specs, echoes } = answeredWith(aWidget({ resourceVersion: '9' }), failing);
      await writers.writeStatus(aWidget(), status(specs));

      expect(echoes()).to.have.length(2);
    });
  });
});
