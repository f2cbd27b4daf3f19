import { expect } from 'chai';
import type { CallOutcome } from '../../../../src/kubevirt/call-outcome';
import { aConfig, mac } from './builders';
import { transient, World } from './waker-world';

const MANUAL = { runStrategy: 'Manual' } as const;
const STARTED = { stateChangeRequests: [{ action: 'Start' }] };

describe('retries of a start', () => {
  it('follow at 200 ms, doubling, until KubeVirt accepts, and count as one start', async () => {
    const world = new World();
    world.vm(MANUAL);
    world.replies.push(transient(), transient(), transient());

    const answer = await world.answer();

    expect(world.calls).to.deep.equal(['start lab/web @0', 'start lab/web @200', 'start lab/web @600', 'start lab/web @1400']);
    expect([answer.status, answer.processingTimeMs]).to.deep.equal(['VM_START_INITIATED', 1_400]);
    expect(world.count('started')).to.equal(1);
    expect(world.count('dispatched')).to.equal(1);
  });

  it('wait as long as Retry-After says', async () => {
    const world = new World();
    world.vm(MANUAL);
    world.replies.push(transient('busy', 2_500));
    await world.answer();
    expect(world.calls).to.deep.equal(['start lab/web @0', 'start lab/web @2500']);
  });

  it('end at the deadline with the last cause', async () => {
    const world = new World({ waker: { startTimeoutMs: 10_000 } });
    world.vm(MANUAL);
    world.replies.push(...Array.from({ length: 50 }, () => transient('admission webhook says no')));

    expect((await world.answer()).status).to.equal('ACCEPTED');
    await world.clock.advance(6_999);
    expect(world.outcomes()).to.deep.equal([]);
    await world.clock.advance(1);

    expect(world.notifications.at(-1)).to.deep.include({
      kind: 'failed',
      reason: 'StartTimeout',
      text: 'not within 10 s: admission webhook says no',
    });
    expect(world.clock.pendingTimers).to.equal(0);
  });

  it('give up a call that is not answered within ten seconds', async () => {
    const world = new World();
    world.vm(MANUAL);
    world.replies.push(() => new Promise<CallOutcome>(() => undefined));
    await world.answer();
    await world.clock.advance(10_200 - 3_000);
    expect(world.calls).to.deep.equal(['start lab/web @0', 'start lab/web @10200']);
    expect(world.outcomes()).to.deep.equal(['started']);
  });

  it('take a rejected call for one without an answer', async () => {
    const world = new World();
    world.vm(MANUAL);
    world.replies.push(() => Promise.reject(new Error('socket hang up')));
    expect((await world.answer()).status).to.equal('VM_START_INITIATED');
    expect(world.calls).to.have.lengthOf(2);
  });

  const final: [CallOutcome, RegExp][] = [
    [{ kind: 'missing', message: 'not found' }, /^VMMissing: not found$/],
    [{ kind: 'forbidden', message: 'cannot' }, /^Forbidden: .*update virtualmachines\/start.*cannot$/],
    [{ kind: 'refused', status: 400, message: 'bad' }, /^StartRefused: bad$/],
  ];
  for (const [outcome, message] of final) {
    it(`are not made after "${outcome.kind}"`, async () => {
      const world = new World();
      world.vm(MANUAL);
      world.replies.push(outcome);
      expect((await world.answer()).message).to.match(message);
      await world.clock.advance(60_000);
      expect(world.calls).to.have.lengthOf(1);
    });
  }

  it('are made once after 401, with renewed credentials', async () => {
    const world = new World();
    world.vm(MANUAL);
    world.replies.push({ kind: 'unauthorized', message: 'expired' });
    expect((await world.answer()).status).to.equal('VM_START_INITIATED');

    const still = new World();
    still.vm(MANUAL);
    still.replies.push({ kind: 'unauthorized', message: 'expired' }, { kind: 'unauthorized', message: 'expired' });
    expect((await still.answer()).message).to.match(/^Forbidden: /);
    expect(still.calls).to.have.lengthOf(2);
  });

  it('doubt the first refusal after a time without answers, and believe the second', async () => {
    const unreachable: CallOutcome = { kind: 'transient', message: 'connection refused', unreachable: true };
    const refused: CallOutcome = { kind: 'forbidden', message: 'cannot' };
    const recovered = new World();
    recovered.vm(MANUAL);
    recovered.replies.push(unreachable, refused);
    const still = new World();
    still.vm(MANUAL);
    still.replies.push(unreachable, refused, refused);

    const [first, second] = [recovered.wake(), still.wake()];
    await Promise.all([recovered.clock.advance(2_000), still.clock.advance(2_000)]);

    expect((await first).status).to.equal('VM_START_INITIATED');
    expect((await second).message).to.match(/^Forbidden: /);
    expect([recovered.calls.length, still.calls.length]).to.deep.equal([3, 3]);
  });
});

describe('a conflict', () => {
  const conflict: CallOutcome = { kind: 'conflict', message: 'VM is already running' };

  it('is resolved by the watch catching up, without another call', async () => {
    const world = new World();
    world.vm(MANUAL);
    world.replies.push(conflict);
    const answer = world.wake();
    await world.clock.advance(300);
    world.vmi({ phase: 'Scheduling' });
    await world.clock.advance(0);

    expect([(await answer).status, (await answer).processingTimeMs]).to.deep.equal(['VM_ALREADY_RUNNING', 300]);
    expect(world.calls).to.have.lengthOf(1);
  });

  it('is transient when a second later the table still says start', async () => {
    const world = new World();
    world.vm(MANUAL);
    world.replies.push(conflict);
    expect((await world.answer()).status).to.equal('VM_START_INITIATED');
    expect(world.calls).to.deep.equal(['start lab/web @0', 'start lab/web @1200']);
  });
});

describe('a user who changes the virtual machine in the middle of a wake', () => {
  const cases: [string, (world: World) => void, string][] = [
    ['sets Always', (world) => world.vm({ runStrategy: 'Always' }), 'already-running'],
    ['sets Once', (world) => world.vm({ runStrategy: 'Once' }), 'already-running'],
    ['sets WaitAsReceiver', (world) => world.vm({ runStrategy: 'WaitAsReceiver' }), 'skipped NotStartable'],
    ['deletes it', (world) => world.vm({ ...MANUAL, deleting: true }), 'failed Terminating'],
    ['has deleted it', (world) => world.targets.removeVm('lab/web'), 'failed VMMissing'],
    ['starts it by hand', (world) => world.vmi({ phase: 'Pending' }), 'already-running'],
    [
      'excludes it by annotation',
      (world) => world.vm({ ...MANUAL, annotations: { 'wol.pillon.org/ignore': 'true' } }),
      'skipped SkippedByPolicy',
    ],
    ['deletes the config', (world) => world.map.removeConfig('lab'), 'skipped SkippedByPolicy'],
  ];
  for (const [title, change, outcome] of cases) {
    it(`and ${title} has the last word: ${outcome}, no further call`, async () => {
      const world = new World();
      world.vm(MANUAL);
      world.replies.push(transient(), transient(), transient(), transient(), transient());
      await world.answer();
      const callsBefore = world.calls.length;

      change(world);
      await world.clock.advance(120_000);

      expect(world.outcomes()).to.deep.equal([outcome]);
      expect(world.calls).to.have.lengthOf(callsBefore);
    });
  }

  it('cannot make the retries come faster', async () => {
    const world = new World();
    world.vm(MANUAL);
    world.replies.push(transient(), transient());
    const answer = world.wake();
    for (let i = 0; i < 30; i++) {
      world.vm({ ...MANUAL, labels: { touched: `${i}` } });
      await world.clock.advance(10);
    }
    expect(world.calls).to.deep.equal(['start lab/web @0', 'start lab/web @200']);
    await world.clock.advance(1_000);
    expect((await answer).status).to.equal('VM_START_INITIATED');
  });

  it('is heard before a policy that was read earlier', async () => {
    const world = new World();
    world.vm({ runStrategy: 'Halted' });
    world.replies.push(transient(), transient(), transient(), transient(), transient());
    await world.answer();
    world.map.upsertConfig(aConfig('lab', { startPolicy: 'Skip' }));
    await world.clock.advance(10_000);
    expect(world.outcomes()).to.deep.equal(['skipped SkippedByPolicy']);
  });
});

describe('a wake of a virtual machine that is stopping', () => {
  it('is ACCEPTED at once, and starts it when the instance is gone', async () => {
    const world = new World();
    world.vm({ runStrategy: 'Halted' });
    world.vmi({ phase: 'Running', gracePeriodSeconds: 20 });
    const answer = await world.answer({}, 0);
    expect([answer.status, answer.message]).to.deep.equal(['ACCEPTED', 'waiting for the stop to end']);

    await world.clock.advance(15_000);
    expect(world.calls).to.deep.equal([]);
    world.targets.removeVmi('lab/web');
    await world.clock.advance(0);
    expect(world.calls).to.deep.equal(['start lab/web @15000']);
    expect(world.outcomes()).to.deep.equal(['started']);
    expect([world.count('waiting'), world.count('dispatched')]).to.deep.equal([1, 0]);
  });

  it('starts it when the instance is final', async () => {
    const world = new World();
    world.vm({ ...MANUAL, status: { stateChangeRequests: [{ action: 'Stop', uid: 'vmi-1' }] } });
    world.vmi({ phase: 'Running' });
    await world.answer();
    world.vm(MANUAL);
    world.vmi({ phase: 'Succeeded', deleting: true });
    await world.clock.advance(0);
    expect(world.outcomes()).to.deep.equal(['started']);
  });

  it('fails after the grace period and 30 s, ten minutes at most', async () => {
    for (const [gracePeriodSeconds, limitMs] of [
      [20, 50_000],
      [3_600, 600_000],
    ] as const) {
      const world = new World();
      world.vm({ runStrategy: 'Halted' });
      world.vmi({ phase: 'Running', gracePeriodSeconds });
      await world.answer();
      await world.clock.advance(limitMs - world.clock.monotonicMs() - 1);
      expect(world.outcomes()).to.deep.equal([]);
      await world.clock.advance(1);
      expect(world.outcomes()).to.deep.equal(['failed StopTimeout']);
    }
  });
});

describe('a wake of a virtual machine whose start is already requested', () => {
  it('is ACCEPTED, follows the request and ends when it runs', async () => {
    const world = new World();
    world.vm({ ...MANUAL, status: STARTED });
    expect((await world.answer({}, 0)).status).to.equal('ACCEPTED');
    world.vm(MANUAL);
    await world.clock.advance(100);
    world.vmi({ phase: 'Scheduling' });
    await world.clock.advance(0);
    expect([world.calls, world.outcomes()]).to.deep.equal([[], ['already-running']]);
  });

  it('asks itself when the request is gone and nothing came of it', async () => {
    const world = new World();
    world.vm({ ...MANUAL, status: STARTED });
    await world.answer({}, 0);
    world.vm(MANUAL);
    await world.clock.advance(1_000);
    expect(world.calls).to.deep.equal(['start lab/web @1000']);
  });

  it('fails at the deadline when KubeVirt does nothing about it', async () => {
    const world = new World();
    world.vm({ ...MANUAL, status: STARTED });
    await world.answer({}, 0);
    await world.clock.advance(60_000);
    expect([world.calls, world.outcomes()]).to.deep.equal([[], ['failed StartTimeout']]);
  });
});

describe('unpausing', () => {
  const paused = (): World => {
    const world = new World({ spec: { unpause: true } });
    world.vm({ runStrategy: 'Always' });
    world.vmi({ phase: 'Running', paused: true });
    return world;
  };

  it('is ACCEPTED, and done when the condition is gone', async () => {
    const world = paused();
    const answer = await world.answer({}, 0);
    expect([answer.status, answer.message, world.calls]).to.deep.equal(['ACCEPTED', 'unpausing', ['unpause lab/web @0']]);
    await world.clock.advance(500);
    expect(world.outcomes()).to.deep.equal([]);
    world.vmi({ phase: 'Running' });
    await world.clock.advance(0);
    expect(world.outcomes()).to.deep.equal(['unpaused']);
    expect((await world.answer()).status).to.equal('DUPLICATE');
  });

  for (const kind of ['missing', 'conflict'] as const) {
    it(`decides again after "${kind}", and repeats the call while the table says so`, async () => {
      const world = paused();
      world.replies.push({ kind, message: 'not paused' });
      await world.answer();
      expect(world.calls).to.deep.equal(['unpause lab/web @0', 'unpause lab/web @1200']);
    });
  }

  it('fails at the deadline when the instance stays paused', async () => {
    const world = paused();
    await world.answer({}, 0);
    await world.clock.advance(60_000);
    expect([world.calls.length, world.outcomes()]).to.deep.equal([1, ['failed StartTimeout']]);
  });

  it('is left alone when the config does not ask for it', async () => {
    const world = new World();
    world.vm({ runStrategy: 'Always' });
    world.vmi({ phase: 'Running', paused: true });
    const answer = await world.answer();
    expect([answer.status, world.calls]).to.deep.equal(['VM_ALREADY_RUNNING', []]);
    expect(answer.message).to.contain('spec.unpause');
  });
});

describe('the confirmation of an accepted start', () => {
  const confirmations: [string, (world: World) => void][] = [
    ['an active instance', (world) => world.vmi({ phase: 'Scheduling' })],
    ['a queued request', (world) => world.vm({ ...MANUAL, status: STARTED })],
    ['WaitingForVolumeBinding', (world) => world.vm({ ...MANUAL, status: { printableStatus: 'WaitingForVolumeBinding' } })],
  ];
  for (const [title, show] of confirmations) {
    it(`is ${title} in the watch`, async () => {
      const world = new World();
      world.vm(MANUAL);
      await world.answer();
      await world.clock.advance(29_999);
      show(world);
      await world.clock.advance(60_000);
      expect(world.outcomes()).to.deep.equal(['started']);
      expect(world.clock.pendingTimers).to.equal(0);
    });
  }

  it('is missed after 30 s: said once, no second call, and the next packet is not a duplicate', async () => {
    const world = new World({ waker: { deduplication: { windowMs: 600_000 } } });
    world.vm(MANUAL);
    await world.answer();
    await world.clock.advance(29_999);
    expect((await world.answer()).status).to.equal('DUPLICATE');
    await world.clock.advance(1);
    expect(world.outcomes()).to.deep.equal(['started', 'not-confirmed']);
    expect(world.calls).to.have.lengthOf(1);
    expect((await world.answer()).status).to.equal('VM_START_INITIATED');
  });

  it('is not asked of a virtual machine that was deleted meanwhile', async () => {
    const world = new World();
    world.vm(MANUAL);
    await world.answer();
    world.targets.removeVm('lab/web');
    await world.clock.advance(60_000);
    expect(world.outcomes()).to.deep.equal(['started']);
  });
});

describe('rate limits', () => {
  const two = (): World => {
    const world = new World({ spec: { limits: { startsPerMinute: 1 } } });
    world.vm(MANUAL);
    world.vm({ ...MANUAL, name: 'db', macs: [mac(2)] });
    return world;
  };

  it('make a wake without a token wait its turn, ACCEPTED', async () => {
    const world = two();
    await world.answer();
    const answer = await world.answer({ mac: mac(2) }, 0);
    expect([answer.status, answer.message]).to.deep.equal(['ACCEPTED', 'waiting for the rate limit']);
    await world.clock.advance(60_000);
    expect(world.calls).to.deep.equal(['start lab/web @0', 'start lab/db @60000']);
  });

  it('cost nothing for a virtual machine that runs by the time its turn comes', async () => {
    const world = two();
    world.vm({ ...MANUAL, name: 'nas', macs: [mac(3)] });
    await world.answer();
    await world.answer({ mac: mac(2) }, 0);
    await world.answer({ mac: mac(3) }, 0);
    world.vmi({ name: 'db', phase: 'Running' });
    await world.clock.advance(60_000);
    expect(world.calls).to.deep.equal(['start lab/web @0', 'start lab/nas @60000']);
    expect(world.outcomes().filter((outcome) => outcome !== 'not-confirmed')).to.deep.equal(['started', 'already-running', 'started']);
  });

  it('refuse a wake that has waited too long', async () => {
    const world = new World({ limits: { maxPerMinute: 1, maxWaitMs: 30_000 } });
    world.vm(MANUAL);
    world.vm({ ...MANUAL, name: 'db', macs: [mac(2)] });
    await world.answer();
    await world.answer({ mac: mac(2) }, 0);
    await world.clock.advance(30_000);
    expect(world.outcomes()).to.include('refused RateLimited');
  });

  it('take one token a wake, however often its call is repeated', async () => {
    const world = new World({ spec: { limits: { startsPerMinute: 2 } } });
    world.vm(MANUAL);
    world.vm({ ...MANUAL, name: 'db', macs: [mac(2)] });
    world.replies.push(transient(), transient(), transient());
    await world.answer();
    expect((await world.answer({ mac: mac(2) }, 0)).status).to.equal('VM_START_INITIATED');
  });

  it('are not touched by packets for virtual machines that run', async () => {
    const world = two();
    world.vmi({ phase: 'Running' });
    await world.answer();
    expect((await world.answer({ mac: mac(2) }, 0)).status).to.equal('VM_START_INITIATED');
  });

  it('bound the calls in flight, and decide again before a call that had to queue', async () => {
    const world = new World({ waker: { maxConcurrentStarts: 1 } });
    world.vm(MANUAL);
    world.vm({ ...MANUAL, name: 'db', macs: [mac(2)] });
    const gate = Promise.withResolvers<CallOutcome>();
    world.replies.push(() => gate.promise);
    const answers = [world.wake(), world.wake({ mac: mac(2) })];
    await world.clock.advance(0);
    expect(world.calls).to.deep.equal(['start lab/web @0']);
    world.vmi({ name: 'db', phase: 'Running' });
    gate.resolve({ kind: 'accepted' });
    await world.clock.advance(0);
    expect((await Promise.all(answers)).map(({ status }) => status)).to.deep.equal(['VM_START_INITIATED', 'VM_ALREADY_RUNNING']);
    expect(world.calls).to.have.lengthOf(1);
  });
});

describe('shutdown', () => {
  it('lets a call in flight finish, and turns new packets away', async () => {
    const world = new World();
    world.vm(MANUAL);
    const gate = Promise.withResolvers<CallOutcome>();
    world.replies.push(() => gate.promise);
    const answer = world.wake();
    await world.clock.advance(0);
    const closed = world.waker.close(5_000);
    expect(await world.wake().catch((error: unknown) => error)).to.have.property('code', 'WAKE_MAP_NOT_READY');
    await world.clock.advance(1_000);
    gate.resolve({ kind: 'accepted' });
    expect((await answer).status).to.equal('VM_START_INITIATED');
    await closed;
    await world.clock.advance(0);
    expect(world.clock.pendingTimers).to.equal(0);
  });

  it('abandons what waits after the grace, so that unanswered packets are sent again, and leaves no timer', async () => {
    const world = new World({ spec: { limits: { startsPerMinute: 1 } } });
    world.vm({ runStrategy: 'Halted' });
    world.vmi({ phase: 'Running' });
    await world.answer();
    world.vm({ ...MANUAL, name: 'db', macs: [mac(2)] });
    world.vm({ ...MANUAL, name: 'nas', macs: [mac(3)] });
    world.replies.push(() => new Promise<CallOutcome>(() => undefined));
    const unanswered = world.wake({ mac: mac(2) }).catch((error: unknown) => error);
    await world.answer({ mac: mac(3) }, 0);

    const closed = world.waker.close(1_000);
    await world.clock.advance(1_000);
    await closed;

    expect(await unanswered).to.have.property('code', 'WAKE_MAP_NOT_READY');
    expect(world.outcomes()).to.deep.equal([]);
    await world.clock.advance(0);
    expect([world.clock.pendingTimers, world.waker.stats.inFlight]).to.deep.equal([0, 0]);
  });
});
