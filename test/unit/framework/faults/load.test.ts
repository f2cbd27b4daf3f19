import { expect } from 'chai';
import { Handler, Reconcile, type ReconcileContext } from '../../../../src/framework';
import { defineKind } from '../../../../src/framework/kinds/kind';
import type { KubernetesObject } from '../../../../src/framework/kinds/object';
import { poll } from '../../../harness/poll';
import { aPart, aWorld, endWorlds, Part } from './world';

const Trap = defineKind<KubernetesObject>('example.org/v1', 'Trap', 'traps', { scope: 'Namespaced', status: false });
const OBJECTS = 10_000;
const SECONDS = 20;
const CHANGES_A_SECOND = 500;
const TIMEOUT_MS = 5_000;
/** A list of ten thousand takes a second, and much longer on a machine that has other things to do. */
const SETTLE_LIMIT_MS = 240_000;

describe('ten thousand objects, of which 500 change every second, while one handler hangs', () => {
  afterEach(endWorlds);

  it('reach their handler without delay; the one that hangs times out and is repeated; nothing piles up', async () => {
    const hanging: number[] = [];
    @Handler()
    class Hanging {
      @Reconcile(Trap, { timeoutMs: TIMEOUT_MS })
      async reconcile(_trap: KubernetesObject, ctx: ReconcileContext): Promise<void> {
        hanging.push(ctx.attempt);
        await new Promise((_resolve, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason), { once: true }));
      }
    }
    const latenciesMs: number[] = [];
    let runs = 0;
    const changedMs = new Map<string, number>();
    @Handler()
    class Quick {
      @Reconcile(Part)
      async reconcile(part: Part, ctx: ReconcileContext<Part>): Promise<void> {
        runs++;
        const sinceMs = changedMs.get(part.metadata!.name!);
        if (sinceMs !== undefined) latenciesMs.push(ctx.clock.monotonicMs() - sinceMs);
      }
    }
    const { server, clock, start } = await aWorld({
      kinds: [{ ...Part, status: false, observedGeneration: false, conditions: false }, Trap],
    });
    for (let index = 0; index < OBJECTS; index++) server.objects.create(Part, aPart(`p${index}`));
    for (let index = 0; index < 4; index++) server.objects.create(Trap, { metadata: { name: `t${index}`, namespace: 'default' } });
    const operator = await start({ handlers: [Hanging, Quick], settleLimitMs: SETTLE_LIMIT_MS });
    // On a loaded machine ten thousand objects take longer to unpack than the test operator takes for a sign of life.
    const isFilled = async (): Promise<boolean> => {
      await operator.settle();
      return runs === OBJECTS;
    };
    await poll('every object was handled once', isFilled, { timeoutMs: SETTLE_LIMIT_MS });
    const timers: number[] = [];
    for (let second = 0; second < SECONDS; second++) {
      for (let change = 0; change < CHANGES_A_SECOND; change++) {
        const name = `p${(second * CHANGES_A_SECOND + change) % OBJECTS}`;
        changedMs.set(name, clock.monotonicMs());
        server.objects.update(Part, `default/${name}`, (part) => Object.assign(part, { spec: { size: second + 2 } }));
      }
      await operator.advance(1_000);
      timers.push(clock.pendingTimers);
    }

    expect(latenciesMs).to.have.length(SECONDS * CHANGES_A_SECOND);
    expect(Math.max(...latenciesMs)).to.equal(0);
    expect(hanging.filter((attempt) => attempt >= 3)).to.have.length.at.least(4);
    expect(
      operator.key(Trap, 'default/t0').history.every(({ error, durationMs }) => error instanceof Error && durationMs === TIMEOUT_MS),
    ).to.equal(true);
    expect(Math.max(...timers.slice(10))).to.be.at.most(Math.max(...timers.slice(0, 10)));
  });
});
