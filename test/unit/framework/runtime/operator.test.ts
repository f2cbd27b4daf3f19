/** The whole operator in this process, against a fake API server over HTTP. */
import { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'chai';
import {
  createOperator,
  Daemon,
  type DaemonContext,
  defineKind,
  defineVirtualKind,
  type FieldChange,
  Handler,
  type HandlerContext,
  Index,
  type KeySink,
  type KeySource,
  type KubernetesObject,
  mapped,
  OnCreate,
  OnDelete,
  OnField,
  OnTimer,
  Reconcile,
  type ReconcileContext,
  Source,
  type StewardOperator,
  SystemClock,
  type Timer,
} from '../../../../src/framework';
import { FakeApiServer, kubeconfigText } from '../../../../src/framework/testing';
import { until } from '../testing/http-client';

interface Widget extends KubernetesObject {
  spec?: { size?: number };
  status?: { observedGeneration?: number; size?: number; conditions?: { type: string; status: string }[] };
}
const Widget = defineKind<Widget>('example.org/v1', 'Widget', 'widgets', {
  scope: 'Namespaced',
  observedGeneration: true,
  conditions: true,
});
const ConfigMap = defineKind<KubernetesObject & { data?: Record<string, string> }>('v1', 'ConfigMap', 'configmaps', {
  scope: 'Namespaced',
  status: false,
});
const Event = defineKind<KubernetesObject & { reason?: string }>('events.k8s.io/v1', 'Event', 'events', {
  scope: 'Namespaced',
  status: false,
});
interface Palette {
  readonly name: string;
}
const Palette = defineVirtualKind<Palette>('Palette');

const FINALIZER = 'example.org/cleanup';
/** What happened, in order; handlers are built by the container, so that they cannot be handed a list. */
let log: string[] = [];
let bySize: readonly string[] = [];

@Source(Palette)
class Palettes implements KeySource<Palette> {
  resolve(name: string): Palette {
    return { name };
  }

  start(sink: KeySink): void {
    sink.add('warm');
    sink.synced();
  }
}

@Handler()
class WidgetHandler {
  @OnCreate(Widget)
  async created({ metadata }: Widget, ctx: HandlerContext<Widget>): Promise<void> {
    log.push(`created ${metadata!.name}`);
    ctx.events.normal('Accepted', 'will be built');
  }

  @OnField(Widget, 'spec.size')
  async resized({ old, value }: FieldChange<Widget, number>): Promise<void> {
    log.push(`size ${old} ${value}`);
  }

  @Reconcile(Widget)
  async reconcile({ spec }: Widget, ctx: ReconcileContext<Widget>): Promise<void> {
    ctx.status.set({ size: spec?.size });
    ctx.status.condition({ type: 'Ready', status: 'True', reason: 'Built', message: '' });
    bySize = ctx.cluster
      .store(Widget)
      .by('size', String(spec?.size))
      .map(({ metadata }) => metadata!.name!);
  }

  @OnDelete(Widget)
  async deleted({ metadata }: Widget): Promise<void> {
    log.push(`deleted ${metadata!.name}`);
  }

  @Index(Widget, 'size')
  size({ spec }: Widget): string | undefined {
    return spec?.size === undefined ? undefined : String(spec.size);
  }

  @OnTimer(Widget, { intervalMs: 3_600_000, initialDelayMs: 3_600_000 })
  async beat(): Promise<void> {}

  @Daemon(Widget)
  async serve({ metadata }: Widget, ctx: DaemonContext<Widget>): Promise<void> {
    log.push(`serving ${metadata!.name}`);
    await new Promise<void>((resolve) => ctx.signal.addEventListener('abort', () => resolve()));
    log.push(`served ${metadata!.name}`);
  }
}

@Handler()
class PaletteHandler {
  @Reconcile(Palette, { watches: (get) => [mapped(ConfigMap, () => get(Palettes).resolve('warm').name.split(','))] })
  async mix({ name }: Palette, ctx: ReconcileContext): Promise<void> {
    log.push(`mixed ${name} ${[...ctx.reasons].join()}`);
  }
}

/** The machine's clock; knows which of its timers have not ended. */
class CountingClock extends SystemClock {
  readonly pending = new Set<Timer>();

  override setTimer(delayMs: number, callback: () => void): Timer {
    const inner = super.setTimer(delayMs, () => {
      this.pending.delete(timer);
      callback();
    });
    const timer: Timer = {
      cancel: () => {
        this.pending.delete(timer);
        inner.cancel();
      },
    };
    this.pending.add(timer);
    return timer;
  }
}

describe('an operator', () => {
  let server: FakeApiServer;
  let clock: CountingClock;
  let operator: StewardOperator | undefined;

  beforeEach(async () => {
    log = [];
    server = await FakeApiServer.start({ kinds: [Widget] });
    clock = new CountingClock();
  });
  afterEach(async () => {
    await operator?.stop();
    operator = undefined;
    await server.stop();
  });

  async function started(): Promise<StewardOperator> {
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromString(kubeconfigText({ server: server.url }));
    operator = await createOperator({
      ...{ name: 'tester', domain: 'example.org', handlers: [WidgetHandler, PaletteHandler, Palettes], kubeConfig, clock },
    });
    await operator.start();
    return operator;
  }

  const live = (): Widget => server.objects.get(Widget, 'default/w')!;
  const create = (size: number): Widget => server.objects.create(Widget, { metadata: { name: 'w', namespace: 'default' }, spec: { size } });

  it('runs handlers, writes status and Events, and puts its finalizer on', async () => {
    await started();
    create(3);
    await until(() => live().status?.observedGeneration === 1);

    expect(live().metadata?.finalizers).to.deep.equal([FINALIZER]);
    expect(live().status?.size).to.equal(3);
    expect(live().status?.conditions?.map(({ type, status }) => `${type} ${status}`)).to.deep.equal(['Ready True']);
    await until(() => ['created w', 'size undefined 3', 'serving w'].every((line) => log.includes(line)));
    expect(bySize).to.deep.equal(['w']);
    await until(() => server.objects.list(Event).some(({ reason }) => reason === 'Accepted'));
    const applied = server.journal.entries().filter(({ method, path }) => method === 'PATCH' && path.endsWith('/status'));
    expect(applied.map(({ contentType }) => contentType)).to.deep.equal(['application/apply-patch+yaml']);
  });

  it('follows changes, and writes nothing when nothing changes', async () => {
    await started();
    create(3);
    await until(() => live().status?.observedGeneration === 1);
    server.objects.update(Widget, 'default/w', (widget) => {
      widget.spec = { size: 4 };
    });
    await until(() => live().status?.observedGeneration === 2);
    expect(log).to.include('size 3 4');

    const version = live().metadata?.resourceVersion;
    server.objects.create(ConfigMap, { metadata: { name: 'colors', namespace: 'default' } });
    await until(() => log.includes('mixed warm mapped'));
    expect(live().metadata?.resourceVersion).to.equal(version);
  });

  it('cleans up a deleted object before it goes', async () => {
    await started();
    create(3);
    await until(() => live().status?.observedGeneration === 1);
    server.objects.delete(Widget, 'default/w');
    await until(() => server.objects.get(Widget, 'default/w') === undefined);

    expect(log).to.include('deleted w');
    await until(() => log.includes('served w'));
  });

  it('takes up what is there at a restart without calling it created again', async () => {
    await started();
    create(3);
    await until(() => live().status?.observedGeneration === 1);
    await operator!.stop();
    const version = live().metadata?.resourceVersion;
    log = [];
    await started();
    await until(() => log.includes('serving w') && log.includes('size undefined 3'));

    expect(log).to.not.include('created w');
    expect(live().metadata?.resourceVersion).to.equal(version);
  });

  it('stops without leaving a timer or a socket', async () => {
    const running = await started();
    create(3);
    await until(() => live().status?.observedGeneration === 1);
    await running.stop();

    expect(await running.finished).to.equal(0);
    expect(clock.pending.size).to.equal(0);
    await until(() => server.openSockets === 0);
  });
});
