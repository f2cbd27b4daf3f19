/** What a shutdown costs at most, on a clock that stands still. */
import { KubeConfig } from '@kubernetes/client-node';
import { expect } from 'chai';
import {
  ConfigMap,
  createOperator,
  Daemon,
  type DaemonContext,
  defineVirtualKind,
  Handler,
  type KeySink,
  type KeySource,
  OnEvent,
  OnShutdown,
  OnStartup,
  OnTimer,
  type ProcessContext,
  Reconcile,
  type ReconcileContext,
  Source,
  type StewardOperator,
} from '../../../../src/framework';
import type { HandlerClass } from '../../../../src/framework/decorators/handler';
import { FakeApiServer, kubeconfigText, stall, type TestOperator } from '../../../../src/framework/testing';
import { sleep } from '../../../../src/framework/time/sleep';
import { poll } from '../../../harness/poll';
import { aPart, aWorld, endWorlds, Part, type World } from '../faults/world';

const BUDGET_MS = 25_000;
/** Deaf on purpose: looks at no signal. */
const forEver = (): Promise<never> => new Promise(() => undefined);

@Handler()
class DeafHandler {
  @Reconcile(Part)
  reconcile(): Promise<void> {
    return forEver();
  }
}

@Handler()
class PoliteHandler {
  @Reconcile(Part)
  async reconcile(_part: Part, ctx: ReconcileContext<Part>): Promise<void> {
    await sleep(ctx.clock, 3_600_000, ctx.signal).catch(() => undefined);
  }
}

@Handler()
class DeafDaemon {
  @Daemon(Part)
  live(): Promise<void> {
    return forEver();
  }
}

@Handler()
class VeryDeafDaemon {
  @Daemon(Part, { stopMs: 60_000 })
  live(): Promise<void> {
    return forEver();
  }
}

@Handler()
class DeafLeaderHook {
  @OnShutdown({ phase: 'leader', timeoutMs: 60_000 })
  end(): Promise<void> {
    return forEver();
  }

  @OnEvent(Part)
  none(): void {}
}

@Handler()
class DeafProcessHook {
  @OnShutdown({ timeoutMs: 60_000 })
  end(): Promise<void> {
    return forEver();
  }

  @OnEvent(Part)
  none(): void {}
}

const Thing = defineVirtualKind<{ name: string }>('Thing');

@Source(Thing)
class DeafSource implements KeySource<{ name: string }> {
  resolve(name: string): { name: string } {
    return { name };
  }

  start(sink: KeySink): void {
    sink.synced();
  }

  stop(): Promise<void> {
    return forEver();
  }
}

@Handler()
class OfThings {
  @Reconcile(Thing)
  async reconcile(): Promise<void> {}
}

/** A world in which one object is handled by a leader. */
async function working(handlers: readonly HandlerClass[]): Promise<World & { operator: TestOperator }> {
  const world = await aWorld();
  world.server.objects.create(Part, aPart('a'));
  const operator = await world.start({ handlers, election: 'leader' });
  await operator.advance(3_000);
  return { ...world, operator };
}

/** Stops and lets time go by until that has ended. */
async function stopping({ operator, clock }: Pick<World, 'clock'> & { operator: TestOperator }): Promise<{ tookMs: number; code: number }> {
  const beganMs = clock.monotonicMs();
  let endedMs: number | undefined;
  const code = operator.stop().finally(() => {
    endedMs = clock.monotonicMs();
  });
  while (endedMs === undefined && clock.monotonicMs() - beganMs < 2 * BUDGET_MS) await operator.advance(100);
  return { tookMs: endedMs! - beganMs, code: await code };
}

const steps = ({ log }: World): unknown[] =>
  log.lines.filter(({ message }) => message.startsWith('a step of the shutdown')).map(({ fields }) => fields['step']);

describe('a shutdown', () => {
  afterEach(endWorlds);

  for (const { what, handlers, tookMs, code, late } of [
    { what: 'a handler that ends when it is aborted', handlers: [PoliteHandler], tookMs: 15_000, code: 0, late: [] },
    { what: 'a handler that ignores its signal', handlers: [DeafHandler], tookMs: 18_000, code: 1, late: [] },
    { what: 'a daemon that ignores its signal', handlers: [DeafDaemon], tookMs: 10_000, code: 1, late: [] },
    { what: 'a daemon that may take a minute, and does', handlers: [VeryDeafDaemon], tookMs: 18_000, code: 1, late: [] },
    { what: 'both, side by side', handlers: [DeafHandler, DeafDaemon], tookMs: 18_000, code: 1, late: [] },
    { what: 'a leader hook that never ends', handlers: [DeafLeaderHook], tookMs: 19_500, code: 1, late: ['leader hooks'] },
    { what: 'a source that never stops', handlers: [OfThings, DeafSource], tookMs: 22_500, code: 1, late: ['sources'] },
    { what: 'a process hook that never ends', handlers: [DeafProcessHook], tookMs: 24_500, code: 1, late: ['process hooks'] },
  ]) {
    it(`takes ${tookMs / 1_000} s and ends with ${code} for ${what}`, async () => {
      const world = await working(handlers as HandlerClass[]);
      const stopped = await stopping(world);

      expect({ tookMs: Math.round(stopped.tookMs / 100) * 100, code: stopped.code }).to.deep.equal({ tookMs, code });
      expect(steps(world)).to.deep.equal(late);
      expect(world.server.openSockets).to.equal(0);
    });
  }

  it('keeps to 25 s when everything hangs: handler, daemon, hooks, source and API server', async () => {
    const all = [DeafHandler, VeryDeafDaemon, DeafLeaderHook, DeafProcessHook, OfThings, DeafSource];
    const world = await working(all);
    world.server.faults.add({ on: {}, do: stall(), times: Number.POSITIVE_INFINITY });
    const { tookMs, code } = await stopping(world);

    expect(tookMs).to.be.within(20_000, BUDGET_MS);
    expect(code).to.equal(1);
    expect(world.server.openSockets).to.equal(0);
  });

  it('lets daemons and running handlers end side by side, each with its own time', async () => {
    const ended: string[] = [];
    @Handler()
    class Slow {
      @Reconcile(Part)
      async reconcile(_part: Part, ctx: ReconcileContext<Part>): Promise<void> {
        await sleep(ctx.clock, 12_000 + 3_000);
        ended.push('handler');
      }

      @Daemon(Part)
      async live(_part: Part, ctx: DaemonContext<Part>): Promise<void> {
        await sleep(ctx.clock, 3_600_000, ctx.signal).catch(() => undefined);
        await sleep(ctx.clock, 8_000);
        ended.push('daemon');
      }
    }
    const { tookMs, code } = await stopping(await working([Slow]));

    expect(ended).to.deep.equal(['daemon', 'handler']);
    expect(Math.round(tookMs / 1_000)).to.equal(12);
    expect(code).to.equal(0);
  });

  it('lets work go on for the delay that was asked for', async () => {
    const runs: string[] = [];
    @Handler()
    class Names {
      @Reconcile(Part)
      async reconcile({ metadata }: Part): Promise<void> {
        runs.push(metadata?.name ?? '');
      }
    }
    const world = await aWorld();
    const operator = await world.start({ handlers: [Names], shutdownDelayMs: 5_000 });
    const { clock } = world;
    const beganMs = clock.monotonicMs();
    const stopped = operator.operator.stop().then(() => clock.monotonicMs() - beganMs);
    world.server.objects.create(Part, aPart('late'));
    await operator.advance(4_000);
    expect(runs).to.deep.equal(['late']);
    await operator.advance(2_000);

    expect(await stopped).to.equal(5_000);
  });
});

/** How many of each type keep the process alive. */
function handles(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const type of process.getActiveResourcesInfo()) counts.set(type, (counts.get(type) ?? 0) + 1);
  return counts;
}

describe('an operator that was stopped', () => {
  it('leaves no handle to the process: no server, no socket, no timer, no child', async () => {
    const server = await FakeApiServer.start({ kinds: [Part] });
    server.objects.create(Part, aPart('a'));
    const runs: string[] = [];
    @Handler()
    class Names {
      @Reconcile(Part)
      async reconcile({ metadata }: Part): Promise<void> {
        runs.push(metadata?.name ?? '');
      }

      @Daemon(Part)
      async live(_part: Part, ctx: DaemonContext<Part>): Promise<void> {
        await sleep(ctx.clock, 3_600_000, ctx.signal).catch(() => undefined);
      }

      @OnTimer(Part, { intervalMs: 3_600_000, initialDelayMs: 3_600_000 })
      async beat(): Promise<void> {}
    }
    try {
      const before = handles();
      /** Those of which there are more than before; what other tests left may end meanwhile. */
      const added = (): string[] => [...handles()].filter(([type, count]) => count > (before.get(type) ?? 0)).map(([type]) => type);
      for (let life = 1; life <= 3; life++) {
        const kubeConfig = new KubeConfig();
        kubeConfig.loadFromString(kubeconfigText({ server: server.url }));
        const addresses = { healthAddress: '127.0.0.1:0', metrics: { address: '127.0.0.1:0', secure: true } };
        const operator = await createOperator({
          ...{ name: 'test', domain: 'example.org', handlers: [Names], kubeConfig, ...addresses, leaderElection: { lease: 'test' } },
        });
        await operator.start();
        await poll('it has worked', () => runs.length === life, { timeoutMs: 60_000 });
        expect(added()).not.to.deep.equal([]);
        await operator.stop();
        await poll('its handles are gone', () => added().length === 0, { onTimeout: () => added().join() });
        expect(await operator.finished).to.equal(0);
      }
    } finally {
      await server.stop();
    }
  });
});

describe('a stop in the middle of the start', () => {
  afterEach(endWorlds);
  let operator: StewardOperator;

  /** @returns how the start ends, which is not waited for. */
  async function starting(world: World, handlers: readonly HandlerClass[]): Promise<() => Promise<unknown>> {
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromString(kubeconfigText({ server: world.server.url }));
    const { clock, log: logger } = world;
    operator = await createOperator({ name: 'test', handlers, kubeConfig, clock, logger, leaderElection: { lease: 'test' } });
    const started = operator.start().then(
      () => 'started',
      (error: { code?: unknown }) => error.code,
    );
    return () => started;
  }

  async function isClean({ clock, server }: World): Promise<void> {
    const deadline = performance.now() + 60_000;
    while ((server.openSockets > 0 || clock.pendingTimers > 0) && performance.now() < deadline)
      await new Promise((resolve) => setImmediate(resolve));
    expect({ sockets: server.openSockets, timers: clock.pendingTimers }).to.deep.equal({ sockets: 0, timers: 0 });
  }

  async function whenAsked(world: World, what: string): Promise<void> {
    const deadline = performance.now() + 60_000;
    while (world.server.journal.count({ resource: what }) === 0 && performance.now() < deadline) {
      await world.clock.advance(1);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  @Handler()
  class OfMaps {
    @OnEvent(ConfigMap)
    none(): void {}

    @Reconcile(Part)
    async reconcile(): Promise<void> {}
  }

  it('ends the first list at once and leaves nothing behind', async () => {
    const world = await aWorld();
    const stalled = world.server.faults.add({ on: { verb: 'list' }, do: stall(), times: Number.POSITIVE_INFINITY });
    const started = await starting(world, [OfMaps]);
    expect(await started()).to.equal('started');
    await whenAsked(world, 'parts');
    expect(stalled.strikes).to.be.greaterThan(0);
    await operator.stop();

    expect(await operator.finished).to.equal(0);
    expect(world.server.journal.count({ resource: 'leases' })).to.equal(0);
    await isClean(world);
  });

  it('ends a campaign for the Lease at once, or within 2 s when its answer hangs, and leaves nothing behind', async () => {
    const world = await aWorld();
    world.server.faults.add({ on: { kind: 'leases.coordination.k8s.io' }, do: stall(), times: Number.POSITIVE_INFINITY });
    const started = await starting(world, [OfMaps]);
    expect(await started()).to.equal('started');
    await whenAsked(world, 'leases');
    const beganMs = world.clock.monotonicMs();
    let endedMs: number | undefined;
    const stopped = operator.stop().then(() => {
      endedMs = world.clock.monotonicMs();
    });
    while (endedMs === undefined) {
      // No further than it may take: sockets have all the time they want.
      if (world.clock.monotonicMs() - beganMs < 2_100) await world.clock.advance(50);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await stopped;

    expect(endedMs! - beganMs).to.be.at.most(2_100);
    expect(await operator.finished).to.equal(0);
    await isClean(world);
  });

  it('tells a start-up hook by its signal, and nothing is contacted after it', async () => {
    @Handler()
    class Patient {
      @OnStartup()
      open(ctx: ProcessContext): Promise<void> {
        return sleep(ctx.clock, 50_000, ctx.signal);
      }

      @Reconcile(Part)
      async reconcile(): Promise<void> {}
    }
    const world = await aWorld();
    const started = await starting(world, [Patient]);
    await world.clock.advance(1_000);
    await operator.stop();

    expect(await started()).to.equal('STOPPING');
    expect(await operator.finished).to.equal(0);
    expect(world.server.journal.count()).to.equal(0);
    await isClean(world);
  });

  it('does not wait for ever for a start-up hook that ignores its signal', async () => {
    @Handler()
    class Deaf {
      @OnStartup({ timeoutMs: 3_600_000 })
      open(): Promise<void> {
        return forEver();
      }

      @Reconcile(Part)
      async reconcile(): Promise<void> {}
    }
    const world = await aWorld();
    await starting(world, [Deaf]);
    await world.clock.advance(1_000);
    const stopped = operator.stop();
    await world.clock.advance(BUDGET_MS);
    await stopped;

    expect(await operator.finished).to.equal(1);
    expect(world.server.journal.count()).to.equal(0);
  });

  it('can be asked for twice, and is one', async () => {
    const world = await aWorld();
    await (await starting(world, [OfMaps]))();
    expect(operator.stop()).to.equal(operator.stop());
    await operator.stop();

    expect(world.log.lines.filter(({ message }) => message === 'operator stopped')).to.have.length(1);
  });
});
