import { expect } from 'chai';
import { ConfigMap } from '../../../../src/framework/kinds/core-kinds';
import { defineKind, type Kind } from '../../../../src/framework/kinds/kind';
import { nullLogger } from '../../../../src/framework/logging/logger';
import { handlersCheck } from '../../../../src/framework/runtime/handler-health';
import { KindHealth } from '../../../../src/framework/runtime/kind-health';
import { FakeClock } from '../../../../src/framework/testing/fake-clock';
import type { Informer, InformerStatus } from '../../../../src/framework/watch/informer-contract';

const Optional = defineKind('example.org/v1', 'Gadget', 'gadgets', { scope: 'Namespaced', optional: true });
const WATCHING: InformerStatus = { state: 'Watching', synced: true, lastActivityMs: 0, detail: '', late: false, stale: false };

function aWorld({ kind = ConfigMap as Kind, status = {} as Partial<InformerStatus> } = {}) {
  const clock = new FakeClock();
  const world = {
    clock,
    status: { ...WATCHING, ...status },
    questions: 0,
    answer: async (): Promise<string | undefined> => undefined,
    judge: async () => world.health.check().run(),
    /** Looks, and lets the answer arrive. */
    look: async () => {
      world.health.look();
      await clock.advance(0);
    },
    health: undefined as unknown as KindHealth,
  };
  const informer = { kind, status: () => world.status } as unknown as Informer;
  world.health = new KindHealth({
    informers: { list: () => [informer] },
    scopeProblem: () => {
      world.questions++;
      return world.answer();
    },
    clock,
    log: nullLogger,
  });
  return world;
}

describe('the readiness check of kinds', () => {
  it('fails while a required kind is not served, and not for an optional one', async () => {
    const absent = { state: 'Waiting', synced: false } as const;
    expect(await aWorld({ status: absent }).judge()).to.deep.equal({ state: 'failed', detail: 'configmaps is required and not served' });
    expect(await aWorld({ status: absent, kind: Optional as Kind }).judge()).to.deep.equal({ state: 'ok', detail: '' });
  });

  it('fails while a required kind may not be watched, and tells so of an optional one', async () => {
    const denied = { state: 'Denied', synced: false, detail: 'list is forbidden' } as const;
    expect(await aWorld({ status: denied, kind: Optional as Kind }).judge()).to.deep.equal({
      state: 'waiting',
      detail: 'gadgets.example.org may not be watched (list is forbidden)',
    });
    const world = aWorld({ status: denied });
    expect(await world.judge()).to.deep.equal({ state: 'failed', detail: 'configmaps may not be watched (list is forbidden)' });

    world.status = WATCHING;
    expect((await world.judge()).state).to.equal('ok');
  });

  it('fails when the cluster serves a kind with another scope', async () => {
    const world = aWorld();
    world.answer = async () => 'configmaps is defined with scope Namespaced but the cluster serves it with scope Cluster';
    await world.look();
    expect((await world.judge()).detail).to.contain('but the cluster serves it with scope Cluster');
  });

  it('asks for the scope once, and only after the kind was listed', async () => {
    const world = aWorld({ status: { synced: false, state: 'Listing' } });
    await world.look();
    expect(world.questions).to.equal(0);

    world.status = WATCHING;
    for (let i = 0; i < 5; i++) await world.look();
    expect(world.questions).to.equal(1);
  });

  it('asks again half a minute after the question failed', async () => {
    const world = aWorld();
    world.answer = () => Promise.reject(new Error('connection refused'));
    await world.look();
    await world.clock.advance(29_999);
    await world.look();
    expect(world.questions).to.equal(1);

    await world.clock.advance(1);
    await world.look();
    expect(world.questions).to.equal(2);
  });

  it('asks again when the kind left the cluster and came back, and ignores an answer from before', async () => {
    const world = aWorld();
    let answerOld: (problem: string) => void = () => undefined;
    world.answer = () => new Promise((resolve) => (answerOld = resolve));
    await world.look();
    world.status = { ...WATCHING, state: 'Waiting', synced: false };
    await world.look();
    world.status = WATCHING;
    world.answer = async () => undefined;
    await world.look();
    answerOld('wrong scope');
    await world.clock.advance(0);

    expect(world.questions).to.equal(2);
    expect((await world.judge()).state).to.equal('ok');
  });
});

describe('the liveness check of handlers', () => {
  const judge = (...queues: { name: string; workers: number; abandoned: number }[]) => handlersCheck(() => queues).run();

  it('fails when a queue has twice as many abandoned runs as workers', () => {
    expect(judge({ name: 'a', workers: 4, abandoned: 7 })).to.deep.equal({ state: 'ok', detail: '' });
    expect(judge({ name: 'a', workers: 4, abandoned: 8 })).to.deep.equal({ state: 'failed', detail: '8 runs of a ignore their signal' });
  });

  it('does not add up queues', () => {
    expect(judge({ name: 'a', workers: 4, abandoned: 4 }, { name: 'b', workers: 4, abandoned: 4 })).to.include({ state: 'ok' });
  });
});
