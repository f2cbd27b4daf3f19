import { expect } from 'chai';
import { Daemon, type DaemonContext, Handler, mapped, OnCreate, Reconcile, type ReconcileContext } from '../../../../src/framework';
import { ConfigMap } from '../../../../src/framework/kinds/core-kinds';
import { defineKind } from '../../../../src/framework/kinds/kind';
import type { KubernetesObject } from '../../../../src/framework/kinds/object';
import { status } from '../../../../src/framework/testing';
import { sleep } from '../../../../src/framework/time/sleep';
import { usedHeapBytes } from '../../../harness/heap';
import { aPart, aWorld, endWorlds, Part } from './world';

/** Served in one version only. */
const gadgetsCrd = (version: string): string => `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: gadgets.example.org }
spec:
  group: example.org
  scope: Namespaced
  names: { kind: Gadget, plural: gadgets }
  versions:
    - name: ${version}
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
`;
const Gadget = defineKind<KubernetesObject>('example.org/v1', 'Gadget', 'gadgets', {
  scope: 'Namespaced',
  status: false,
  optional: true,
  alternatives: ['example.org/v1beta1'],
});
const CYCLES = 50;
const MIB = 1024 * 1024;

describe('a kind whose definition comes and goes', () => {
  afterEach(endWorlds);

  it(`has its handlers start and stop with it, ${CYCLES} times in one process and in two versions, and leaves nothing behind`, async () => {
    const runs: string[] = [];
    let tasks = 0;
    @Handler()
    class Gadgets {
      @Reconcile(Gadget)
      async reconcile(gadget: KubernetesObject): Promise<void> {
        runs.push(`${gadget.metadata?.name} ${gadget.apiVersion}`);
      }

      @Daemon(Gadget)
      async live(_gadget: KubernetesObject, ctx: DaemonContext): Promise<void> {
        tasks++;
        await sleep(ctx.clock, 3_600_000, ctx.signal).catch(() => undefined);
        tasks--;
      }
    }
    const { server, clock, start } = await aWorld();
    const operator = await start({ handlers: [Gadgets] });
    const idle: { timers: number; sockets: number; watches: number }[] = [];
    const expected: string[] = [];
    let heapBytes = 0;
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      const version = cycle % 2 === 0 ? 'v1' : 'v1beta1';
      expected.push(`g${cycle} example.org/${version}`);
      server.installCrd(gadgetsCrd(version));
      server.objects.create(Gadget, { metadata: { name: `g${cycle}`, namespace: 'default' } });
      await operator.advance(10_000);
      expect([runs.at(-1), tasks, operator.cluster.serves(Gadget)]).to.deep.equal([expected.at(-1), 1, true]);

      server.unserve(Gadget);
      await operator.advance(30_000);
      expect([tasks, operator.cluster.serves(Gadget), operator.cluster.store(Gadget).size]).to.deep.equal([0, false, 0]);
      server.journal.clear();
      if (cycle === 10) heapBytes = await usedHeapBytes();
      idle.push({ timers: clock.pendingTimers, sockets: server.openSockets, watches: server.openWatches });
    }

    expect(runs).to.deep.equal(expected);
    expect((await usedHeapBytes()) - heapBytes).to.be.lessThan(5 * MIB);
    for (const name of ['timers', 'sockets', 'watches'] as const) {
      expect(Math.max(...idle.slice(10).map((at) => at[name])), name).to.be.at.most(Math.max(...idle.slice(0, 10).map((at) => at[name])));
    }
  });

  it('does not hold up the handlers of other kinds while it is not served', async () => {
    const { server, start } = await aWorld();
    server.objects.create(Part, aPart('a'));
    @Handler()
    class Both {
      @Reconcile(Part, { owns: [Gadget] })
      async reconcile(): Promise<void> {}
    }
    const operator = await start({ handlers: [Both] });

    expect(operator.key(Part, 'default/a').history).to.have.length(1);
  });

  it('has the objects looked at that own or map it, when it appears and when it goes', async () => {
    const runs: string[] = [];
    @Handler()
    class Parts {
      @Reconcile(Part, { owns: [Gadget] })
      async owner(part: Part, ctx: ReconcileContext): Promise<void> {
        runs.push(`owner of ${part.metadata?.name}: ${[...ctx.reasons]} ${ctx.cluster.serves(Gadget)}`);
      }

      @Reconcile(Part, { watches: [mapped(Gadget, () => [])] })
      async mapper(part: Part, ctx: ReconcileContext): Promise<void> {
        runs.push(`mapper of ${part.metadata?.name}: ${[...ctx.reasons]} ${ctx.cluster.serves(Gadget)}`);
      }
    }
    const { server, start } = await aWorld();
    server.objects.create(Part, aPart('p'));
    const operator = await start({ handlers: [Parts] });
    runs.length = 0;

    server.installCrd(gadgetsCrd('v1'));
    await operator.advance(10_000);
    expect(runs).to.deep.equal(['owner of p: owned true', 'mapper of p: mapped true']);

    server.unserve(Gadget);
    await operator.advance(30_000);
    expect(runs.slice(2)).to.deep.equal(['owner of p: owned false', 'mapper of p: mapped false']);
  });
});

describe('a kind that may not be listed', () => {
  afterEach(endWorlds);

  it('delays only its own handlers, which start when the right is granted', async () => {
    const { server, start } = await aWorld();
    server.objects.create(Part, aPart('a'));
    server.objects.create(ConfigMap, { metadata: { name: 'm', namespace: 'default' } });
    @Handler()
    class OfParts {
      @Reconcile(Part)
      async reconcile(): Promise<void> {}
    }
    @Handler()
    class OfMaps {
      @OnCreate(ConfigMap, { remember: 'none' })
      async created(): Promise<void> {}

      @Reconcile(ConfigMap)
      async reconcile(): Promise<void> {}
    }
    const refusal = server.faults.add({ on: { kind: ConfigMap }, do: status(403), times: Number.POSITIVE_INFINITY });
    const operator = await start({ handlers: [OfParts, OfMaps] });
    expect(operator.key(Part, 'default/a').history).to.have.length(1);
    expect(operator.key(ConfigMap, 'default/m').history).to.have.length(0);

    refusal.remove();
    await operator.advance(120_000);
    expect(operator.key(ConfigMap, 'default/m').history).to.have.length(1);
    expect(operator.key(Part, 'default/a').history).to.have.length(1);
  });
});
