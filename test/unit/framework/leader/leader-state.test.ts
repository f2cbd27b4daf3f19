import { expect } from 'chai';
import type { Lease } from '../../../../src/framework/kinds/core-kinds';
import { INITIAL_LEADER_STATE, type LeaderInput, type LeaderState, step } from '../../../../src/framework/leader/leader-state';
import { aLease } from './fake-leases';

const RULES = { identity: 'me', leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };

const versioned = (holderIdentity: string, resourceVersion: string): Lease => {
  const lease = aLease({ holderIdentity, leaseDurationSeconds: 15 });
  return { ...lease, metadata: { ...lease.metadata, resourceVersion } };
};
const OURS = versioned('me', '1');
const THEIRS = versioned('other', '1');

const asking = (call: 'reading' | 'writing', state: Partial<LeaderState> = {}): LeaderState => ({
  ...INITIAL_LEADER_STATE,
  doing: call,
  askedMs: 1_000,
  ...state,
});
const leading: Partial<LeaderState> = { phase: 'leading', renewedMs: 0, stale: false, seen: { lease: OURS, present: true, sinceMs: 0 } };

interface Row {
  readonly given: string;
  readonly state: LeaderState;
  readonly input: LeaderInput;
  readonly nowMs: number;
  readonly outcome: { readonly phase: LeaderState['phase']; readonly actions: readonly string[] };
}

const seen = (lease: Lease, sinceMs: number): LeaderState['seen'] => ({ lease, present: true, sinceMs });

const ROWS: readonly Row[] = [
  {
    given: 'the start',
    state: INITIAL_LEADER_STATE,
    input: { type: 'start' },
    nowMs: 0,
    outcome: { phase: 'standby', actions: ['read'] },
  },
  {
    given: 'no Lease',
    state: asking('reading'),
    input: { type: 'read', lease: undefined },
    nowMs: 1_000,
    outcome: { phase: 'standby', actions: ['write'] },
  },
  {
    given: 'a released Lease',
    state: asking('reading'),
    input: { type: 'read', lease: versioned('', '1') },
    nowMs: 1_000,
    outcome: { phase: 'standby', actions: ['write'] },
  },
  {
    given: 'a Lease of our own, from a claim whose answer was lost',
    state: asking('reading'),
    input: { type: 'read', lease: OURS },
    nowMs: 1_000,
    outcome: { phase: 'standby', actions: ['write'] },
  },
  {
    given: 'a held Lease seen for the first time',
    state: asking('reading'),
    input: { type: 'read', lease: THEIRS },
    nowMs: 1_000_000,
    outcome: { phase: 'standby', actions: ['pause'] },
  },
  {
    given: 'a held Lease unchanged for less than it lasts',
    state: asking('reading', { seen: seen(THEIRS, 1_000) }),
    input: { type: 'read', lease: THEIRS },
    nowMs: 15_999,
    outcome: { phase: 'standby', actions: ['pause'] },
  },
  {
    given: 'a held Lease unchanged for as long as it lasts',
    state: asking('reading', { seen: seen(THEIRS, 1_000) }),
    input: { type: 'read', lease: THEIRS },
    nowMs: 16_000,
    outcome: { phase: 'standby', actions: ['write'] },
  },
  {
    given: 'a held Lease that has changed',
    state: asking('reading', { seen: seen(THEIRS, 1_000) }),
    input: { type: 'read', lease: versioned('other', '2') },
    nowMs: 16_000,
    outcome: { phase: 'standby', actions: ['pause'] },
  },
  {
    given: 'a held Lease that was deleted before it expired',
    state: asking('reading', { seen: seen(THEIRS, 1_000) }),
    input: { type: 'read', lease: undefined },
    nowMs: 15_999,
    outcome: { phase: 'standby', actions: ['pause'] },
  },
  {
    given: 'a claim that was accepted',
    state: asking('writing'),
    input: { type: 'written', lease: OURS },
    nowMs: 5_000,
    outcome: { phase: 'leading', actions: ['gained', 'pause'] },
  },
  {
    given: 'a claim whose answer came after its own deadline',
    state: asking('writing'),
    input: { type: 'written', lease: OURS },
    nowMs: 11_000,
    outcome: { phase: 'standby', actions: ['pause'] },
  },
  {
    given: 'a claim that met a newer version',
    state: asking('writing'),
    input: { type: 'conflict' },
    nowMs: 1_100,
    outcome: { phase: 'standby', actions: ['pause'] },
  },
  {
    given: 'a renewal that was accepted',
    state: asking('writing', leading),
    input: { type: 'written', lease: OURS },
    nowMs: 9_999,
    outcome: { phase: 'leading', actions: ['pause'] },
  },
  {
    given: 'a renewal that was accepted at the deadline',
    state: asking('writing', leading),
    input: { type: 'written', lease: OURS },
    nowMs: 10_000,
    outcome: { phase: 'ending', actions: ['lost'] },
  },
  {
    given: 'a renewal that met a newer version',
    state: asking('writing', leading),
    input: { type: 'conflict' },
    nowMs: 2_000,
    outcome: { phase: 'leading', actions: ['read'] },
  },
  {
    given: 'a renewal without an answer',
    state: asking('writing', leading),
    input: { type: 'failed' },
    nowMs: 6_000,
    outcome: { phase: 'leading', actions: ['pause'] },
  },
  {
    given: 'a Lease that is still ours after a conflict',
    state: asking('reading', { ...leading, stale: true }),
    input: { type: 'read', lease: versioned('me', '9') },
    nowMs: 2_000,
    outcome: { phase: 'leading', actions: ['write'] },
  },
  {
    given: 'a Lease of another one while we thought we led',
    state: asking('reading', { ...leading, stale: true }),
    input: { type: 'read', lease: versioned('other', '9') },
    nowMs: 2_000,
    outcome: { phase: 'ending', actions: ['lost'] },
  },
  {
    given: 'nothing but time, up to the deadline',
    state: asking('writing', leading),
    input: { type: 'clock' },
    nowMs: 10_000,
    outcome: { phase: 'ending', actions: ['lost'] },
  },
  {
    given: 'a pause that ends while the work of the term ends',
    state: asking('reading', { phase: 'ending', doing: 'pausing' }),
    input: { type: 'due' },
    nowMs: 2_000,
    outcome: { phase: 'ending', actions: [] },
  },
  {
    given: 'the end of the work of a lost term',
    state: asking('reading', { phase: 'ending', doing: 'nothing' }),
    input: { type: 'ended' },
    nowMs: 2_000,
    outcome: { phase: 'standby', actions: ['read'] },
  },
  {
    given: 'the end of the work of a lost term at shutdown',
    state: asking('reading', { phase: 'ending', doing: 'nothing', retired: true }),
    input: { type: 'ended' },
    nowMs: 2_000,
    outcome: { phase: 'ending', actions: [] },
  },
  {
    given: 'shutdown while standing by',
    state: asking('reading'),
    input: { type: 'retire' },
    nowMs: 2_000,
    outcome: { phase: 'stopped', actions: [] },
  },
  {
    given: 'an accepted claim after shutdown began',
    state: asking('writing', { phase: 'stopped', retired: true }),
    input: { type: 'written', lease: OURS },
    nowMs: 2_000,
    outcome: { phase: 'stopped', actions: [] },
  },
];

describe('a step of leader election', () => {
  for (const { given, state, input, nowMs, outcome } of ROWS) {
    const told = [outcome.phase, ...outcome.actions].join(', ');
    it(`given ${given}: ${told}`, () => {
      const after = step(state, input, nowMs, RULES);

      expect({ phase: after.state.phase, actions: after.actions.map(({ type }) => type) }).to.deep.equal(outcome);
    });
  }

  it('counts the deadline from the start of the request, not from its answer', () => {
    const { state } = step(asking('writing', leading), { type: 'written', lease: OURS }, 4_000, RULES);

    expect(state.renewedMs).to.equal(1_000);
    expect(step(state, { type: 'clock' }, 10_999, RULES).state.phase).to.equal('leading');
    expect(step(state, { type: 'clock' }, 11_000, RULES).state.phase).to.equal('ending');
  });

  it('keeps a refused write in mind while the Lease could be claimed, and forgets it when another one leads', () => {
    const denied = step(asking('writing'), { type: 'failed', denied: 'forbidden' }, 1_000, RULES).state;
    const again = step({ ...denied, doing: 'reading' }, { type: 'read', lease: undefined }, 3_000, RULES).state;
    expect(again.denied?.text).to.equal('forbidden');

    const led = step({ ...denied, doing: 'reading' }, { type: 'read', lease: THEIRS }, 3_000, RULES).state;
    expect(led.denied).to.equal(undefined);
  });
});
