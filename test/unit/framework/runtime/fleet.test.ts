import { expect } from 'chai';
import { ClusterRegistry } from '../../../../src/framework/cluster/cluster-registry';
import {
  ALL,
  clusterChanges,
  createContainer,
  Handler,
  Index,
  mapped,
  OnEvent,
  OnTimer,
  Reconcile,
  Source,
} from '../../../../src/framework/decorators';
import type { HandlerClass } from '../../../../src/framework/decorators/handler';
import { defineKind } from '../../../../src/framework/kinds/kind';
import { keyOf } from '../../../../src/framework/kinds/object';
import { defineVirtualKind, type KeySink, type KeySource } from '../../../../src/framework/kinds/virtual-kind';
import type { HandlerContext, ReconcileContext } from '../../../../src/framework/runtime/context';
import { createOperator, type StewardOperator } from '../../../../src/framework/runtime/steward-operator';
import type { FakeApiServer } from '../../../../src/framework/testing';
import type { ResourceEvent } from '../../../../src/framework/watch/resource-event';
import { aWidget, ClusterBench, INSECURE, kubeConfigOf, TOKEN, through, Widget } from '../cluster/cluster-bench';

const Plan = defineKind('example.org/v1', 'Plan', 'plans', { scope: 'Namespaced', status: false });
const aPlan = (name: string): object => ({ apiVersion: 'example.org/v1', kind: 'Plan', metadata: { name, namespace: 'ns' } });

interface Task {
  readonly name: string;
}
const Task = defineVirtualKind<Task>('Task');

const told: string[] = [];
const running = new Set<string>();

@Handler()
class Remotes {
  @Reconcile(Widget, { clusters: 'remotes' })
  async widget(widget: Widget, ctx: ReconcileContext<Widget>): Promise<void> {
    told.push(`${ctx.cluster.name} ${keyOf(widget)} ${[...ctx.reasons].join()}`);
    if (widget.spec?.size !== 13) return;
    running.add(ctx.cluster.name);
    await new Promise((_, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)));
  }

  @OnEvent(Widget, { clusters: 'all' })
  seen({ cluster, type, object }: ResourceEvent<Widget>): void {
    told.push(`event ${cluster} ${type} ${keyOf(object)}`);
  }

  @Index(Widget, 'size', { clusters: (name) => name === 'a' })
  size(widget: Widget): string {
    return String(widget.spec?.size);
  }
}

@Handler()
class Plans {
  constructor(private readonly clusters: ClusterRegistry) {}

  @Reconcile(Plan, {
    watches: [
      mapped(Widget, (widget, { cluster }) => [`ns/of-${cluster}-${widget.metadata?.name}`], { clusters: 'remotes' }),
      clusterChanges(({ name }) => (name === 'a' ? ALL : [])),
    ],
  })
  async plan(plan: object, ctx: ReconcileContext): Promise<void> {
    expect(ctx.clusters).to.equal(this.clusters);
    told.push(`plan ${keyOf(plan as never)} ${[...ctx.reasons].join()}`);
    if (keyOf(plan as never) === 'ns/caller') await ctx.clusters.get('a')!.client.find(Widget, 'ns/none');
  }
}

@Source(Task)
class Tasks implements KeySource<Task> {
  resolve(key: string): Task {
    return { name: key };
  }

  start(sink: KeySink, cluster: string): void {
    told.push(`source ${cluster}`);
    sink.add(`task-of-${cluster}`);
    sink.synced();
  }

  stop(cluster: string): void {
    told.push(`source of ${cluster} ends`);
  }
}

@Handler()
class TaskHandler {
  @Reconcile(Task, { clusters: 'remotes' })
  async task({ name }: Task, ctx: ReconcileContext): Promise<void> {
    told.push(`${ctx.cluster.name} ${name}`);
  }

  @OnTimer(Task, { intervalMs: 3_600_000, clusters: 'remotes', initialDelayMs: 3_600_000 })
  async beat(_task: Task, _ctx: HandlerContext): Promise<void> {}
}

describe('handlers bound to clusters', () => {
  let bench: ClusterBench;
  let home: FakeApiServer;
  let remote: FakeApiServer;
  let operator: StewardOperator;
  let registry: ClusterRegistry;

  const start = async (...handlers: HandlerClass[]): Promise<void> => {
    @Handler()
    class Registry {
      constructor(clusters: ClusterRegistry) {
        registry = clusters;
      }

      @OnEvent(Widget)
      none(): void {}
    }
    operator = await createOperator({
      name: 'test',
      handlers: [...handlers, Registry],
      kubeConfig: kubeConfigOf(home.kubeconfig(TOKEN)),
      clock: bench.clock,
      random: () => 0.5,
      container: createContainer(),
    });
    await operator.start();
  };
  const engage = (name = 'a', config = remote.kubeconfig(TOKEN)): Promise<unknown> => registry.engage(name, config, INSECURE);
  const until = (line: string): Promise<void> => bench.until(line, () => told.includes(line));

  beforeEach(async () => {
    told.length = 0;
    running.clear();
    bench = new ClusterBench();
    home = await bench.server({ kinds: [Widget as never, Plan as never] });
    remote = await bench.server();
  });

  afterEach(async () => {
    const stopping = operator.stop();
    let isStopped = false;
    void stopping.then(() => {
      isStopped = true;
    });
    await bench.until('the operator has stopped', () => isStopped);
    expect(bench.clock.pendingTimers).to.equal(0);
    await bench.stop();
  });

  it('run for objects of remote clusters and not for those at home', async () => {
    home.objects.create(Widget as never, aWidget('home'));
    remote.objects.create(Widget as never, aWidget('there'));
    await start(Remotes);
    await engage();
    await until('a ns/there leader');
    remote.objects.create(Widget as never, aWidget('new'));
    await until('a ns/new added');

    expect(told).to.include('event local ADDED ns/home');
    expect(told).to.include('event a ADDED ns/new');
    expect(told.filter((line) => line.includes('ns/home'))).to.deep.equal(['event local ADDED ns/home']);
    expect(registry.get('a')!.store(Widget).by('size', '1')).to.have.length(2);
    expect(() => registry.local.store(Widget).by('size', '1')).to.throw(RangeError);
  });

  it('have a queue for each cluster, so that one that hangs holds up no other', async () => {
    for (let index = 0; index < 6; index++) remote.objects.create(Widget as never, aWidget(`hangs-${index}`, 13));
    const other = await bench.server();
    other.objects.create(Widget as never, aWidget('quick'));
    await start(Remotes);
    await engage();
    await bench.until('all workers of a hang', () => told.filter((line) => line.startsWith('a ns/hangs')).length === 4);
    await engage('b', other.kubeconfig(TOKEN));
    await until('b ns/quick leader');
    expect([...running]).to.deep.equal(['a']);
  });

  it('are told to abort when the cluster is disengaged, and start anew when it comes back', async () => {
    remote.objects.create(Widget as never, aWidget('hangs', 13));
    await start(Remotes);
    await engage();
    await until('a ns/hangs leader');
    await registry.disengage('a');
    await bench.untilAtOnce('no socket is open', () => remote.openSockets === 0);

    told.length = 0;
    await engage();
    await until('a ns/hangs leader');
  });

  it('hear of mapped objects of remote clusters, and of clusters that change', async () => {
    for (const name of ['of-a-w', 'of-b-w', 'other']) home.objects.create(Plan, aPlan(name) as never);
    await start(Plans);
    await until('plan ns/other leader');
    told.length = 0;

    await engage();
    await until('plan ns/other cluster');
    told.length = 0;
    await bench.until('connected', () => registry.get('a')!.health.state === 'Ready');
    remote.objects.create(Widget as never, aWidget('w'));
    await bench.until('the plan of w', () => told.some((line) => line.startsWith('plan ns/of-a-w') && line.includes('mapped')));
    expect(told.filter((line) => line.includes('ns/of-b-w') && line.includes('mapped'))).to.deep.equal([]);

    told.length = 0;
    await registry.disengage('a');
    await until('plan ns/other cluster');
  });

  it('hear nothing of a credential that takes the place of another one while the cluster works', async () => {
    home.objects.create(Plan, aPlan('other') as never);
    await start(Plans);
    await engage();
    await bench.until('connected', () => registry.get('a')!.health.state === 'Ready');
    await bench.goOn(2_000);
    told.length = 0;
    let isJudged = false;
    const end = registry.subscribe(({ type }) => {
      isJudged ||= type === 'judged';
    });

    await engage('a', remote.kubeconfig('another-token'));
    await bench.until('it is in use', () => isJudged);
    await bench.goOn(2_000);
    expect(told).to.deep.equal([]);
    end();
  });

  it('wait for a cluster that does not answer, and go on when it does', async () => {
    home.objects.create(Plan, aPlan('caller') as never);
    const proxy = await bench.proxy(remote);
    await proxy.refuse();
    await start(Plans);
    await engage('a', through(proxy));
    await bench.until('Unreachable', () => registry.get('a')!.health.state === 'Unreachable', { stepMs: 500 });
    await until('plan ns/caller cluster');
    const runs = (): number => told.filter((line) => line.startsWith('plan ns/caller')).length;
    // The cluster was engaged and then lost, which is two reasons to run.
    let before = 0;
    let quietS = 0;
    const isQuiet = (): boolean => {
      quietS = runs() === before ? quietS + 1 : 0;
      before = runs();
      return quietS > 10;
    };
    await bench.until('it waits', isQuiet, { stepMs: 1_000 });
    await bench.goOn(9_000);
    expect(runs()).to.equal(before);

    await proxy.heal();
    await bench.until('Ready', () => registry.get('a')!.health.state === 'Ready', { stepMs: 500 });
    await bench.until('it ran again', () => runs() > before, { stepMs: 1 });
    await bench.goOn(3_000);
    const after = runs();
    await bench.goOn(65_000);
    expect(runs()).to.equal(after);
  });

  it('of a virtual kind run in a queue of each remote cluster, fed by one source', async () => {
    await start(Tasks, TaskHandler);
    await engage();
    await until('a task-of-a');
    await registry.disengage('a');
    expect(told).to.deep.equal(['source a', 'a task-of-a', 'source of a ends']);
  });
});
