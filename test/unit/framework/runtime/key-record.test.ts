import { expect } from 'chai';
import { Handler, OnCreate, Reconcile } from '../../../../src/framework/decorators';
import { buildRegistry, isQueued } from '../../../../src/framework/registry/registry';
import { HandlerState, KeyRecord } from '../../../../src/framework/runtime/key-record';
import { Widget } from './controller-bench';

@Handler()
class Two {
  @Reconcile(Widget)
  async reconcile(): Promise<void> {}

  @OnCreate(Widget)
  async created(): Promise<void> {}
}
const [first, second] = buildRegistry({ handlers: [Two] }).specs.filter(isQueued);

describe('what a handler owes an object', () => {
  it('is nothing at first', () => {
    const state = new HandlerState();

    expect(state.dueMs()).to.equal(undefined);
    expect(state.isDue(Number.MAX_SAFE_INTEGER)).to.equal(false);
  });

  it('is due at once, with every cause that came', () => {
    const state = new HandlerState();
    for (const reason of ['added', 'changed', 'added'] as const) state.owe(reason, undefined);

    expect(state.isDue(0)).to.equal(true);
    expect([...state.takeReasons(0)]).to.deep.equal(['added', 'changed']);
    expect(state.dueMs()).to.equal(undefined);
  });

  it('waits for the time it chose itself, the earliest when there are several', () => {
    const state = new HandlerState();
    state.wakeAt(500, 'resync');
    state.wakeAt(100, 'requeue');
    state.wakeAt(300, 'timer');

    expect([state.isDue(99), state.isDue(100)]).to.deep.equal([false, true]);
    expect([...state.takeReasons(100)]).to.deep.equal(['requeue']);
    expect(state.dueMs()).to.equal(undefined);
  });

  it('is due at once when something happens before that time, and the plan is then void', () => {
    const state = new HandlerState();
    state.wakeAt(100, 'requeue');
    state.owe('changed', undefined);

    expect(state.isDue(0)).to.equal(true);
    expect([...state.takeReasons(0)]).to.deep.equal(['changed']);
    expect(state.dueMs()).to.equal(undefined);
  });

  it('waits for a second since the start of the attempt that failed, however many events come', () => {
    const state = new HandlerState();
    state.failures = 1;
    state.wakeAt(60_000, 'retry');
    state.owe('changed', 10_000);
    state.owe('changed', 10_000);

    expect([state.isDue(10_999), state.isDue(11_000)]).to.deep.equal([false, true]);
  });

  it('does not wait when the last attempt went well', () => {
    const state = new HandlerState();
    state.owe('changed', 10_000);

    expect(state.isDue(10_001)).to.equal(true);
  });

  it('is held by what holds up the object, whatever came before and comes after', () => {
    const state = new HandlerState();
    state.wakeAt(100, 'requeue');
    state.holdUntil(500);
    state.holdUntil(400);
    expect(state.dueMs()).to.equal(500);

    state.owe('changed', undefined);
    expect(state.dueMs()).to.equal(500);

    state.takeReasons(500);
    state.owe('changed', undefined);
    expect(state.isDue(0)).to.equal(true);
  });

  it('is forgotten when the object is no longer its business', () => {
    const state = new HandlerState();
    state.owe('changed', undefined);
    state.retryAt(100);
    state.holdUntil(900);
    expect(state.isBehind).to.equal(true);
    state.clear();

    expect(state.dueMs()).to.equal(undefined);
    expect(state.isBehind).to.equal(false);
  });

  it('may wait behind everything else only for a resync without any other cause', () => {
    const state = new HandlerState();
    expect(state.mayWait).to.equal(false);

    state.wakeAt(100, 'resync');
    expect(state.mayWait).to.equal(true);

    state.owe('changed', undefined);
    expect(state.mayWait).to.equal(false);
  });
});

describe('the record of an object', () => {
  it('keeps one state a handler', () => {
    const record = new KeyRecord('uid');
    record.owe(first!, 'added');

    expect(record.state(first!)).to.equal(record.state(first!));
    expect([record.state(first!).isDue(0), record.state(second!).isDue(0)]).to.deep.equal([true, false]);
  });

  it('is due when the first of its handlers is, in that handler’s lane', () => {
    const record = new KeyRecord('uid');
    expect(record.nextDue()).to.equal(undefined);

    record.state(first!).wakeAt(500, 'resync');
    expect(record.nextDue()).to.deep.equal({ atMs: 500, lane: 'low' });

    record.state(second!).wakeAt(600, 'retry');
    expect(record.nextDue()).to.deep.equal({ atMs: 500, lane: 'low' });

    record.state(second!).wakeAt(400, 'retry');
    expect(record.nextDue()).to.deep.equal({ atMs: 400, lane: 'high' });
  });

  it('is in the high lane when handlers of both lanes fall due together, whichever comes first', () => {
    for (const [resyncing, retrying] of [
      [first!, second!],
      [second!, first!],
    ] as const) {
      const record = new KeyRecord('uid');
      record.state(resyncing).wakeAt(500, 'resync');
      record.state(retrying).wakeAt(500, 'retry');
      expect(record.nextDue()).to.deep.equal({ atMs: 500, lane: 'high' });
    }
  });

  it('is due for work of the framework itself, handlers or not', () => {
    const record = new KeyRecord('uid');
    record.frameworkRetryMs = 300;
    expect(record.nextDue()).to.deep.equal({ atMs: 300, lane: 'high' });

    record.state(first!).wakeAt(200, 'requeue');
    expect(record.nextDue()).to.deep.equal({ atMs: 200, lane: 'high' });
  });

  it('spaces a handler’s attempts by its own last start, not by that of another', () => {
    const record = new KeyRecord('uid');
    record.started(second!, 5_000);
    record.state(first!).failures = 1;
    record.owe(first!, 'changed');
    expect(record.state(first!).isDue(5_001)).to.equal(true);

    record.started(first!, 5_000);
    record.owe(first!, 'changed');
    expect(record.state(first!).isDue(5_001)).to.equal(false);
  });
});
