import { expect } from 'chai';
import fc from 'fast-check';
import type { FailureKind } from '../../../../src/framework/watch/failure';
import { step } from '../../../../src/framework/watch/state-machine';
import { initialState, type Step, type WatchInput, type WatchState } from '../../../../src/framework/watch/watch-state';

const NOW_MS = 1_000_000;
const LATER_MS = NOW_MS + 10_000;

const failed = (kind: FailureKind, retryAfterMs?: number): WatchInput => ({
  type: 'failed',
  failure: { kind, text: `${kind} happened`, retryAfterMs },
});

const INPUTS = {
  start: { type: 'start', await: false },
  startAwaiting: { type: 'start', await: true },
  served: { type: 'served', apiVersion: 'example.org/v2' },
  present: { type: 'discovered', apiVersion: 'example.org/v1' },
  absent: { type: 'discovered', apiVersion: undefined },
  accepted: { type: 'accepted' },
  listed: { type: 'listed', resourceVersion: '200' },
  connected: { type: 'connected' },
  event: { type: 'event', resourceVersion: '201' },
  bookmark: { type: 'bookmark', resourceVersion: '205' },
  oldBookmark: { type: 'bookmark', resourceVersion: '3' },
  ended: { type: 'ended' },
  unauthorized: failed('unauthorized'),
  forbidden: failed('forbidden'),
  notFound: failed('notFound'),
  gone: failed('gone'),
  decode: failed('decode'),
  other: failed('other'),
  timer: { type: 'timer' },
  hurry: { type: 'hurry' },
  stop: { type: 'stop' },
} as const satisfies Record<string, WatchInput>;
type InputName = keyof typeof INPUTS;

/** The state after these inputs, from a machine that was never started. */
function reached(...names: InputName[]): WatchState {
  return names.reduce((state, name) => step(state, INPUTS[name], NOW_MS).state, initialState('example.org/v1'));
}

/** `phase/doing`, what comes after a pause, and the action. */
function describeStep({ state, action }: Step): string {
  const next = state.doing === 'pausing' ? `(${state.next})` : '';
  return `${state.phase}/${state.doing}${next}${action === undefined ? '' : ` !${action.type}`}`;
}

interface Row {
  readonly state: WatchState;
  /** What is not named here is ignored; `stop` always stops. */
  readonly does: Partial<Record<InputName, string>>;
}

const DURING_LIST = {
  accepted: 'Listing/listing',
  listed: 'Watching/connecting !watch',
  unauthorized: 'Backoff/pausing(list) !pause',
  forbidden: 'Denied/pausing(list) !pause',
  notFound: 'Backoff/confirming !discover',
  gone: 'Backoff/pausing(list) !pause',
  decode: 'Backoff/pausing(list) !pause',
  other: 'Backoff/pausing(list) !pause',
} as const;

const DURING_CONNECT = {
  connected: 'Watching/streaming',
  unauthorized: 'Backoff/pausing(watch) !pause',
  forbidden: 'Denied/pausing(watch) !pause',
  notFound: 'Backoff/confirming !discover',
  gone: 'Listing/listing !list',
  decode: 'Backoff/pausing(watch) !pause',
  other: 'Backoff/pausing(watch) !pause',
} as const;

const BACK_TO_LIST = 'Backoff/pausing(list) !pause';

const TABLE: Record<string, Row> = {
  'not started': { state: reached(), does: { start: 'Listing/listing !list', startAwaiting: 'Waiting/awaiting !await' } },
  'awaiting the kind': { state: reached('startAwaiting'), does: { served: 'Listing/listing !list' } },
  'in the first list': { state: reached('start'), does: DURING_LIST },
  'listing again after a failure': { state: reached('start', 'other', 'timer'), does: { ...DURING_LIST, hurry: 'Backoff/listing' } },
  'listing again after a 403': { state: reached('start', 'forbidden', 'timer'), does: { ...DURING_LIST, hurry: 'Denied/listing' } },
  'connecting after the list': { state: reached('start', 'accepted', 'listed'), does: DURING_CONNECT },
  'connecting after a failure': {
    state: reached('start', 'listed', 'other', 'timer'),
    does: { ...DURING_CONNECT, hurry: 'Backoff/connecting' },
  },
  'connecting after a 403': {
    state: reached('start', 'listed', 'forbidden', 'timer'),
    does: { ...DURING_CONNECT, hurry: 'Denied/connecting' },
  },
  streaming: {
    state: reached('start', 'listed', 'connected'),
    does: {
      event: 'Watching/streaming',
      bookmark: 'Watching/streaming',
      oldBookmark: 'Listing/listing !list',
      ended: 'Watching/pausing(watch) !pause',
      unauthorized: 'Watching/pausing(watch) !pause',
      forbidden: 'Denied/pausing(watch) !pause',
      notFound: 'Backoff/confirming !discover',
      gone: 'Listing/listing !list',
      decode: 'Backoff/pausing(watch) !pause',
      other: 'Backoff/pausing(watch) !pause',
    },
  },
  'pausing before a list': { state: reached('start', 'other'), does: { timer: 'Backoff/listing !list', hurry: 'Backoff/listing !list' } },
  'pausing before a connect': {
    state: reached('start', 'listed', 'other'),
    does: { timer: 'Backoff/connecting !watch', hurry: 'Backoff/connecting !watch' },
  },
  'pausing before the second question': {
    state: reached('start', 'notFound', 'absent'),
    does: { timer: 'Backoff/confirming !discover', hurry: 'Backoff/pausing(confirm)' },
  },
  'pausing after a clean end': {
    state: step(reached('start', 'listed', 'connected'), INPUTS.ended, NOW_MS + 5_000).state,
    does: { timer: 'Watching/connecting !watch' },
  },
  'pausing after a denied list': {
    state: reached('start', 'forbidden'),
    does: { timer: 'Denied/listing !list', hurry: 'Denied/listing !list' },
  },
  'pausing after a denied watch': {
    state: reached('start', 'listed', 'forbidden'),
    does: { timer: 'Denied/connecting !watch', hurry: 'Denied/connecting !watch' },
  },
  'confirming for the first time': {
    state: reached('start', 'notFound'),
    does: {
      present: BACK_TO_LIST,
      absent: 'Backoff/pausing(confirm) !pause',
      hurry: 'Backoff/confirming',
      ...{
        unauthorized: BACK_TO_LIST,
        forbidden: BACK_TO_LIST,
        notFound: BACK_TO_LIST,
        gone: BACK_TO_LIST,
        decode: BACK_TO_LIST,
        other: BACK_TO_LIST,
      },
    },
  },
  'confirming for the second time': {
    state: reached('start', 'notFound', 'absent', 'timer'),
    does: {
      present: BACK_TO_LIST,
      absent: 'Waiting/awaiting !await',
      hurry: 'Backoff/confirming',
      ...{
        unauthorized: BACK_TO_LIST,
        forbidden: BACK_TO_LIST,
        notFound: BACK_TO_LIST,
        gone: BACK_TO_LIST,
        decode: BACK_TO_LIST,
        other: BACK_TO_LIST,
      },
    },
  },
};

describe('watch state machine', () => {
  for (const [situation, { state, does }] of Object.entries(TABLE)) {
    describe(situation, () => {
      for (const name of Object.keys(INPUTS) as InputName[]) {
        const expected = name === 'stop' ? 'Stopped/nothing !cancel' : does[name];
        it(`${expected === undefined ? 'ignores' : 'answers'} ${name}${expected === undefined ? '' : ` with ${expected}`}`, () => {
          const answer = step(state, INPUTS[name], LATER_MS);
          if (expected !== undefined) expect(describeStep(answer)).to.equal(expected);
          else expect(answer).to.deep.equal({ state, action: undefined });
        });
      }
    });
  }

  it('is not hurried into two connects within a second', () => {
    const state = reached('start', 'listed', 'other');

    const hurried = step(state, INPUTS.hurry, NOW_MS + 400);

    expect(describeStep(hurried)).to.equal('Backoff/pausing(watch) !pause');
    expect(hurried.action).to.deep.equal({ type: 'pause', minMs: 600, maxMs: 600 });
  });

  it('starts its backoff anew when hurried, also in the middle of an attempt, but once until a stream was steady', () => {
    const tired = { ...reached('start', 'notFound'), failures: 6 };
    const hurried = step(tired, INPUTS.hurry, LATER_MS).state;
    const steady = step({ ...reached('start', 'listed', 'connected'), hurried: true }, INPUTS.other, NOW_MS + 120_000).state;

    expect(step(hurried, INPUTS.present, LATER_MS).action).to.deep.equal({ type: 'pause', minMs: 400, maxMs: 800 });
    expect(step({ ...tired, hurried: true }, INPUTS.hurry, LATER_MS).action, 'a second time').to.equal(undefined);
    expect(steady.hurried).to.equal(false);
  });

  it('doubts the first 403 after a failure, and believes the second', () => {
    const first = step(reached('start', 'listed', 'other', 'timer'), INPUTS.forbidden, LATER_MS);
    const second = step(step(first.state, INPUTS.timer, LATER_MS).state, INPUTS.forbidden, LATER_MS);

    expect(first.action).to.deep.equal({ type: 'pause', minMs: 1_000, maxMs: 2_000 });
    expect(second.action).to.deep.equal({ type: 'pause', minMs: 30_000, maxMs: 33_000 });
  });

  describe('stopped', () => {
    for (const name of Object.keys(INPUTS) as InputName[]) {
      it(`ignores ${name}`, () => {
        const state = reached('start', 'stop');
        expect(step(state, INPUTS[name], LATER_MS)).to.deep.equal({ state, action: undefined });
      });
    }
  });

  describe('times', () => {
    const streaming = reached('start', 'listed', 'connected');

    it('doubles the backoff from 0.8 s to 30 s, from half to the whole of it', () => {
      let state = reached('start');
      const pauses: unknown[] = [];
      for (let i = 0; i < 8; i++) {
        const answer = step(state, INPUTS.other, NOW_MS);
        pauses.push(answer.action);
        state = step(answer.state, INPUTS.timer, NOW_MS).state;
      }
      const expected = [800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000];
      expect(pauses).to.deep.equal(expected.map((ms) => ({ type: 'pause', minMs: ms / 2, maxMs: ms })));
    });

    it('starts the backoff anew after a stream has lived for two minutes, and not on connect', () => {
      const tried = { ...streaming, failures: 5 };
      expect(step(tried, INPUTS.other, NOW_MS + 119_999).state.failures).to.equal(6);
      expect(step(tried, INPUTS.other, NOW_MS + 120_000).state.failures).to.equal(1);
    });

    it('reconnects within a second, without a backoff step, after a clean end of a stream that lived 5 s', () => {
      const { state, action } = step(streaming, INPUTS.ended, NOW_MS + 5_000);
      expect(action).to.deep.equal({ type: 'pause', minMs: 0, maxMs: 1_000 });
      expect(state).to.include({ phase: 'Watching', failures: 0, detail: '' });
    });

    it('counts an earlier clean end as a failure and waits at least a second from the connect', () => {
      const { state, action } = step(streaming, INPUTS.ended, NOW_MS + 100);
      expect(action).to.deep.equal({ type: 'pause', minMs: 900, maxMs: 900 });
      expect(state).to.include({ phase: 'Backoff', failures: 1 });
    });

    it('waits for Retry-After when it is longer than the backoff, and at most a minute', () => {
      const listing = reached('start');
      expect(step(listing, failed('other', 100), NOW_MS).action).to.deep.equal({ type: 'pause', minMs: 400, maxMs: 800 });
      expect(step(listing, failed('other', 7_000), NOW_MS).action).to.deep.equal({ type: 'pause', minMs: 7_000, maxMs: 7_000 });
      expect(step(listing, failed('other', 900_000), NOW_MS).action).to.deep.equal({ type: 'pause', minMs: 60_000, maxMs: 60_000 });
    });

    it('waits 30 s to 5 min while denied', () => {
      let state = reached('start');
      const least: number[] = [];
      for (let i = 0; i < 6; i++) {
        const answer = step(state, INPUTS.forbidden, NOW_MS);
        if (answer.action?.type === 'pause') least.push(answer.action.minMs);
        state = step(answer.state, INPUTS.timer, NOW_MS).state;
      }
      expect(least).to.deep.equal([30_000, 60_000, 120_000, 240_000, 300_000, 300_000]);
      expect(step(state, INPUTS.accepted, NOW_MS).state.denials).to.equal(0);
    });

    it('asks discovery twice, five seconds apart, before it empties the store', () => {
      const first = step(reached('start', 'listed', 'notFound'), INPUTS.absent, NOW_MS);
      expect(first.action).to.deep.equal({ type: 'pause', minMs: 5_000, maxMs: 5_000 });
      const second = step(step(first.state, INPUTS.timer, NOW_MS).state, INPUTS.absent, NOW_MS);
      expect(second.action).to.deep.equal({ type: 'await', clearFirst: true });
      expect(second.state).to.include({ resourceVersion: undefined, listReason: 'returned', failures: 0 });
    });
  });

  describe('versions', () => {
    it('follow events and bookmarks, never backwards by an event', () => {
      const streaming = reached('start', 'listed', 'connected', 'bookmark');
      expect(streaming.resourceVersion).to.equal('205');
      expect(step(streaming, { type: 'event', resourceVersion: '204' }, NOW_MS).state.resourceVersion).to.equal('205');
      expect(step(streaming, { type: 'event', resourceVersion: undefined }, NOW_MS).state.resourceVersion).to.equal('205');
    });

    it('survive every failure but a 410', () => {
      for (const kind of ['other', 'decode', 'forbidden', 'unauthorized', 'notFound', 'gone'] as const) {
        expect(step(reached('start', 'listed', 'connected', 'event'), failed(kind), LATER_MS).state.resourceVersion).to.equal('201');
      }
    });
  });

  describe('reasons to list', () => {
    const reasonReachedBy = (...names: InputName[]): string => reached(...names).listReason;

    it('are initial until a first list was finished', () => {
      expect(reasonReachedBy('start', 'other', 'timer')).to.equal('initial');
      expect(reasonReachedBy('start', 'notFound', 'present', 'timer')).to.equal('initial');
      expect(reasonReachedBy('startAwaiting', 'served')).to.equal('initial');
    });

    it('are gone after a 410 and decode after three unreadable lines at one version', () => {
      expect(reasonReachedBy('start', 'listed', 'connected', 'gone')).to.equal('gone');
      const broken = reached('start', 'listed', 'connected', 'decode', 'timer', 'connected', 'decode', 'timer', 'connected');
      expect(step(broken, INPUTS.decode, LATER_MS).state).to.include({ listReason: 'decode', next: 'list', brokenTimes: 0 });
    });

    it('begin to count anew when the version moved between unreadable lines', () => {
      const moved = reached('start', 'listed', 'connected', 'decode', 'timer', 'connected', 'decode', 'timer', 'connected', 'event');
      expect(step(moved, INPUTS.decode, LATER_MS).state).to.include({ next: 'watch', brokenTimes: 1 });
    });

    it('back off when a list after a 410 was followed by another 410 at once', () => {
      const relisted = reached('start', 'listed', 'connected', 'gone', 'listed', 'timer', 'connected', 'event');
      expect(describeStep(step(relisted, INPUTS.gone, NOW_MS + 4_999))).to.equal(BACK_TO_LIST);
      expect(describeStep(step(relisted, INPUTS.gone, NOW_MS + 5_000))).to.equal('Listing/listing !list');
    });
  });

  it('never gets stuck: whatever happened, something is under way or it is stopped or was never started', () => {
    const inputs = fc.array(
      fc.tuple(fc.constantFrom(...(Object.keys(INPUTS) as InputName[]).filter((name) => name !== 'stop')), fc.nat(200_000)),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(inputs, (sequence) => {
        let state = step(initialState('example.org/v1'), INPUTS.start, 0).state;
        let nowMs = 0;
        for (const [name, passedMs] of sequence) {
          nowMs += passedMs;
          const answer = step(state, INPUTS[name], nowMs);
          if (answer.state.doing !== state.doing && answer.state.doing !== 'streaming') expect(answer.action).not.to.equal(undefined);
          if (answer.action?.type === 'pause') expect(answer.action.maxMs).to.be.within(answer.action.minMs, 300_000);
          state = answer.state;
          expect(state.doing).not.to.equal('nothing');
        }
      }),
    );
  });

  it('never connects twice within a second', () => {
    const inputs = fc.array(
      fc.tuple(fc.constantFrom(...(Object.keys(INPUTS) as InputName[]).filter((name) => name !== 'stop')), fc.nat(3_000)),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(inputs, (sequence) => {
        let state = step(initialState('example.org/v1'), INPUTS.start, 0).state;
        let nowMs = 0;
        let pauseEndsMs = 0;
        let connectedMs = Number.NEGATIVE_INFINITY;
        for (const [name, passedMs] of sequence) {
          nowMs = name === 'timer' ? Math.max(nowMs, pauseEndsMs) : nowMs + passedMs;
          const answer = step(state, INPUTS[name], nowMs);
          if (answer.action?.type === 'pause') pauseEndsMs = nowMs + answer.action.minMs;
          if (answer.action?.type === 'watch') {
            expect(nowMs - connectedMs).to.be.at.least(1_000);
            connectedMs = nowMs;
          }
          state = answer.state;
        }
      }),
    );
  });
});
